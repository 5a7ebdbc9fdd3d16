// What the swarm found, each told as one story of its own.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/sim/liveness.h"
#include "tests/sim/operators.h"

namespace kelpie::test {
namespace {

using hub::RolloutPhase;
using hub::TargetState;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

/// A fleet of pi-1 … pi-n in a calm world, and what an operator asks of it.
class Story {
 public:
  explicit Story(int devices) {
    for (int i = 1; i <= devices; ++i) people.add_device(fmt::format("pi-{}", i), {{"fleet", "kiosk"}});
    world.run_for(minutes(1));
  }
  /// Starts release n for the whole fleet; the rollout's id.
  RolloutId roll_out(std::uint32_t release, const std::string& policy_changes = {}) {
    Dice fixed(7);  // the policy is told below, not drawn
    api::v1::Policy policy = quick_policy(fixed);
    policy.clear_waves();
    policy.set_on_fail("pause");
    policy.mutable_timeouts()->mutable_step()->set_seconds(180);
    policy.mutable_timeouts()->mutable_attempt()->set_seconds(1'200);
    policy.mutable_timeouts()->mutable_rollout()->set_seconds(4 * 3'600);
    api::v1::Wave& wave = *policy.add_waves();
    if (policy_changes == "canary") {
      wave.set_name("canary");
      wave.set_size(1);
      wave.set_failure_basis_points(0);
      wave.mutable_soak()->set_seconds(0);
    }
    api::v1::Wave& rest = policy_changes == "canary" ? *policy.add_waves() : wave;
    rest.set_name("rest");
    rest.set_up_to_basis_points(10'000);
    rest.set_failure_basis_points(policy_changes == "canary" ? 10'000 : 9'000);
    rest.mutable_soak()->set_seconds(policy_changes == "soak" ? 60 : 0);
    if (policy_changes == "long grant") policy.mutable_timeouts()->mutable_grant()->set_seconds(1'200);
    people.assign(release, policy);
    const std::size_t before = people.rollouts().size();
    if (before == 0)
      people.roll_out();
    else
      people.roll_out_beside(policy);
    EXPECT_TRUE(world.run_until([&] { return people.rollouts().size() > before; }, minutes(1)));
    return *RolloutId::parse(people.rollouts().back());
  }
  [[nodiscard]] const hub::Rollout& rollout(const RolloutId& id) const { return world.state().rollouts.at(id); }
  [[nodiscard]] const hub::Target& target(const RolloutId& id, const std::string& name) {
    return rollout(id).targets.at(world.device(name).id);
  }
  [[nodiscard]] bool reaches(const RolloutId& id, const std::string& name, TargetState state, Duration time_max) {
    return world.run_until([&] { return world.is_hub_up() && target(id, name).state == state; }, time_max);
  }
  [[nodiscard]] bool settles() {
    return world.run_until([&] { return still_open(world).empty(); }, hours(4));
  }
  /// The hub dies between the commit of a GO and its sending, and the device hears nothing from then on.
  [[nodiscard]] bool loses_its_go(const RolloutId& id, const std::string& name) {
    SimDevice& device = world.device(name);
    world.hub_dies_at = [this, &device, id, name](std::string_view point) {
      if (point != "after-commit" || target(id, name).state != TargetState::Granted || device.is_deaf) return false;
      device.is_deaf = true;
      return true;
    };
    const bool is_lost = world.run_until([&] { return device.is_deaf; }, minutes(5));
    world.hub_dies_at = {};
    return is_lost;
  }
  [[nodiscard]] bool has_lease(const std::string& name) {
    return world.state().devices.at(world.device(name).id).lease.has_value();
  }

  World world{{.seed = 1, .storm = {}, .print = {}}};
  Operators people{world};
};

TEST(Scenario, ALostGoIsAskedAfterUntilTheDeviceIsPreparedAnew) {
  Story story(1);
  const RolloutId id = story.roll_out(1);
  ASSERT_TRUE(story.loses_its_go(id, "pi-1"));
  ASSERT_TRUE(story.reaches(id, "pi-1", TargetState::Unknown, minutes(20)));
  EXPECT_TRUE(story.has_lease("pi-1"));
  story.world.device("pi-1").is_deaf = false;
  ASSERT_TRUE(story.settles()) << still_open(story.world);
  EXPECT_NE(story.target(id, "pi-1").state, TargetState::Unknown);
  story.people.change("Resume", id.text());
  EXPECT_TRUE(story.reaches(id, "pi-1", TargetState::Succeeded, minutes(20)));
}

TEST(Scenario, AGoThatWouldComeTooLateIsReplacedByAnotherPrepare) {
  Story story(1);
  const RolloutId id = story.roll_out(1, "long grant");
  ASSERT_TRUE(story.loses_its_go(id, "pi-1"));
  story.world.run_for(minutes(11));  // the nonce is good for ten
  story.world.device("pi-1").is_deaf = false;
  ASSERT_TRUE(story.reaches(id, "pi-1", TargetState::Succeeded, minutes(30)));
  EXPECT_EQ(story.rollout(id).waves[0].counters.unknown, 0U);
  EXPECT_EQ(story.world.safety().executed(), 1U);
}

TEST(Scenario, AGoLostBeforeAnAbortIsCancelledAndItsLeaseFreed) {
  Story story(1);
  const RolloutId id = story.roll_out(1);
  ASSERT_TRUE(story.loses_its_go(id, "pi-1"));
  story.people.change("Abort", id.text());
  ASSERT_TRUE(story.world.run_until(
      [&] { return story.world.is_hub_up() && story.rollout(id).phase >= RolloutPhase::Aborting; }, minutes(10)));
  story.world.device("pi-1").is_deaf = false;
  ASSERT_TRUE(story.settles()) << still_open(story.world);
  EXPECT_EQ(story.target(id, "pi-1").state, TargetState::Canceled);
  EXPECT_FALSE(story.has_lease("pi-1"));
  EXPECT_EQ(story.world.safety().executed(), 0U);
}

TEST(Scenario, AnAbortEndsThoughADeviceWouldBeTriedAgain) {
  Story story(1);
  const RolloutId id = story.roll_out(1);
  ASSERT_TRUE(story.reaches(id, "pi-1", TargetState::Executing, minutes(2)));
  story.world.storm().failing = 1'000;
  story.world.storm().transient = 1'000;
  story.people.change("Abort", id.text());
  EXPECT_TRUE(story.settles()) << still_open(story.world);
  EXPECT_EQ(story.rollout(id).phase, RolloutPhase::Aborted);
}

TEST(Scenario, ADecommissionedDeviceLeavesNothingBehind) {
  Story story(3);
  const RolloutId id = story.roll_out(1, "canary");
  const DeviceId canary = story.rollout(id).waves[0].plan.devices[0];
  std::string gone;
  for (const auto& device : story.world.devices()) {
    if (device->id != canary) gone = device->name;
  }
  story.people.decommission(gone);
  ASSERT_TRUE(story.settles()) << still_open(story.world);
  EXPECT_EQ(story.rollout(id).phase, RolloutPhase::Succeeded);
}

TEST(Scenario, AFailedDeviceThatWasDecommissionedIsNotTriedAgain) {
  Story story(2);
  story.world.storm().failing = 1'000;
  const RolloutId id = story.roll_out(1);
  ASSERT_TRUE(story.settles()) << still_open(story.world);
  ASSERT_EQ(story.target(id, "pi-1").state, TargetState::Failed);
  story.people.decommission("pi-1");
  story.world.storm().failing = 0;
  story.people.change("Retry", id.text());
  story.world.run_for(minutes(1));
  EXPECT_TRUE(story.settles()) << still_open(story.world) << story.world.violation();
}

TEST(Scenario, ADeviceThatComesBackLateIsUnderWayAndNotUnknownAtOnce) {
  Story story(1);
  story.world.storm().hanging = 0;
  const RolloutId id = story.roll_out(1);
  ASSERT_TRUE(story.reaches(id, "pi-1", TargetState::Executing, minutes(2)));
  story.world.power_off(story.world.device("pi-1"));
  ASSERT_TRUE(story.reaches(id, "pi-1", TargetState::Unknown, hours(1)));
  story.world.power_on(story.world.device("pi-1"));
  ASSERT_TRUE(story.reaches(id, "pi-1", TargetState::Executing, minutes(1)));
  story.world.run_for(seconds(5));
  EXPECT_EQ(story.target(id, "pi-1").state, TargetState::Executing);
}

TEST(Scenario, ADeviceReimagedInTheMiddleGetsAnotherAttemptAndNotTheSameAgain) {
  Story story(1);
  const RolloutId id = story.roll_out(1);
  ASSERT_TRUE(story.reaches(id, "pi-1", TargetState::Executing, minutes(2)));
  SimDevice& device = story.world.device("pi-1");
  story.world.power_off(device);
  ASSERT_TRUE(story.reaches(id, "pi-1", TargetState::Unknown, hours(1)));  // PREPARE is what it will hear first
  device.card.wipe();
  device.work.become({});
  story.world.power_on(device);
  ASSERT_TRUE(story.settles()) << still_open(story.world);
  story.people.change("Resume", id.text());
  ASSERT_TRUE(story.reaches(id, "pi-1", TargetState::Succeeded, minutes(30)));
  EXPECT_EQ(story.target(id, "pi-1").attempt, 2U);
  EXPECT_EQ(story.world.safety().executed(), 2U);
}

TEST(Scenario, AnOldCardImageOfAStartedAttemptIsRolledBackAndNotRunAgain) {
  Story story(1);
  SimDevice& device = story.world.device("pi-1");
  const SimDevice::Image image{.blob = device.card.blob(), .facts = {}, .state = {}};  // from before the rollout
  const RolloutId id = story.roll_out(1);
  ASSERT_TRUE(story.reaches(id, "pi-1", TargetState::Executing, minutes(2)));
  story.world.power_off(device);
  ASSERT_TRUE(story.reaches(id, "pi-1", TargetState::Unknown, hours(1)));
  device.card.put_back(image.blob);
  device.work.become(image.facts);
  story.world.power_on(device);
  ASSERT_TRUE(story.reaches(id, "pi-1", TargetState::Failed, minutes(10)));
  EXPECT_EQ(story.target(id, "pi-1").reported.reason, "rolled_back");
  ASSERT_TRUE(story.settles()) << still_open(story.world);
  EXPECT_EQ(story.world.safety().executed(), 1U);
  EXPECT_EQ(story.world.violation(), "");
}

TEST(Scenario, ARestartWhileSoakingGivesTheSoakItsTimeAgain) {
  Story story(1);
  const RolloutId id = story.roll_out(1, "soak");
  ASSERT_TRUE(story.reaches(id, "pi-1", TargetState::Soaking, minutes(20)));
  // Soak and report grace are a minute each: four restarts of 45 s take more than that.
  for (int i = 0; i < 4; ++i) {
    story.world.power_off(story.world.device("pi-1"));
    EXPECT_FALSE(story.reaches(id, "pi-1", TargetState::Unknown, seconds(20))) << "restart " << i;
    story.world.power_on(story.world.device("pi-1"));
    EXPECT_FALSE(story.reaches(id, "pi-1", TargetState::Unknown, seconds(25))) << "restart " << i;
  }
  EXPECT_TRUE(story.reaches(id, "pi-1", TargetState::Succeeded, minutes(2)));
}

TEST(Scenario, ACancelThatADeviceForgotStaysClosedThroughACrash) {
  Story story(1);
  SimDevice& device = story.world.device("pi-1");
  device.is_deaf = true;  // PREPARE never arrives
  const RolloutId id = story.roll_out(1);
  story.people.change("Abort", id.text());
  story.world.run_for(seconds(10));
  device.is_deaf = false;
  ASSERT_TRUE(story.world.run_until([&] { return !story.target(id, "pi-1").is_cancelling; }, minutes(5)));
  story.world.crash_hub(seconds(1));
  story.world.run_for(seconds(10));
  EXPECT_FALSE(story.target(id, "pi-1").is_cancelling);
  EXPECT_EQ(story.world.violation(), "");
}

TEST(Scenario, AnOlderRolloutDoesNotFollowANewerOneOntoADeviceThatForgot) {
  Story story(2);
  const RolloutId older = story.roll_out(1, "canary");
  const DeviceId canary = story.rollout(older).waves[0].plan.devices[0];
  std::string late;
  for (const auto& device : story.world.devices()) {
    if (device->id != canary) late = device->name;
  }
  story.people.change("Pause", older.text());
  story.world.run_for(seconds(1));
  const RolloutId newer = story.roll_out(2);
  ASSERT_TRUE(story.reaches(newer, late, TargetState::Succeeded, minutes(30)));
  SimDevice& device = story.world.device(late);
  story.world.power_off(device);
  device.card.wipe();
  device.work.become({});
  story.world.power_on(device);
  story.people.change("Resume", older.text());
  EXPECT_TRUE(story.settles()) << still_open(story.world);
  EXPECT_EQ(story.target(older, late).state, TargetState::Superseded);
  EXPECT_EQ(story.world.violation(), "");
}

TEST(Scenario, ADeviceThatIsAddedAgainIntroducesItselfWithoutARestart) {
  Story story(1);
  ASSERT_TRUE(story.reaches(story.roll_out(1), "pi-1", TargetState::Succeeded, minutes(30)));
  const DeviceId id = story.world.device("pi-1").id;
  api::v1::DecommissionRequest gone;
  gone.set_name("pi-1");
  story.world.ask("DecommissionDevice", gone, {});
  ASSERT_TRUE(story.world.run_until([&] { return !story.world.state().devices.contains(id); }, minutes(1)));
  api::v1::AddDeviceRequest added;
  added.set_name("pi-1");
  added.set_fingerprint(id.hex());
  story.world.ask("AddDevice", added, {});
  EXPECT_TRUE(story.world.run_until(
      [&] {
        const auto device = story.world.state().devices.find(id);
        return device != story.world.state().devices.end() && device->second.facts;
      },
      minutes(5)));
  EXPECT_EQ(story.world.violation(), "");
}

TEST(Scenario, TimesOfAClockThatWasAheadAreBroughtBackOnceAndForAll) {
  Story story(1);
  story.world.set_hub_clock_off(hours(24 * 365));
  story.world.run_for(minutes(2));
  const RolloutId id = story.roll_out(1);
  story.world.set_hub_clock_off({});
  story.world.crash_hub(seconds(5));
  ASSERT_TRUE(story.world.run_until([&] { return story.world.is_hub_up(); }, minutes(1)));
  story.world.run_for(seconds(1));
  EXPECT_EQ(story.world.violation(), "") << "each restart would put the deadlines off anew";
  EXPECT_LE(story.rollout(id).deadline, story.world.wall() + hours(4));
  EXPECT_TRUE(story.settles());
}

}  // namespace
}  // namespace kelpie::test
