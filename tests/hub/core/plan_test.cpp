#include "hub/core/rollout/plan.h"

#include <numeric>

#include <gtest/gtest.h>

#include "tests/hub/core/fake_fleet.h"

namespace kelpie::hub {
namespace {

using test::FakeFleet;
using test::make_policy;
using test::wave_of;
using test::wave_up_to;

// A second, naive reading of R3: counts one device at a time.
std::vector<std::uint32_t> naive_sizes(std::uint32_t devices, const std::vector<std::uint32_t>& percents) {
  std::vector<std::uint32_t> sizes;
  std::uint32_t done = 0;
  for (std::size_t i = 0; i < percents.size(); ++i) {
    std::uint32_t size = 0;
    while (done < devices && (i + 1 == percents.size() || size == 0 || done * 100 < devices * percents[i])) {
      ++done;
      ++size;
    }
    sizes.push_back(size);
  }
  return sizes;
}

TEST(Plan, WaveSizesEqualTheNaiveReadingForEverySmallFleet) {
  const std::vector<std::vector<std::uint32_t>> families = {
      {100}, {1, 100}, {1, 10, 50, 100}, {25, 50, 75, 100}, {33, 66, 100}, {99, 100}, {5, 6, 7, 100}};
  for (std::uint32_t devices = 1; devices <= 200; ++devices) {
    for (const std::vector<std::uint32_t>& percents : families) {
      std::vector<WaveSpec> waves;
      for (const std::uint32_t percent : percents) waves.push_back(wave_up_to("w", percent * 100));
      const std::vector<std::uint32_t> sizes = wave_sizes(devices, waves);
      EXPECT_EQ(sizes, naive_sizes(devices, percents)) << devices << " devices";
      EXPECT_EQ(std::accumulate(sizes.begin(), sizes.end(), 0U), devices);
    }
  }
}

TEST(Plan, DefaultWavesFollowTheFleetSize) {
  EXPECT_EQ(wave_sizes(1, default_waves(1)), (std::vector<std::uint32_t>{1}));
  EXPECT_EQ(wave_sizes(4, default_waves(4)), (std::vector<std::uint32_t>{1, 3}));
  EXPECT_EQ(wave_sizes(20, default_waves(20)), (std::vector<std::uint32_t>{1, 4, 15}));
  EXPECT_EQ(wave_sizes(300, default_waves(300)), (std::vector<std::uint32_t>{3, 27, 120, 150}));
}

TEST(Plan, FailureLimitRoundsDownAndStaysBelowAllMembers) {
  for (std::uint32_t members = 1; members <= 300; ++members) {
    for (std::uint32_t bp = 0; bp < kBasisPoints; bp += 37) EXPECT_LT(failures_max(members, bp), members);
  }
  EXPECT_EQ(failures_max(16, 500), 0U);
  EXPECT_EQ(failures_max(100, 300), 3U);
}

TEST(Plan, CanaryToleratesNothingAndTheRestFollowsThePolicy) {
  FakeFleet fleet;
  fleet.add(10);
  const Rollout& rollout = fleet.start(make_policy({wave_of("canary", 2), wave_up_to("rest", kBasisPoints)}));
  const PlannedWave& canary = rollout.waves[0].plan;
  EXPECT_EQ(canary.failures_max, 0U);
  EXPECT_EQ(canary.deferred_max, 0U);
  EXPECT_EQ(canary.successes_min, 2U);
  EXPECT_EQ(rollout.waves[1].plan.deferred_max, 1U);
  EXPECT_EQ(rollout.waves[1].plan.devices.size(), 8U);
}

TEST(Plan, ADangerousReleaseStartsOnlyWithADangerousSignature) {
  FakeFleet fleet;
  fleet.add(1);
  Release release = test::make_release("1");
  release.dangers = {"workload kiosk: a privileged container"};
  ASSERT_TRUE(fleet.write(StoreRelease{release}));
  MakePlan wanted;
  wanted.selector = "role=edge";
  wanted.release = "kiosk@1";
  ASSERT_TRUE(fleet.write(wanted));
  const Plan& plan = fleet.state().plans.rbegin()->second;
  EXPECT_EQ(plan.warnings, (std::vector<std::string>{"dangerous: workload kiosk: a privileged container"}));
  StartRollout start;
  start.plan = plan.id;
  start.signed_plan = {.hash = plan.policy_hash,
                       .frame = "plan",
                       .scope = plan.scope,
                       .count = 1,
                       .audience_root = plan.audience_root,
                       .policy_hash = plan.policy_hash,
                       .not_after = fleet.now + std::chrono::hours(1),
                       .persons = {"ana"}};
  const Result<std::string> refused = fleet.write(start);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "E_PLAN_SIG");
  start.signed_plan.is_dangerous = true;
  EXPECT_TRUE(fleet.write(start));
}

TEST(Plan, SameInputsGiveTheSameHashAndOthersAnother) {
  FakeFleet one;
  one.add(5);
  FakeFleet two;
  two.add(5);
  const Policy policy = make_policy({});
  one.start(policy);
  two.start(policy);
  const Plan& a = one.state().plans.begin()->second;
  const Plan& b = two.state().plans.begin()->second;
  EXPECT_EQ(a.policy_hash, b.policy_hash);
  EXPECT_EQ(a.audience_root, b.audience_root);
  Policy other = policy;
  other.on_fail = OnFail::Abort;
  EXPECT_NE(a.policy_hash, policy_hash(a.release, a.scope, a.waves, other));
  EXPECT_NE(a.policy_hash, policy_hash(a.release, "adhoc", a.waves, policy));
}

TEST(Plan, OfflineDevicesComeLastSoThatACanaryCanGiveEvidence) {
  FakeFleet fleet;
  fleet.add(6);
  for (const char* name : {"pi-1", "pi-2", "pi-3"}) fleet.device(name).is_on = false;
  fleet.pass(std::chrono::minutes(3));
  const Rollout& rollout = fleet.start(make_policy({wave_of("canary", 3), wave_up_to("rest", kBasisPoints)}));
  for (const DeviceId& id : rollout.waves[0].plan.devices)
    EXPECT_EQ(fleet.state().devices.at(id).connection, Connection::Online);
}

TEST(Plan, GoesStaleWhenWhatItStandsOnChanges) {
  FakeFleet fleet;
  fleet.add(3);
  fleet.start(make_policy({}));
  MakePlan wanted;
  wanted.fleet = "edge";
  const Plan plan = fleet.state().plans.at(*PlanId::parse(fleet.write(wanted)->substr(5)));
  EXPECT_EQ(stale_because(fleet.state(), plan), "");
  fleet.add(1);
  EXPECT_EQ(stale_because(fleet.state(), plan), "pi-4 now matches too");
}

}  // namespace
}  // namespace kelpie::hub
