#include <fmt/core.h>
#include <gtest/gtest.h>

#include "hub/core/query.h"
#include "hub/core/rollout/wave.h"
#include "tests/hub/core/fake_fleet.h"

namespace kelpie::hub {
namespace {

using namespace std::chrono_literals;
using test::FakeFleet;
using test::make_policy;
using test::wave_of;
using test::wave_up_to;

// Ends every attempt that is being carried out now; what the last of them starts goes on.
void finish_all(FakeFleet& fleet, int count) {
  std::vector<std::string> names;
  for (int i = 1; i <= count; ++i) {
    const auto& attempt = fleet.device("pi-" + std::to_string(i)).attempt;
    if (attempt && attempt->state == AttemptState::Executing) names.push_back("pi-" + std::to_string(i));
  }
  for (const std::string& name : names) fleet.finish(name);
}

int executing(FakeFleet& fleet, int count) {
  int n = 0;
  for (int i = 1; i <= count; ++i) {
    const auto& attempt = fleet.device("pi-" + std::to_string(i)).attempt;
    if (attempt && attempt->state == AttemptState::Executing) ++n;
  }
  return n;
}

std::string first_executing(FakeFleet& fleet, int count) {
  for (int i = 1; i <= count; ++i) {
    const std::string name = "pi-" + std::to_string(i);
    const auto& attempt = fleet.device(name).attempt;
    if (attempt && attempt->state == AttemptState::Executing) return name;
  }
  return {};
}

TEST(Rollout, GoesWaveByWave) {
  FakeFleet fleet;
  fleet.add(5);
  fleet.start(make_policy({wave_of("canary", 1), wave_of("some", 2), wave_up_to("rest", kBasisPoints)}));
  for (const int expected : {1, 2, 2}) {
    EXPECT_EQ(executing(fleet, 5), expected);
    finish_all(fleet, 5);
  }
  EXPECT_EQ(fleet.rollout().phase, RolloutPhase::Succeeded);
  for (const auto& [id, device] : fleet.state().devices) {
    EXPECT_EQ(device.proved_release, fleet.rollout().release);
    EXPECT_FALSE(device.lease);
    EXPECT_FALSE(device.rollout);
  }
}

TEST(Rollout, OneFailureTooManyPausesAtOnceAndStartsNobodyElse) {
  FakeFleet fleet;
  fleet.add(4);
  fleet.start(make_policy({wave_of("canary", 2), wave_up_to("rest", kBasisPoints)}));
  const std::string bad = first_executing(fleet, 4);
  fleet.fail(bad, "image-pull-unauthorized");
  EXPECT_EQ(fleet.rollout().phase, RolloutPhase::Paused);
  EXPECT_EQ(fleet.rollout().phase_reason, "failure_limit");
  EXPECT_EQ(why(fleet.state(), fleet.rollout()),
            "1 of 2 devices failed in wave canary, at most 0 may; no new device starts, the 1 in flight finish");
  finish_all(fleet, 4);
  EXPECT_EQ(
      fleet.rollout().waves[0].counters,
      (WaveCounters{.members = 2, .excluded = 0, .deferred = 0, .succeeded = 1, .failed = 1, .unknown = 0, .rest = 0}));
  EXPECT_EQ(executing(fleet, 4), 0);
  EXPECT_EQ(fleet.write(ChangeRollout{fleet.rollout().id, RolloutVerb::Resume, {}, {}}).error().reason,
            "FAILURE_LIMIT");
}

TEST(Rollout, RetryGivesANewAttemptAndGoesOn) {
  FakeFleet fleet;
  fleet.add(2);
  fleet.start(make_policy({wave_of("canary", 1), wave_up_to("rest", kBasisPoints)}));
  const std::string bad = first_executing(fleet, 2);
  fleet.fail(bad, "image-pull-unauthorized");
  ASSERT_TRUE(fleet.write(ChangeRollout{fleet.rollout().id, RolloutVerb::Retry, {}, {}}));
  EXPECT_EQ(fleet.rollout().phase, RolloutPhase::Running);
  EXPECT_EQ(fleet.device(bad).attempt->id.n, 2U);
  finish_all(fleet, 2);
  finish_all(fleet, 2);
  EXPECT_EQ(fleet.rollout().phase, RolloutPhase::Succeeded);
  EXPECT_EQ(fleet.device(bad).executed.size(), 2U);
}

TEST(Rollout, ASecondOneOfTheSameFleetDoesNotHideTheFirst) {
  FakeFleet fleet;
  fleet.add(2);
  fleet.start(make_policy({wave_of("canary", 1), wave_up_to("rest", kBasisPoints)}));
  fleet.fail(first_executing(fleet, 2), "image-pull-unauthorized");
  ASSERT_EQ(fleet.rollout().phase, RolloutPhase::Paused);
  MakePlan again;
  again.fleet = "edge";
  const Result<std::string> second = fleet.start_plan(again);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().reason, "ROLLOUT_ACTIVE");
  EXPECT_EQ(second.error().message,
            fmt::format("fleet edge has an unfinished rollout {}, which is paused", fleet.rollout().id.text()));
  ASSERT_TRUE(fleet.write(ChangeRollout{fleet.rollout().id, RolloutVerb::Abort, {}, {}}));
  EXPECT_TRUE(fleet.start_plan(again));
}

TEST(Rollout, RetryTakesNoDeviceBackFromALaterOneSoItsFailureCounts) {
  FakeFleet fleet;
  fleet.add(4);
  const RolloutId first = fleet.start(make_policy({wave_of("canary", 2), wave_up_to("rest", kBasisPoints)})).id;
  const std::string bad = first_executing(fleet, 4);
  fleet.fail(bad, "image-pull-unauthorized");
  finish_all(fleet, 4);
  MakePlan repair;
  repair.devices = {bad};
  repair.release = "kiosk@1";
  fleet.now = fleet.now + 1s;
  ASSERT_TRUE(fleet.start_plan(repair));
  ASSERT_EQ(fleet.targets(), bad + " executing\n");

  const Result<std::string> all = fleet.write(ChangeRollout{first, RolloutVerb::Retry, {}, {}});
  ASSERT_FALSE(all);
  EXPECT_EQ(all.error().reason, "NOTHING_TO_RETRY");
  const Result<std::string> named =
      fleet.write(ChangeRollout{.rollout = first, .verb = RolloutVerb::Retry, .devices = {bad}});
  ASSERT_FALSE(named);
  EXPECT_EQ(named.error().message, fmt::format("a later rollout than {} has begun on {}", first.text(), bad));
  EXPECT_EQ(fleet.state().rollouts.at(first).phase, RolloutPhase::Paused);
  EXPECT_EQ(next_commands(fleet.state(), fleet.state().rollouts.at(first)),
            std::vector<std::string>{"kelpie rollout abort " + first.text()});
  EXPECT_EQ(fleet.state().rollouts.at(first).waves[0].counters.failed, 1U);
}

TEST(Rollout, TransientFailuresAreTriedAgainByThemselves) {
  FakeFleet fleet;
  fleet.add(1);
  fleet.start(make_policy({}));
  fleet.fail("pi-1", "registry-unreachable", FailedOutcome::Restored, true);
  EXPECT_EQ(fleet.targets(), "pi-1 waiting(backoff)\n");
  fleet.pass(61s);
  EXPECT_EQ(fleet.device("pi-1").attempt->id.n, 2U);
  EXPECT_EQ(fleet.targets(), "pi-1 executing\n");
}

TEST(Rollout, ABrokenDeviceKeepsItsLease) {
  FakeFleet fleet;
  fleet.add(1);
  fleet.start(make_policy({}));
  fleet.fail("pi-1", "undo-failed", FailedOutcome::Broken);
  EXPECT_TRUE(fleet.state().devices.at(fleet.device("pi-1").id).lease);
}

TEST(Rollout, ALaterRolloutRepairsABrokenDevice) {
  FakeFleet fleet;
  fleet.add(1);
  fleet.start(make_policy({}));
  fleet.fail("pi-1", "undo-failed", FailedOutcome::Broken);
  ASSERT_TRUE(fleet.write(ChangeRollout{fleet.rollout().id, RolloutVerb::Abort, {}, {}}));
  fleet.now = fleet.now + 1s;
  fleet.start(make_policy({}), "2");
  EXPECT_EQ(fleet.targets(), "pi-1 executing\n");
  EXPECT_EQ(fleet.state().devices.at(fleet.device("pi-1").id).lease->rollout, fleet.rollout().id);
  fleet.finish("pi-1");
  EXPECT_EQ(fleet.rollout().phase, RolloutPhase::Succeeded);
  EXPECT_FALSE(fleet.state().devices.at(fleet.device("pi-1").id).lease);
}

TEST(Rollout, ADeadlineThatPassesInAPauseBeginsAgainWithTheResume) {
  for (const bool is_of_wave : {true, false}) {
    FakeFleet fleet;
    fleet.add(2);
    Policy policy = make_policy({wave_of("all", 2)});
    policy.waves[0].deferred_bp = 0;
    (is_of_wave ? policy.timeouts.wave : policy.timeouts.rollout) = 2h;
    fleet.device("pi-2").is_on = false;
    fleet.pass(3min);
    fleet.start(policy);
    ASSERT_TRUE(fleet.write(ChangeRollout{fleet.rollout().id, RolloutVerb::Pause, {}, {}}));
    fleet.pass(3h);
    ASSERT_TRUE(fleet.write(ChangeRollout{fleet.rollout().id, RolloutVerb::Resume, {}, {}}));
    finish_all(fleet, 2);
    fleet.restart_hub();
    fleet.pass(1h);
    EXPECT_EQ(fleet.rollout().phase, RolloutPhase::Running) << fleet.rollout().phase_reason;
    fleet.pass(2h);
    EXPECT_EQ(fleet.rollout().phase_reason, is_of_wave ? "wave_deadline" : "deadline");
  }
}

TEST(Rollout, APreparedDeviceThatGoesAwayIsDeferredLikeAnyOther) {
  FakeFleet fleet;
  fleet.add(2);
  fleet.device("pi-2").is_on = false;
  fleet.start(make_policy({wave_up_to("all", kBasisPoints)}));
  ASSERT_TRUE(fleet.write(ChangeRollout{fleet.rollout().id, RolloutVerb::Pause, {}, {}}));
  fleet.device("pi-2").is_on = true;
  fleet.pass(1min);  // preparation goes on in a pause
  ASSERT_EQ(fleet.targets(), "pi-1 executing\npi-2 prepared\n");
  fleet.device("pi-2").is_on = false;
  fleet.pass(3min);
  ASSERT_TRUE(fleet.write(ChangeRollout{fleet.rollout().id, RolloutVerb::Resume, {}, {}}));
  EXPECT_EQ(fleet.targets(), "pi-1 executing\npi-2 waiting(offline)\n");
  finish_all(fleet, 1);
  fleet.pass(31min);
  EXPECT_EQ(fleet.targets(), "pi-1 succeeded\npi-2 deferred\n");
  fleet.device("pi-2").is_on = true;
  fleet.report("pi-2");
  finish_all(fleet, 2);
  EXPECT_EQ(fleet.rollout().phase, RolloutPhase::Succeeded);
}

TEST(Rollout, ADeviceIsNotHeldForARolloutThatIsPaused) {
  FakeFleet fleet;
  fleet.add(1);
  fleet.start(make_policy({}));
  fleet.now = fleet.now + 1s;
  const RolloutId second = fleet.start_beside(make_policy({}), "2").id;
  fleet.now = fleet.now + 1s;
  fleet.start_beside(make_policy({}), "3");
  ASSERT_TRUE(fleet.write(ChangeRollout{second, RolloutVerb::Pause, {}, {}}));
  fleet.finish("pi-1");
  EXPECT_EQ(fleet.targets(), "pi-1 executing\n");
}

TEST(Rollout, ACancelForADeviceThatIsAwayDoesNotWakeTheHubAgainAndAgain) {
  FakeFleet fleet;
  fleet.add(1);
  fleet.device("pi-1").is_on = false;
  fleet.start(make_policy({}));
  ASSERT_EQ(fleet.targets(), "pi-1 preparing\n");
  ASSERT_TRUE(fleet.write(ChangeRollout{fleet.rollout().id, RolloutVerb::Abort, {}, {}}));
  fleet.pass(3min);
  ASSERT_EQ(fleet.state().devices.begin()->second.connection, Connection::Offline);
  fleet.pass(2min);
  EXPECT_GT(fleet.rollout().targets.begin()->second.wake_at, fleet.now + 10min);
  fleet.device("pi-1").is_on = true;
  fleet.report("pi-1");
  EXPECT_FALSE(fleet.state().devices.begin()->second.rollout);
}

TEST(Rollout, PauseGivesNoNewGoAndResumeGoesOn) {
  FakeFleet fleet;
  fleet.add(3);
  fleet.start(make_policy({wave_of("canary", 1), wave_up_to("rest", kBasisPoints)}));
  ASSERT_TRUE(fleet.write(ChangeRollout{fleet.rollout().id, RolloutVerb::Pause, "lunch", {}}));
  finish_all(fleet, 3);
  fleet.pass(5min);
  EXPECT_EQ(executing(fleet, 3), 0);
  ASSERT_TRUE(fleet.write(ChangeRollout{fleet.rollout().id, RolloutVerb::Resume, {}, {}}));
  EXPECT_EQ(executing(fleet, 3), 2);
}

TEST(Rollout, AbortCancelsWhatHasNotStartedAndWaitsForTheRest) {
  FakeFleet fleet;
  fleet.add(3);
  fleet.start(make_policy({wave_of("canary", 1), wave_up_to("rest", kBasisPoints)}));
  ASSERT_TRUE(fleet.write(ChangeRollout{fleet.rollout().id, RolloutVerb::Abort, {}, {}}));
  EXPECT_EQ(fleet.rollout().phase, RolloutPhase::Aborting);
  finish_all(fleet, 3);
  EXPECT_EQ(fleet.rollout().phase, RolloutPhase::Aborted);
  for (const auto& [id, device] : fleet.state().devices) EXPECT_FALSE(device.rollout);
}

TEST(Rollout, SilenceAfterGoIsUnknownAndKeepsTheLeaseUntilALateReport) {
  FakeFleet fleet;
  fleet.add(1);
  fleet.start(make_policy({}));
  fleet.device("pi-1").is_on = false;
  fleet.pass(80min);
  EXPECT_EQ(fleet.targets(), "pi-1 unknown\n");
  EXPECT_TRUE(fleet.state().devices.at(fleet.device("pi-1").id).lease);
  EXPECT_EQ(fleet.rollout().phase, RolloutPhase::Paused);
  fleet.device("pi-1").is_on = true;
  fleet.finish("pi-1");
  EXPECT_EQ(fleet.targets(), "pi-1 succeeded\n");
  ASSERT_TRUE(fleet.write(ChangeRollout{fleet.rollout().id, RolloutVerb::Resume, {}, {}}));
  EXPECT_EQ(fleet.rollout().phase, RolloutPhase::Succeeded);
}

TEST(Rollout, ALateReportProvesTheStateEvenWhenItSaysNothingNew) {
  FakeFleet fleet;
  fleet.add(1);
  fleet.start(make_policy({}));
  fleet.device("pi-1").is_on = false;
  fleet.pass(80min);
  ASSERT_EQ(fleet.targets(), "pi-1 unknown\n");
  fleet.device("pi-1").is_on = true;
  fleet.report("pi-1");
  EXPECT_EQ(fleet.targets(), "pi-1 executing\n");
  EXPECT_EQ(fleet.device("pi-1").executed.size(), 1U) << "it is under way and needs no second GO";
}

TEST(Rollout, AnOfflineDeviceIsServedWhenItComesBack) {
  FakeFleet fleet;
  fleet.add(2);
  fleet.device("pi-2").is_on = false;
  fleet.pass(3min);
  fleet.start(make_policy({wave_up_to("all", kBasisPoints)}));
  EXPECT_EQ(fleet.targets(), "pi-1 executing\npi-2 waiting(offline)\n");
  finish_all(fleet, 2);
  EXPECT_EQ(fleet.rollout().phase, RolloutPhase::Running);
  fleet.device("pi-2").is_on = true;
  fleet.report("pi-2");
  EXPECT_EQ(fleet.targets(), "pi-1 succeeded\npi-2 executing\n");
  finish_all(fleet, 2);
  EXPECT_EQ(fleet.rollout().phase, RolloutPhase::Succeeded);
}

TEST(Rollout, ALongOfflineDeviceIsDeferredAndCaughtUpBesideTheRest) {
  FakeFleet fleet;
  fleet.add(5);
  fleet.device("pi-2").is_on = false;
  fleet.pass(3min);
  fleet.start(make_policy({wave_up_to("all", kBasisPoints)}));
  finish_all(fleet, 5);
  fleet.pass(31min);
  EXPECT_EQ(fleet.rollout().waves[0].counters.deferred, 1U);
  EXPECT_EQ(fleet.rollout().waves[0].phase, WavePhase::Passed);
  EXPECT_EQ(fleet.rollout().phase, RolloutPhase::Running);
  fleet.device("pi-2").is_on = true;
  fleet.report("pi-2");
  finish_all(fleet, 5);
  EXPECT_EQ(fleet.rollout().phase, RolloutPhase::Succeeded);
  EXPECT_EQ(fleet.rollout().phase_reason, "");
}

TEST(Rollout, ASecondRolloutWaitsForTheFirst) {
  FakeFleet fleet;
  fleet.add(1);
  const RolloutId first = fleet.start(make_policy({})).id;
  fleet.now = fleet.now + 1s;
  fleet.start_beside(make_policy({}), "2");
  ASSERT_NE(fleet.rollout().id, first);
  EXPECT_EQ(fleet.targets(), "pi-1 waiting(conflict)\n");
  fleet.finish("pi-1");
  EXPECT_EQ(fleet.targets(), "pi-1 executing\n");
}

TEST(Rollout, ADeviceStaysUpdatingWhateverAnotherRolloutThatWaitsForItDoes) {
  FakeFleet fleet;
  fleet.add(1);
  fleet.start(make_policy({}));
  fleet.now = fleet.now + 1s;
  const RolloutId second = fleet.start_beside(make_policy({}), "2").id;
  const Device& device = fleet.state().devices.begin()->second;
  ASSERT_TRUE(device.is_updating);
  ASSERT_TRUE(fleet.write(ChangeRollout{second, RolloutVerb::Pause, {}, {}}));
  EXPECT_TRUE(device.is_updating);
  ASSERT_TRUE(fleet.write(ChangeRollout{second, RolloutVerb::Abort, {}, {}}));
  EXPECT_TRUE(device.is_updating);
  fleet.finish("pi-1");
  EXPECT_FALSE(device.is_updating);
}

TEST(Rollout, AHubRestartIsOrdinaryOperation) {
  FakeFleet fleet;
  fleet.add(4);
  fleet.start(make_policy({wave_of("canary", 2), wave_up_to("rest", kBasisPoints)}));
  fleet.restart_hub();
  finish_all(fleet, 4);
  fleet.restart_hub();
  finish_all(fleet, 4);
  EXPECT_EQ(fleet.rollout().phase, RolloutPhase::Succeeded);
  for (int i = 1; i <= 4; ++i) EXPECT_EQ(fleet.device("pi-" + std::to_string(i)).executed.size(), 1U);
}

TEST(Rollout, ALongAbsenceOfTheHubMakesNoDeviceLate) {
  FakeFleet fleet;
  fleet.add(2);
  fleet.start(make_policy({wave_of("canary", 1), wave_up_to("rest", kBasisPoints)}));
  const std::string one = first_executing(fleet, 2);
  fleet.now = fleet.now + 3h;  // nobody could report
  fleet.restart_hub();
  fleet.decide(Tick{});
  EXPECT_EQ(fleet.rollout().phase, RolloutPhase::Running) << fleet.rollout().phase_detail;
  EXPECT_EQ(fleet.rollout().waves[0].counters.unknown, 0U);
  fleet.finish(one);
  EXPECT_EQ(executing(fleet, 2), 1) << "the next wave goes on";
}

TEST(Rollout, AClockThatOnceRanAheadHoldsNoTimerAfterARestart) {
  FakeFleet fleet;
  fleet.add(2);
  const WallTime right = fleet.now;
  fleet.now = fleet.now + std::chrono::years(10);
  fleet.device("pi-2").is_on = false;
  fleet.pass(3min);
  fleet.start(make_policy({wave_up_to("all", kBasisPoints)}));
  ASSERT_EQ(fleet.targets(), "pi-1 executing\npi-2 waiting(offline)\n");
  fleet.now = right;
  fleet.device("pi-1").is_on = false;
  fleet.restart_hub();
  const Rollout& rollout = fleet.rollout();
  EXPECT_LE(rollout.deadline, right + rollout.policy.timeouts.rollout);
  EXPECT_LE(rollout.waves[0].opened_at, right);
  for (const auto& [id, target] : rollout.targets) {
    EXPECT_LE(target.prepared_at, right) << "or its nonce stays fresh for ten years";
    EXPECT_LE(target.granted_at, right);
  }
  fleet.pass(31min);
  EXPECT_EQ(fleet.targets(), "pi-1 executing\npi-2 deferred\n");
  fleet.pass(45min);
  EXPECT_EQ(fleet.targets(), "pi-1 unknown\npi-2 deferred\n");
}

TEST(Rollout, AGoThatTheHubsAbsenceMadeVoidIsReplaced) {
  FakeFleet fleet;
  fleet.add(1);
  fleet.start(make_policy({}));
  Target& target = fleet.rollout().targets.begin()->second;
  target.state = TargetState::Granted;  // its GO was lost, and then the hub's power
  target.wake_at = fleet.now + 2s;
  target.reported.state = AttemptState::Prepared;
  fleet.device("pi-1").attempt->state = AttemptState::Prepared;
  const Nonce old = *target.granted_nonce;
  fleet.now = fleet.now + 11min;
  fleet.restart_hub();
  fleet.pass(1min);
  EXPECT_EQ(fleet.targets(), "pi-1 executing\n");
  EXPECT_NE(*fleet.rollout().targets.begin()->second.granted_nonce, old) << "a GO older than its nonce is refused";
}

TEST(Rollout, CountersEqualTheFoldAtEveryMoment) {
  FakeFleet fleet;
  fleet.add(6);
  fleet.start(make_policy({wave_of("canary", 2), wave_up_to("rest", kBasisPoints)}));
  for (int round = 0; round < 6; ++round) {
    const std::string name = first_executing(fleet, 6);
    if (name.empty()) break;
    if (round == 4)
      fleet.fail(name, "broken");
    else
      fleet.finish(name);
    for (std::uint32_t w = 0; w < fleet.rollout().waves.size(); ++w) {
      const WaveCounters& counters = fleet.rollout().waves[w].counters;
      EXPECT_EQ(counters, fold(fleet.rollout(), w));
      EXPECT_EQ(counters.members, counters.succeeded + counters.failed + counters.unknown + counters.deferred +
                                      counters.excluded + counters.rest);
    }
  }
}

}  // namespace
}  // namespace kelpie::hub
