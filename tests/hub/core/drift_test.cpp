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

const std::string kDigest = "sha256:" + std::string(64, 'a');
const Look kLook{.release = blake2b_256("kiosk"), .now = {60'000}, .command = {}};
const WorkloadName kNodered{.name_space = "default", .name = "nodered", .kind = "Deployment"};

Wants kiosk_wants() {
  return {.is_running = true,
          .channel = "1.32/stable",
          .is_held = true,
          .addons = {"dashboard", "dns"},
          .addons_absent = {"ingress"},
          .images = {{"docker.io/nodered/node-red:3.1", kDigest}},
          .workloads = {kNodered}};
}

Sight all_there() {
  return {.node_state = "running",
          .channel = "1.32/stable",
          .is_held = true,
          .has_objects = true,
          .addons = {"dashboard", "dns"},
          .addons_absent = {"ingress", "registry"},
          .workloads = {kNodered},
          .has_images = true,
          .images = {{"docker.io/nodered/node-red:3.1", {.digest = kDigest, .is_pinned = true}}}};
}

std::string told(const Sight& sight, Drift before = {}) {
  return fmt::format("{}", fmt::join(drift_after(std::move(before), kiosk_wants(), sight, kLook).lines(), "; "));
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
  EXPECT_EQ(
      told(sight),
      "add-on dashboard is not enabled; add-on ingress is enabled; MicroK8s follows 1.33/stable, not 1.32/stable; "
      "workload default/nodered is gone");
}

TEST(Drift, IsNotWhatIsOnlyIll) {
  Sight sight = all_there();
  sight.addons = {};  // being restarted: neither ready nor absent
  sight.node_state = "not-ready";
  EXPECT_EQ(told(sight), "");
}

TEST(Drift, OfAStoppedNodeSaysNothingNewOfItsObjects) {
  const Sight stopped{.node_state = "stopped", .channel = "1.32/stable"};
  EXPECT_EQ(told(stopped), "MicroK8s is stopped");
  Drift gone;
  gone.moved["workloads/default/nodered"] = {.wanted = "there", .found = "gone", .evidence = Evidence::Objects};
  EXPECT_EQ(told(stopped, gone), "MicroK8s is stopped; workload default/nodered is gone");
  EXPECT_EQ(told({.node_state = "not-installed"}), "MicroK8s is not installed");
}

TEST(Drift, OfADeviceThatBootsIsWhatItWasBefore) {
  EXPECT_EQ(told({.node_state = "starting"}), "");
  EXPECT_EQ(told({.node_state = "unknown"}), "") << "snapd does not answer";
  Drift stopped;
  stopped.moved["node"] = {.wanted = "running", .found = "stopped"};
  EXPECT_EQ(told({.node_state = "starting"}, stopped), "MicroK8s is stopped");
}

TEST(Drift, NamesImagesThatAreGoneOrAnotherOrUnpinned) {
  Sight sight = all_there();
  sight.images["docker.io/nodered/node-red:3.1"].is_pinned = false;
  EXPECT_EQ(told(sight), "image docker.io/nodered/node-red:3.1 is not pinned");
  sight.images["docker.io/nodered/node-red:3.1"].digest = "sha256:" + std::string(64, 'b');
  EXPECT_EQ(told(sight), "image docker.io/nodered/node-red:3.1 is sha256:bbbbbbbbbbbb, not sha256:aaaaaaaaaaaa");
  sight.images.clear();
  EXPECT_EQ(told(sight), "image docker.io/nodered/node-red:3.1 is gone");
  sight.has_images = false;
  EXPECT_EQ(told(sight), "") << "they were not read";
}

TEST(Drift, OfTheChannelNamesTheChangeThatSnapdRemembers) {
  Sight sight = all_there();
  sight.channel = "1.33/stable";
  sight.is_held = false;
  sight.snap_change = "12 Auto-refresh snap \"microk8s\", Done";
  EXPECT_EQ(told(sight),
            "MicroK8s follows 1.33/stable, not 1.32/stable (by snapd change 12 Auto-refresh snap \"microk8s\", Done); "
            "automatic refreshes are not held");
}

TEST(Drift, TakesFieldsOnlyFromADeviceThatWatchesThisRelease) {
  Sight sight = all_there();
  sight.fields = {{"Deployment/default/nodered replicas", "1", "0", "kubectl at 2026-11-25T10:00:00Z"}};
  EXPECT_EQ(told(sight), "");
  sight.watched = kLook.release;
  EXPECT_EQ(told(sight), "Deployment/default/nodered replicas is 0, not 1 (by kubectl at 2026-11-25T10:00:00Z)");
  Drift before = drift_after({}, kiosk_wants(), sight, kLook);
  sight.watched = {};
  sight.fields.clear();
  EXPECT_EQ(drift_after(before, kiosk_wants(), sight, kLook), before) << "a look that compared nothing";
}

TEST(Drift, RemembersWhenItWasNoticedAndWhichCommandDidIt) {
  Sight sight = all_there();
  sight.workloads.clear();
  const Drift first =
      drift_after({}, kiosk_wants(), sight,
                  {.release = kLook.release, .now = {1'000}, .command = "command 01J: remove nodered, ana"});
  const Drift later =
      drift_after(first, kiosk_wants(), sight, {.release = kLook.release, .now = {9'000}, .command = {}});
  EXPECT_EQ(later, first);
  EXPECT_EQ(later.moved.at("workloads/default/nodered").since, WallTime{1'000});
  EXPECT_EQ(later.lines().front(), "workload default/nodered is gone (by command 01J: remove nodered, ana)");
}

TEST(Drift, IsToldInAtMostSixteenLines) {
  Wants wants;
  for (int i = 0; i < 20; ++i) wants.workloads.push_back({"default", fmt::format("w{}", i), "Deployment"});
  const Drift drift = drift_after({}, wants, {.node_state = "running", .has_objects = true}, kLook);
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

TEST(Drift, OfWhatACommandTookAwayNamesTheCommand) {
  FakeFleet fleet = proved();
  fleet.report("pi-1", all_there());
  MakePlan command;
  command.devices = {"pi-1"};
  command.release = "remove@1";
  Release release = test::make_release("remove");
  release.name = "remove";
  release.version = "1";
  release.scope = kAdhocScope;
  ASSERT_TRUE(fleet.write(StoreRelease{release}));
  ASSERT_TRUE(fleet.start_plan(command));
  fleet.rollout().verb = "remove nodered";
  fleet.report("pi-1", AttemptState::Executing);
  fleet.device("pi-1").attempt->state = AttemptState::Succeeded;
  fleet.report("pi-1", without_nodered());
  const Moved& moved = fleet.state().devices.begin()->second.drift.moved.at("workloads/default/nodered");
  EXPECT_NE(moved.by.find("remove nodered"), std::string::npos) << moved.by;
  EXPECT_TRUE(moved.is_by_command);
}

// ---- drift: ignore and repair (R23) --------------------------------------------------------------------------------

Policy with_drift(DriftRule rule) {
  Policy policy = make_policy({test::wave_up_to("all", kBasisPoints)});
  policy.drift = rule;
  return policy;
}

FakeFleet proved_with(DriftRule rule, int devices = 1) {
  FakeFleet fleet;
  fleet.add(devices);
  const Digest release = fleet.start(with_drift(rule)).release;
  fleet.state().releases.at(release).wants = kiosk_wants();
  for (int i = 1; i <= devices; ++i) fleet.finish(fmt::format("pi-{}", i));
  EXPECT_EQ(fleet.rollout().phase, RolloutPhase::Succeeded);
  return fleet;
}

std::ptrdiff_t times(const FakeFleet& fleet, const std::string& start) {
  return std::count_if(fleet.feed.begin(), fleet.feed.end(),
                       [&](const std::string& line) { return line.starts_with(start); });
}

TEST(DriftIgnored, IsShownAndCountsAsUpToDate) {
  FakeFleet fleet = proved_with(DriftRule::Ignore);
  fleet.report("pi-1", without_nodered());
  EXPECT_EQ(update(fleet), Update::UpToDate);
  EXPECT_EQ(fleet.state().devices.begin()->second.drift.lines().size(), 1U);
  EXPECT_EQ(already_there(fleet), 0U) << "a rollout that somebody starts puts it back";
  fleet.pass(std::chrono::hours(2));
  EXPECT_EQ(times(fleet, "device.repair "), 0);
}

TEST(DriftRepaired, ByOneMoreAttemptUnderThePlanThatOperatorsSigned) {
  FakeFleet fleet = proved_with(DriftRule::Repair);
  const Digest plan = fleet.rollout().plan_hash;
  fleet.report("pi-1", without_nodered());
  EXPECT_EQ(times(fleet, "device.repair device/pi-1"), 1);
  EXPECT_EQ(fleet.state().rollouts.size(), 1U);
  EXPECT_EQ(fleet.rollout().phase, RolloutPhase::Running);
  fleet.finish("pi-1");
  EXPECT_EQ(fleet.device("pi-1").executed.size(), 2U);
  EXPECT_TRUE(fleet.device("pi-1").executed.back().ends_with("/2"));
  EXPECT_EQ(fleet.rollout().phase, RolloutPhase::Succeeded);
  EXPECT_EQ(fleet.rollout().plan_hash, plan);
  EXPECT_EQ(update(fleet), Update::UpToDate);
}

TEST(DriftRepaired, AtMostOnceAnHourAndThriceADay) {
  FakeFleet fleet = proved_with(DriftRule::Repair);
  const auto moves_again = [&] {
    fleet.report("pi-1", without_nodered());
    if (fleet.rollout().phase == RolloutPhase::Running) fleet.finish("pi-1");
    return times(fleet, "device.repair device/pi-1");
  };
  EXPECT_EQ(moves_again(), 1);
  EXPECT_EQ(moves_again(), 1) << "within the hour";
  fleet.pass(std::chrono::minutes(61));
  fleet.finish("pi-1");
  EXPECT_EQ(times(fleet, "device.repair device/pi-1"), 2) << "by itself, when the hour is over";
  fleet.pass(std::chrono::minutes(61));
  EXPECT_EQ(moves_again(), 3);
  fleet.pass(std::chrono::minutes(61));
  EXPECT_EQ(moves_again(), 3);
  EXPECT_EQ(times(fleet, "device.repair-held device/pi-1"), 1) << "a loop";
  EXPECT_EQ(fleet.state().repairs_held.size(), 1U);
  fleet.restart_hub();
  fleet.pass(std::chrono::hours(2));
  EXPECT_EQ(times(fleet, "device.repair device/pi-1"), 3) << "remembered";
  fleet.report("pi-1", all_there());
  EXPECT_TRUE(fleet.state().repairs_held.empty());
}

TEST(DriftRepaired, NotWhileTheFleetHasAnUnfinishedRollout) {
  FakeFleet fleet = proved_with(DriftRule::Repair, 2);
  fleet.start(with_drift(DriftRule::Repair), "2");
  ASSERT_TRUE(fleet.write(ChangeRollout{.rollout = fleet.rollout().id, .verb = RolloutVerb::Pause}));
  fleet.report("pi-1", without_nodered());
  fleet.report("pi-2", without_nodered());
  fleet.pass(std::chrono::hours(2));
  EXPECT_EQ(times(fleet, "device.repair "), 0);
}

TEST(DriftRepaired, OneDeviceOfASmallFleetAtATime) {
  FakeFleet fleet = proved_with(DriftRule::Repair, 3);
  for (const char* const name : {"pi-1", "pi-2", "pi-3"}) fleet.report(name, without_nodered());
  EXPECT_EQ(times(fleet, "device.repair "), 1);
  fleet.finish("pi-1");
  fleet.pass(std::chrono::minutes(2));
  EXPECT_EQ(times(fleet, "device.repair "), 2);
}

TEST(DriftRepaired, NeverWhatAnOperatorsCommandDid) {
  FakeFleet fleet = proved_with(DriftRule::Repair);
  Device& device = fleet.state().devices.begin()->second;
  device.drift.moved["workloads/default/nodered"] = {
      .wanted = "there", .found = "gone", .by = "command", .is_by_command = true, .evidence = Evidence::Objects};
  fleet.report("pi-1", without_nodered());
  fleet.pass(std::chrono::hours(2));
  EXPECT_EQ(times(fleet, "device.repair "), 0);
}

TEST(DriftRepaired, UntilWhatOperatorsSignedHasRunOut) {
  FakeFleet fleet = proved_with(DriftRule::Repair);
  fleet.pass(fleet.rollout().policy.timeouts.rollout + std::chrono::minutes(1));
  fleet.report("pi-1", without_nodered());
  EXPECT_EQ(times(fleet, "device.repair device/pi-1"), 0);
  EXPECT_EQ(times(fleet, "device.repair-held device/pi-1"), 1);
  EXPECT_NE(fleet.state().devices.begin()->second.repairs.held.find("kelpie rollout start kiosk@1 --fleet edge"),
            std::string::npos);
}

TEST(DriftRepaired, AsSoonAsTheFleetWantsIt) {
  FakeFleet fleet = proved_with(DriftRule::Report);
  fleet.report("pi-1", without_nodered());
  fleet.pass(std::chrono::minutes(5));
  EXPECT_EQ(times(fleet, "device.repair "), 0);
  Fleet edge = fleet.state().fleets.at("edge");
  edge.policy.drift = DriftRule::Repair;
  ASSERT_TRUE(fleet.write(ApplyFleet{.fleet = edge, .if_revision = std::nullopt}));
  fleet.pass(std::chrono::seconds(1));
  EXPECT_EQ(times(fleet, "device.repair "), 1);
}

}  // namespace
}  // namespace kelpie::hub
