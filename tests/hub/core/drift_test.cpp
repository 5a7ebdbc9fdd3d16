// What facts take away from a device that had proved its release.
#include <algorithm>

#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "hub/core/rollout/plan.h"
#include "tests/hub/core/fake_fleet.h"

namespace kelpie::hub {
namespace {

using test::FakeFleet;
using test::make_policy;

const WorkloadName kNodered{.name_space = "default", .name = "nodered", .kind = "Deployment"};

Wants kiosk_wants() {
  return {.is_running = true,
          .channel = "1.32/stable",
          .addons = {"dashboard", "dns"},
          .addons_absent = {"ingress"},
          .workloads = {kNodered}};
}

Sight all_there() {
  return {.node_state = "running",
          .channel = "1.32/stable",
          .has_objects = true,
          .addons = {"dashboard", "dns"},
          .addons_absent = {"ingress", "registry"},
          .workloads = {kNodered}};
}

std::string told(const Sight& sight, Drift before = {}) {
  return fmt::format("{}", fmt::join(drift_after(std::move(before), kiosk_wants(), sight).lines(), "; "));
}

TEST(Drift, IsNothingWhileAllIsThere) {
  EXPECT_EQ(told(all_there()), "");
}

TEST(Drift, NamesWhatIsAbsent) {
  Sight sight = all_there();
  sight.addons = {"dns", "ingress"};
  sight.addons_absent = {"dashboard"};
  sight.workloads = {{.name_space = "default", .name = "nodered", .kind = "StatefulSet"}};
  sight.channel = "1.33/stable";
  EXPECT_EQ(told(sight),
            "MicroK8s follows 1.33/stable, not 1.32/stable; add-on dashboard is not enabled; add-on ingress is "
            "enabled; workload default/nodered is gone");
}

TEST(Drift, IsNotWhatIsOnlyIll) {
  Sight sight = all_there();
  sight.addons = {};  // being restarted: neither ready nor absent
  sight.node_state = "not-ready";
  EXPECT_EQ(told(sight), "");
}

TEST(Drift, OfAStoppedNodeSaysNothingNewOfItsObjects) {
  const Sight stopped{.node_state = "stopped",
                      .channel = "1.32/stable",
                      .has_objects = false,
                      .addons = {},
                      .addons_absent = {},
                      .workloads = {}};
  EXPECT_EQ(told(stopped), "MicroK8s is stopped");
  EXPECT_EQ(told(stopped, {.node = {}, .objects = {"workload default/nodered is gone"}}),
            "MicroK8s is stopped; workload default/nodered is gone");
  EXPECT_EQ(told({.node_state = "not-installed"}), "MicroK8s is not installed");
}

TEST(Drift, IsToldInAtMostSixteenLines) {
  Wants wants;
  for (int i = 0; i < 20; ++i) wants.workloads.push_back({"default", fmt::format("w{}", i), "Deployment"});
  const Drift drift = drift_after({}, wants, {.node_state = "running", .has_objects = true});
  ASSERT_EQ(drift.lines().size(), 16U);
  EXPECT_EQ(drift.lines().back(), "5 more");
}

// ---- on a device of a fleet ----------------------------------------------------------------------------------------

Sight without_nodered() {
  Sight sight = all_there();
  sight.workloads.clear();
  return sight;
}

/// pi-1 with kiosk@1 proved, no facts yet.
FakeFleet proved() {
  FakeFleet fleet;
  fleet.add(1);
  const Digest release = fleet.start(make_policy({})).release;
  fleet.state().releases.at(release).wants = kiosk_wants();
  fleet.finish("pi-1");
  return fleet;
}

Update update(FakeFleet& fleet) {
  return *fleet.state().counted.begin()->second.update;
}
std::size_t already_there(FakeFleet& fleet) {
  MakePlan wanted;
  wanted.fleet = "edge";
  return make_plan(fleet.state(), wanted, fleet.now)->already_there.size();
}
std::ptrdiff_t told(const FakeFleet& fleet, const std::string& event) {
  return std::count(fleet.feed.begin(), fleet.feed.end(), event + " device/pi-1 kiosk@1");
}

TEST(Drift, MakesADeviceOutOfDateAndCountsAsAChange) {
  FakeFleet fleet = proved();
  fleet.report("pi-1", all_there());
  EXPECT_EQ(update(fleet), Update::UpToDate);
  EXPECT_EQ(already_there(fleet), 1U);
  fleet.report("pi-1", without_nodered());
  fleet.report("pi-1", without_nodered());
  EXPECT_EQ(update(fleet), Update::OutOfDate);
  EXPECT_EQ(fleet.state().totals.update[Update::OutOfDate], 1U);
  EXPECT_EQ(already_there(fleet), 0U);
  EXPECT_TRUE(fleet.state().proved.empty());
  EXPECT_EQ(told(fleet, "device.drifted"), 1);
}

TEST(Drift, OutlivesTheHub) {
  FakeFleet fleet = proved();
  fleet.report("pi-1", without_nodered());
  fleet.restart_hub();
  EXPECT_EQ(update(fleet), Update::OutOfDate);
}

TEST(Drift, EndsWhenWhatIsWantedIsThereAgain) {
  FakeFleet fleet = proved();
  fleet.report("pi-1", without_nodered());
  fleet.report("pi-1", all_there());
  EXPECT_EQ(update(fleet), Update::UpToDate);
  EXPECT_EQ(told(fleet, "device.settled"), 1);
}

TEST(Drift, EndsWithTheNextSuccess) {
  FakeFleet fleet = proved();
  fleet.report("pi-1", without_nodered());
  MakePlan again;
  again.fleet = "edge";
  ASSERT_TRUE(fleet.start_plan(again));
  fleet.finish("pi-1");
  EXPECT_EQ(update(fleet), Update::UpToDate);
}

TEST(Drift, IsNotWhatTheNextReleaseTakesAwayOnItsWayIn) {
  FakeFleet fleet = proved();
  fleet.start(make_policy({}), "2");
  fleet.report("pi-1", AttemptState::Soaking);
  fleet.report("pi-1", without_nodered());
  EXPECT_EQ(told(fleet, "device.drifted"), 0);
  fleet.report("pi-1", AttemptState::Succeeded);
  EXPECT_EQ(update(fleet), Update::UpToDate);
}

}  // namespace
}  // namespace kelpie::hub
