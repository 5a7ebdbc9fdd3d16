// A wall clock that was once ahead, and what it must not leave behind once it is right again. Timers: rollout_test.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/hub/core/fake_fleet.h"

namespace kelpie::hub {
namespace {

using namespace std::chrono_literals;
using test::FakeFleet;
using test::make_policy;

/// The hub starts again and its clock is right.
void set_right(FakeFleet& fleet, WallTime right) {
  fleet.now = right;
  fleet.restart_hub();
}

TEST(Clock, RolloutsGoInTheOrderTheyWereStartedIn) {
  FakeFleet fleet;
  fleet.add(1);
  const WallTime right = fleet.now;
  fleet.now = right + std::chrono::years(10);
  fleet.device("pi-1").is_on = false;
  fleet.pass(3min);
  const RolloutId first = fleet.start(make_policy({})).id;
  set_right(fleet, right);
  const RolloutId second = fleet.start_beside(make_policy({}), "2").id;
  EXPECT_LT(first, second) << "ids sort by when they were made";
  EXPECT_EQ(fleet.rollout().id, second) << "and not with the first one, which is done then";

  fleet.device("pi-1").is_on = true;
  fleet.pass(1min);
  fleet.finish("pi-1");
  fleet.finish("pi-1");
  fleet.pass(1min);
  const DeviceId device = fleet.device("pi-1").id;
  EXPECT_EQ(fleet.device("pi-1").executed,
            (std::vector<std::string>{fmt::format("{}/{}/1", first.text(), device.hex()),
                                      fmt::format("{}/{}/1", second.text(), device.hex())}))
      << "the older release must not come last";
}

TEST(Clock, OldPreviewsMakeRoomForNewOnes) {
  constexpr int kPreviewsMax = 1'000;
  FakeFleet fleet;
  fleet.add(1);
  const WallTime right = fleet.now;
  fleet.start(make_policy({}));
  fleet.now = right + std::chrono::years(10);
  for (int i = 0; i < kPreviewsMax; ++i) {
    fleet.now = fleet.now + 1s;
    ASSERT_TRUE(fleet.write(MakePlan{.fleet = "edge"}));
  }
  set_right(fleet, right);
  const Result<std::string> plan = fleet.write(MakePlan{.fleet = "edge"});
  ASSERT_TRUE(plan);
  EXPECT_TRUE(fleet.state().plans.contains(*PlanId::parse(plan->substr(plan->find('/') + 1))));
}

TEST(Clock, ARetryIsAnsweredFromMemoryWhateverIsRememberedFromThen) {
  constexpr int kRememberedMax = 10'000;
  FakeFleet fleet;
  for (int i = 0; i < kRememberedMax; ++i) {
    fleet.state().remembered[fmt::format("then-{}", i)] = {
        .fingerprint = "f", .object = "device/x", .at = fleet.now + std::chrono::years(10)};
  }
  fleet.restart_hub();
  const auto add = [&](char last) {
    const std::string hex = std::string(31, 'a') + last;
    return fleet.write(AddDevice{fmt::format("pi-{}", last), *DeviceId::from_hex(hex), {}},
                       fmt::format("key-{}", last));
  };
  fleet.now = fleet.now + 1s;
  ASSERT_TRUE(add('1'));
  ASSERT_TRUE(add('2'));
  EXPECT_TRUE(add('1')) << "forgotten, as if it were the oldest";
  EXPECT_LE(fleet.state().remembered.size(), static_cast<std::size_t>(kRememberedMax));
  EXPECT_FALSE(fleet.state().remembered.contains("key-3"));
}

}  // namespace
}  // namespace kelpie::hub
