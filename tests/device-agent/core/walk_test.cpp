// The way through a release and back: what is done, in which order, and how it ends.
#include <gtest/gtest.h>

#include "tests/device-agent/core/core_world.h"

namespace kelpie::agent {
namespace {

using namespace std::chrono_literals;
using test::CoreWorld;
using test::failed;
using test::satisfied;
using test::unmet;
using Calls = std::vector<std::string>;

/// GO given, nothing done yet; only what comes is in `asked`.
CoreWorld going(Duration soak = 0s) {
  CoreWorld world;
  world.start(soak);
  world.asked.clear();
  return world;
}

TEST(Walk, WhatIsSoAlreadyIsUnchangedAndNotTouched) {
  CoreWorld world = going();
  world.run();
  EXPECT_EQ(world.shown(), "succeeded: unchanged unchanged unchanged");
  EXPECT_EQ(world.asked, (Calls{"observe install", "observe start", "observe deploy", "checks"}));
}

TEST(Walk, WhatIsNotSoIsRunAndProved) {
  CoreWorld world = going();
  world.run({{"observe start", unmet()}});
  EXPECT_EQ(world.shown(), "succeeded: unchanged changed unchanged");
  EXPECT_EQ(world.asked,
            (Calls{"observe install", "observe start", "run start", "verify start", "observe deploy", "checks"}));
}

TEST(Walk, TheIntentIsInTheLedgerBeforeTheStepRuns) {
  CoreWorld world = going();
  ASSERT_EQ(world.ask(), "observe install");
  world.answer(unmet());
  EXPECT_TRUE(world.attempt().records[0].has_intent);
  EXPECT_EQ(world.ask(), "run install");
}

TEST(Walk, AFailedStepTakesBackWhatWasChangedInReverse) {
  CoreWorld world = going();
  world.run({{"observe install", unmet()}, {"observe start", unmet()}, {"run start", failed("start-failed")}});
  EXPECT_EQ(world.shown(), "failed(restored): undone failed open, start-failed");
  EXPECT_EQ(world.asked, (Calls{"observe install", "run install", "verify install", "observe start", "run start",
                                "undo start", "undo install"}));
}

TEST(Walk, UndoIsGivenWhatPrepareFound) {
  CoreWorld world = going();
  ASSERT_EQ(world.ask(), "observe install");
  world.answer(unmet());
  ASSERT_EQ(world.ask(), "run install");
  world.answer(failed("x"));
  const std::optional<Call> undo = next_call(world.memory);
  ASSERT_TRUE(undo);
  EXPECT_EQ(std::get<StepCall>(undo->what).restore, "no snap");
  EXPECT_EQ(undo->limit, 15min);
}

// Its command was killed, or MicroK8s was busy: what is taken back may be tried again, it is the same each time.
TEST(Walk, AWayBackThatFailsIsTriedAgain) {
  CoreWorld world = going();
  for (const char* const call : {"observe install", "run install", "undo install", "undo install"}) {
    ASSERT_EQ(world.ask(), call);
    world.answer(unmet());
  }
  world.run({});
  EXPECT_EQ(world.shown(), "failed(restored): failed open open, failed");
}

TEST(Walk, WhatCannotBeTakenBackInThreeTriesIsBrokenAndTheRestIsTakenBack) {
  CoreWorld world = going();
  world.run({{"observe install", unmet()},
             {"observe start", unmet()},
             {"verify start", unmet()},
             {"undo start", failed("stop-failed")}});
  EXPECT_EQ(std::count(world.asked.begin(), world.asked.end(), "undo start"), 3);
  EXPECT_EQ(world.shown(), "failed(broken): undone undo-failed open, failed");
  EXPECT_NE(world.attempt().failure.detail.find("going back failed too: stop-failed of a test"), std::string::npos);
}

TEST(Walk, AFailureBeforeAnythingWasDoneIsRestoredAtOnce) {
  CoreWorld world = going();
  world.run({{"observe install", failed("snapd-gone")}});
  EXPECT_EQ(world.shown(), "failed(restored): failed open open, snapd-gone");
  EXPECT_EQ(world.asked, (Calls{"observe install"}));
}

TEST(Walk, ChecksThatDoNotHoldTakeItBack) {
  CoreWorld world = going();
  CallResult crashing = unmet();
  crashing.reason = "crash-loop";
  world.run({{"observe deploy", unmet()}, {"checks", crashing}});
  EXPECT_EQ(world.shown(), "failed(restored): unchanged unchanged undone, crash-loop");
}

TEST(Walk, StopsAtTheLimitOfTheAttemptBetweenTwoCalls) {
  CoreWorld world = going();
  ASSERT_EQ(world.ask(), "observe install");
  world.answer(unmet());
  ASSERT_EQ(world.ask(), "run install");
  world.move(45min);
  world.answer(satisfied());
  EXPECT_EQ(world.ask(), "undo install");
  world.answer(satisfied());
  EXPECT_EQ(world.ask(), "");
  EXPECT_EQ(world.shown(), "failed(restored): undone open open, attempt-timeout");
}

TEST(Walk, NoCallGetsMoreThanWhatIsLeft) {
  CoreWorld world = going();
  ASSERT_EQ(world.ask(), "observe install");
  world.move(40min);
  world.answer(unmet());
  const std::optional<Call> run = next_call(world.memory);
  ASSERT_TRUE(run);
  EXPECT_EQ(run->limit, 5min);
}

TEST(Walk, LongTextsAreCutBetweenCharacters) {
  CoreWorld world = going();
  CallResult loud = failed("x");
  loud.summary = std::string(511, 's') + "ü";
  loud.output_tail = std::string(2'047, 't') + "ü";
  world.run({{"observe install", loud}});
  EXPECT_EQ(world.attempt().records[0].summary, std::string(511, 's'));
  EXPECT_EQ(world.attempt().records[0].output_tail, std::string(2'047, 't'));
}

TEST(Soak, ChecksEveryQuarterMinuteAndOnceAtItsEnd) {
  CoreWorld world = going(40s);
  world.run();
  ASSERT_EQ(world.shown(), "soaking: unchanged unchanged unchanged");
  world.asked.clear();
  std::string looked;
  for (int second = 1; second <= 40; ++second) {
    world.move(1s);
    if (world.ask() == "checks") {
      looked += std::to_string(second) + " ";
      world.answer(satisfied());
    }
  }
  EXPECT_EQ(looked, "15 30 40 ");
  EXPECT_EQ(world.shown(), "succeeded: unchanged unchanged unchanged");
}

TEST(Soak, BeginsWithALookAtWhatBecameOfTheDevice) {
  CoreWorld world = going(40s);
  world.move(20s);
  world.run();
  ASSERT_EQ(world.shown(), "soaking: unchanged unchanged unchanged");
  EXPECT_EQ(world.memory.facts_due, world.memory.now + 1min);  // it was just done, out of turn
}

TEST(Soak, HealthLostTakesItBack) {
  CoreWorld world = going(40s);
  world.run({{"observe deploy", unmet()}});
  world.move(15s);
  world.run({{"checks", unmet()}});
  EXPECT_EQ(world.shown(), "failed(restored): unchanged unchanged undone, failed");
}

TEST(Soak, ABusyWorkerDoesNotEndIt) {
  CoreWorld world = going(40s);
  world.run();
  world.move(15s);
  ASSERT_EQ(world.ask(), "checks");
  world.move(60s);
  EXPECT_EQ(world.shown(), "soaking: unchanged unchanged unchanged");
  world.answer(satisfied());
  EXPECT_EQ(world.shown(), "succeeded: unchanged unchanged unchanged");
}

TEST(RestorePoint, IsKeptUntilTheHubKnowsTheEnd) {
  CoreWorld world = going();
  world.run();
  EXPECT_EQ(world.attempt().records[0].restore, "no snap");
  world.speak();
  world.acknowledge();
  EXPECT_EQ(world.attempt().records[0].restore, "");
}

// ---- restarts: what a power cut leaves, by the state the ledger was in ---------------------------------------------

TEST(Restart, WhilePreparingBeginsAgainAndNeedsNobody) {
  CoreWorld world;
  world.hear(test::prepare());
  ASSERT_EQ(world.ask(), "prepare install");
  world.answer(satisfied());
  world.restart();
  EXPECT_EQ(world.ask(), "prepare install");
}

TEST(Restart, WhenPreparedMakesAnotherNonce) {
  CoreWorld world;
  world.hear(test::prepare());
  world.run();
  const Nonce old = world.memory.nonce;
  world.restart();
  EXPECT_TRUE(world.memory.nonce.is_zero());
  world.run();
  EXPECT_EQ(world.shown(), "prepared: open open open");
  EXPECT_NE(world.memory.nonce, old);
}

struct Moment {
  const char* name;
  std::map<std::string, CallResult> before;  // run() with these
  const char* asked_until;                   // and the power goes while this is asked
  const char* next;                          // asked once the hub has said that it holds the attempt
};

class RestartAt : public ::testing::TestWithParam<Moment> {
 protected:
  /// The power is gone and back.
  CoreWorld cut() {
    CoreWorld world = going(40s);
    for (std::string call = world.ask(); call != GetParam().asked_until; call = world.ask()) {
      if (call.empty()) {
        ADD_FAILURE() << "never asked " << GetParam().asked_until;
        break;
      }
      const auto at = GetParam().before.find(call);
      world.answer(at == GetParam().before.end() ? satisfied() : at->second);
      world.move(15s);
    }
    world.asked.clear();
    world.restart();
    return world;
  }
};

TEST_P(RestartAt, NothingIsDoneBeforeTheHubHasSpoken) {
  CoreWorld world = cut();
  const std::string before = world.shown();
  world.move(24h);
  EXPECT_EQ(world.ask(), "");
  world.speak();
  EXPECT_GT(next_due(world.memory), world.memory.now) << "the loop would turn without rest";
  EXPECT_EQ(world.shown(), before);
  world.acknowledge();
  EXPECT_EQ(world.ask(), GetParam().next);
  world.answer(satisfied());
  world.run();
  world.move(40s);
  world.run();
  EXPECT_TRUE(world.shown().starts_with("succeeded")) << world.shown();
}

TEST_P(RestartAt, WhatTheHubNoLongerHoldsGoesBack) {
  CoreWorld world = cut();
  world.speak();
  world.hear(BeaconSeen{.install = world.memory.ledger.install,
                        .boot = world.memory.boot,
                        .sequence = world.memory.telling.sequence,
                        .holds = holds_digest(nullptr, 1),
                        .hub_nonce = {},
                        .heartbeat = {}});
  world.run();
  EXPECT_TRUE(world.shown().starts_with("failed(restored)")) << world.shown();
  EXPECT_EQ(world.attempt().failure.reason, "ambiguous");
  for (const std::string& call : world.asked) EXPECT_TRUE(call.starts_with("undo")) << call;
}

TEST_P(RestartAt, WhatTheHubCancelsMeanwhileGoesBack) {
  CoreWorld world = cut();
  world.hear(CancelOrder{.id = world.attempt().id, .hash = world.attempt().hash});
  world.run();
  EXPECT_TRUE(world.shown().starts_with("failed(restored)")) << world.shown();
  EXPECT_EQ(world.attempt().failure.reason, "interrupted");
}

TEST_P(RestartAt, ABeaconOfAnEarlierBootSaysNothing) {
  CoreWorld world = cut();
  world.speak();
  world.hear(BeaconSeen{.install = world.memory.ledger.install,
                        .boot = *BootId::from_bytes(blake2b_128("boot 1").view()),
                        .sequence = 1,
                        .holds = holds_digest(&world.attempt(), 1),
                        .hub_nonce = {},
                        .heartbeat = {}});
  EXPECT_EQ(world.ask(), "");
}

INSTANTIATE_TEST_SUITE_P(
    Walk, RestartAt,
    ::testing::Values(Moment{"BeforeTheFirstStep", {}, "observe install", "observe install"},
                      Moment{"AfterAnIntent", {{"observe start", unmet()}}, "run start", "observe start"},
                      Moment{"AfterTheRun", {{"observe start", unmet()}}, "verify start", "observe start"},
                      Moment{"AfterADone", {{"observe start", unmet()}}, "observe deploy", "observe deploy"},
                      Moment{"WhenVerifying", {}, "checks", "checks"}),
    [](const auto& one) { return one.param.name; });

TEST(Restart, AStepFoundDoneAfterItsIntentWasThisAttempts) {
  CoreWorld world = going();
  ASSERT_EQ(world.ask(), "observe install");
  world.answer(unmet());
  ASSERT_EQ(world.ask(), "run install");
  world.restart();
  world.speak();
  world.acknowledge();
  world.run();
  EXPECT_EQ(world.shown(), "succeeded: changed unchanged unchanged");
}

TEST(Restart, WhileSoakingSoaksAgainFromTheHubsWord) {
  CoreWorld world = going(40s);
  world.run();
  world.move(30s);
  world.restart();
  world.move(10min);
  EXPECT_EQ(world.ask(), "");
  world.speak();
  EXPECT_GT(next_due(world.memory), world.memory.now) << "the loop would turn without rest";
  world.acknowledge();
  world.run();
  world.move(39s);
  world.run();
  EXPECT_EQ(world.shown(), "soaking: unchanged unchanged unchanged");
  world.move(1s);
  world.run();
  EXPECT_EQ(world.shown(), "succeeded: unchanged unchanged unchanged");
}

/// The power goes, comes back, and the hub says that it holds the attempt, until the device takes it back.
int cuts_until_it_goes_back(CoreWorld& world, const std::string& each_time) {
  for (int cuts = 1; cuts < 100; ++cuts) {
    world.restart();
    world.speak();
    world.acknowledge();
    if (world.attempt().is_undoing || is_final(world.attempt().state)) return cuts;
    EXPECT_EQ(world.ask(), each_time);
    world.move(1min);
  }
  return 0;
}

TEST(Restart, AStepThatTakesTheDeviceDownWithItIsNotBegunForEver) {
  CoreWorld world = going();
  ASSERT_EQ(world.ask(), "observe install");
  world.answer(unmet());
  ASSERT_EQ(world.ask(), "run install");
  EXPECT_EQ(cuts_until_it_goes_back(world, "observe install"), 11);
  world.run();
  EXPECT_EQ(world.shown(), "failed(restored): undone open open, restarts");
}

TEST(Restart, ASoakOfWhatTakesTheDeviceDownEnds) {
  CoreWorld world = going(2h);
  world.run({{"observe deploy", unmet()}});
  ASSERT_TRUE(world.shown().starts_with("soaking")) << world.shown();
  EXPECT_EQ(cuts_until_it_goes_back(world, "checks"), 11);
  world.run();
  EXPECT_EQ(world.shown(), "failed(restored): unchanged unchanged undone, restarts");
}

TEST(Restart, OnTheWayBackNeedsNobody) {
  CoreWorld world = going();
  ASSERT_EQ(world.ask(), "observe install");
  world.answer(unmet());
  ASSERT_EQ(world.ask(), "run install");
  world.answer(failed("x"));
  ASSERT_EQ(world.ask(), "undo install");
  world.restart();
  EXPECT_EQ(world.ask(), "undo install");
  world.answer(satisfied());
  EXPECT_EQ(world.ask(), "");
  EXPECT_EQ(world.shown(), "failed(restored): failed open open, x");
}

TEST(Restart, TheTimeSpentBeforeCounts) {
  CoreWorld world = going();
  ASSERT_EQ(world.ask(), "observe install");
  world.move(40min);
  world.answer(satisfied());
  world.restart();
  world.move(24h);  // while nobody worked
  world.speak();
  world.acknowledge();
  const std::optional<Call> observe = next_call(world.memory);
  ASSERT_TRUE(observe);
  EXPECT_EQ(std::get<StepCall>(observe->what).phase, Phase::Observe);
  world.answer(unmet());
  const std::optional<Call> run = next_call(world.memory);
  ASSERT_TRUE(run);
  EXPECT_EQ(run->limit, 5min);
}

TEST(ReadingOnly, NothingIsCarriedOut) {
  CoreWorld world = going();
  world.memory.is_unwritable = true;
  EXPECT_EQ(world.ask(), "");
  EXPECT_EQ(health_note(world.memory), "state-unwritable");
  world.memory.is_unwritable = false;
  EXPECT_EQ(world.ask(), "observe install");
}

}  // namespace
}  // namespace kelpie::agent
