// Why a target failed or a wave was stopped: the words people, scripts and the groups of failures go by.
#include <algorithm>

#include <gtest/gtest.h>

#include "tests/hub/core/fake_fleet.h"

namespace kelpie::hub {
namespace {

using namespace std::chrono_literals;
using test::FakeFleet;
using test::make_policy;
using test::wave_up_to;

Policy policy_of(std::uint32_t failure_bp) {
  WaveSpec all = wave_up_to("all", kBasisPoints);
  all.failure_bp = failure_bp;
  return make_policy({all});
}

bool has_told(const FakeFleet& fleet, const std::string& event) {
  return std::ranges::find(fleet.feed, event) != fleet.feed.end();
}

TEST(Ends, ADeviceThatDoesNotGetReadyInTimeHasFailed) {
  FakeFleet fleet;
  fleet.add(1);
  Policy policy = policy_of(0);
  policy.timeouts.prepare = 1min;  // before three heartbeats are missed
  fleet.device("pi-1").is_on = false;
  fleet.start(policy);
  fleet.pass(1min);
  EXPECT_TRUE(fleet.rollout().failed.contains("prepare-timeout")) << fleet.targets();
  EXPECT_EQ(fleet.rollout().phase_reason, "failure_limit");
}

TEST(Ends, SilenceIsSaidToBeSilence) {
  FakeFleet fleet;
  fleet.add(1);
  fleet.start(policy_of(0));
  fleet.device("pi-1").is_on = false;
  fleet.pass(2h);
  EXPECT_TRUE(has_told(fleet, "device.offline device/pi-1 silent"));
  EXPECT_TRUE(has_told(fleet, "target.unknown device/pi-1 silent"));
}

TEST(Ends, AWaveThatCanNoLongerGiveItsEvidenceIsStopped) {
  FakeFleet fleet;
  fleet.add(2);
  Policy policy = policy_of(9'000);
  policy.thresholds.min_successes = 2;
  fleet.start(policy);
  fleet.fail("pi-1", "addon-timeout");
  EXPECT_EQ(fleet.rollout().phase, RolloutPhase::Paused);
  EXPECT_EQ(fleet.rollout().phase_reason, "no_evidence") << fleet.rollout().phase_detail;
}

TEST(Ends, FailuresThatAreTooManyForTheRestOfAWavePauseItEvenWhereFailingAborts) {
  FakeFleet fleet;
  fleet.add(4);
  Policy policy = policy_of(5'000);
  policy.on_fail = OnFail::Abort;
  fleet.start(policy);
  fleet.fail("pi-1", "addon-timeout");
  fleet.fail("pi-2", "addon-timeout");
  ASSERT_EQ(fleet.rollout().phase, RolloutPhase::Running) << "two of four may fail";
  ASSERT_TRUE(fleet.write(DecommissionDevice{.name = "pi-4", .reason = "sold"}));
  EXPECT_EQ(fleet.rollout().phase, RolloutPhase::Paused) << "nobody failed: a person took one away";
  EXPECT_EQ(fleet.rollout().phase_reason, "threshold_tightened") << fleet.rollout().phase_detail;
}

}  // namespace
}  // namespace kelpie::hub
