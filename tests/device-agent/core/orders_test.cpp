// Which PREPARE, GO and CANCEL a device obeys; what is refused has a code and no effect.
#include <gtest/gtest.h>

#include "tests/device-agent/core/core_world.h"

namespace kelpie::agent {
namespace {

using namespace std::chrono_literals;
using test::CoreWorld;
using test::failed;
using test::OrderOf;
using test::prepare;

constexpr const char* kOther = "01JD0000000000000000000001";

/// An attempt of generation 5, n 2, that has ended and whose end the hub knows.
CoreWorld ended() {
  CoreWorld world;
  world.hear(prepare({.generation = 5, .n = 2}));
  world.run();
  world.hear(world.go(0s));
  world.run();
  world.speak();
  world.acknowledge();
  return world;
}

struct PrepareCase {
  const char* name;
  OrderOf order;
  const char* shown;
};

class AfterAnEnd : public ::testing::TestWithParam<PrepareCase> {};

TEST_P(AfterAnEnd, APrepareIs) {
  CoreWorld world = ended();
  world.hear(prepare(GetParam().order));
  EXPECT_EQ(world.shown(), GetParam().shown);
  const Attempt held = world.attempt();
  world.run();
  if (std::string(GetParam().shown).starts_with("refused")) {
    EXPECT_EQ(world.attempt(), held) << "something was done";
  }
}

INSTANTIATE_TEST_SUITE_P(
    Orders, AfterAnEnd,
    ::testing::Values(PrepareCase{"OfALowerGenerationOld", {.generation = 4, .rollout = kOther}, "refused, E_GEN_OLD"},
                      PrepareCase{"OfTheSameWithOtherContentAConflict",
                                  {.generation = 5, .n = 3, .release = "other", .rollout = kOther},
                                  "refused, E_GEN_CONFLICT"},
                      PrepareCase{"OfAnEarlierAttemptRefused", {.n = 1}, "refused, E_ATTEMPT"},
                      PrepareCase{"OfTheNextAttemptObeyed", {.n = 3}, "preparing 1/3: open open open"},
                      PrepareCase{"OfAHigherGenerationObeyed",
                                  {.generation = 6, .release = "other", .rollout = kOther},
                                  "preparing 1/3: open open open"},
                      PrepareCase{"OfAnotherScopeItsOwn",
                                  {.generation = 1, .scope = "adhoc", .rollout = kOther},
                                  "preparing 1/3: open open open"},
                      PrepareCase{
                          "OfWhatHasEndedAnsweredFromMemory", {.n = 2}, "succeeded: unchanged unchanged unchanged"}),
    [](const auto& one) { return one.param.name; });

TEST(Prepare, ThatHasEndedIsNotBegunAgainWhenAnotherTookItsPlace) {
  CoreWorld world = ended();
  world.hear(prepare({.generation = 1, .scope = "adhoc", .rollout = kOther}));
  world.run();
  world.hear(world.go(0s));
  world.run();
  world.speak();
  world.acknowledge();
  world.hear(prepare({.generation = 5, .n = 2}));  // an old PREPARE, replayed, or a hub restored from a backup
  EXPECT_EQ(world.shown(), "refused, E_ATTEMPT");
}

TEST(Prepare, OfWhatAnotherDisplacedIsRefusedToo) {
  CoreWorld world;
  world.hear(prepare());
  world.hear(prepare({.generation = 1, .scope = "adhoc", .rollout = kOther}));
  const AttemptId held = world.attempt().id;
  world.hear(prepare());
  EXPECT_EQ(world.attempt().id, held);
  EXPECT_EQ(world.refused("E_ATTEMPT"), 1U);
}

TEST(Prepare, DuringAnotherAttemptIsRefusedAndNotShown) {
  CoreWorld world;
  world.start();
  world.hear(prepare({.generation = 6, .rollout = kOther}));
  EXPECT_EQ(world.refused("E_ATTEMPT"), 1U);
  EXPECT_EQ(world.shown(), "executing 1/3 observe: open open open");
}

TEST(Prepare, RefusedWhileAnEndIsUntoldHidesNothing) {
  CoreWorld world;
  world.start(0s);
  world.run();
  world.hear(prepare({.generation = 4, .rollout = kOther}));
  EXPECT_EQ(world.refused("E_GEN_OLD"), 1U);
  EXPECT_EQ(world.shown(), "succeeded: unchanged unchanged unchanged");
}

TEST(Prepare, NeverTakesThePlaceOfAnEndTheHubDoesNotKnow) {
  CoreWorld world;
  world.hear(prepare({.generation = 5}));
  world.run();
  world.hear(world.go(0s));
  world.run();
  world.hear(prepare({.scope = "adhoc", .rollout = kOther}));  // held back by the broker until now
  EXPECT_EQ(world.shown(), "succeeded: unchanged unchanged unchanged");
  EXPECT_EQ(world.refused("E_ATTEMPT"), 1U);
  world.speak();
  world.acknowledge();
  world.hear(prepare({.scope = "adhoc", .rollout = kOther}));
  EXPECT_EQ(world.shown(), "preparing 1/3: open open open");
}

TEST(Prepare, WithTheSameIdAndAnotherHashIsRefused) {
  CoreWorld world;
  world.hear(prepare());
  PrepareOrder forged = prepare();
  forged.hash = blake2b_256("another");
  world.hear(forged);
  EXPECT_EQ(world.refused("E_ID_REUSE"), 1U);
}

TEST(Prepare, AgainVoidsTheNonce) {
  CoreWorld world;
  world.hear(prepare());
  world.run();
  const GoOrder old = world.go();
  world.hear(prepare());
  EXPECT_EQ(world.shown(), "preparing 1/3: open open open");
  EXPECT_TRUE(world.memory.nonce.is_zero());
  world.run();
  EXPECT_NE(world.memory.nonce, old.nonce);
  world.hear(old);
  EXPECT_EQ(world.refused("E_NONCE"), 1U);
  EXPECT_EQ(world.shown(), "prepared: open open open");
}

TEST(Prepare, RefusedByWhatOperatorsSignedIsShownUntilTheHubKnows) {
  CoreWorld world;
  const PrepareOrder order = prepare();
  world.hear(PrepareRefused{.id = order.id, .hash = order.hash, .code = "E_PLAN_SIG", .detail = "nobody signed"});
  EXPECT_EQ(world.shown(), "refused, E_PLAN_SIG");
  EXPECT_EQ(world.ask(), "");
  world.speak();
  world.acknowledge();
  EXPECT_EQ(world.shown(), "none");
}

TEST(Prepare, FailingIsAPreflightFailureAndSaysWhetherItMayPass) {
  CoreWorld world;
  world.hear(prepare());
  CallResult full = failed("disk-pressure");
  full.is_transient = true;
  world.run({{"prepare start", full}});
  EXPECT_EQ(world.shown(), "failed(preflight): open failed open, disk-pressure");
  EXPECT_TRUE(world.attempt().failure.is_transient);
}

TEST(Prepare, RefusesARestorePointThatDoesNotFitTheCard) {
  CoreWorld world;
  world.hear(prepare());
  const CallResult large = test::satisfied(std::string(60'000, 'x'));
  world.run({{"prepare install", large}, {"prepare start", large}, {"prepare deploy", large}});
  EXPECT_EQ(world.shown(), "failed(preflight): open open open, restore-too-large");
}

struct GoCase {
  const char* name;
  void (*spoil)(CoreWorld&, GoOrder&);
  const char* code;
};

class OfAPrepared : public ::testing::TestWithParam<GoCase> {};

TEST_P(OfAPrepared, AGoIsRefused) {
  CoreWorld world;
  world.hear(prepare());
  world.run();
  GoOrder go = world.go();
  GetParam().spoil(world, go);
  const std::string before = world.shown();
  world.hear(go);
  EXPECT_EQ(world.refused(GetParam().code), 1U);
  EXPECT_EQ(world.shown(), before);
  for (const std::string& call : world.asked) EXPECT_TRUE(call.starts_with("prepare")) << call;
}

INSTANTIATE_TEST_SUITE_P(
    Orders, OfAPrepared,
    ::testing::Values(
        GoCase{"ForAnotherAttempt", [](CoreWorld&, GoOrder& go) { go.id.n = 9; }, "E_ATTEMPT"},
        GoCase{"WithAnotherHash", [](CoreWorld&, GoOrder& go) { go.hash = blake2b_256("x"); }, "E_ID_REUSE"},
        GoCase{"WithAnotherNonce", [](CoreWorld&, GoOrder& go) { go.nonce = {}; }, "E_NONCE"},
        GoCase{"AfterTenMinutes", [](CoreWorld& world, GoOrder&) { world.move(10min + 1ms); }, "E_EXPIRED"},
        GoCase{"AfterARestart",
               [](CoreWorld& world, GoOrder&) {
                 world.restart();
                 world.run();
               },
               "E_NONCE"},
        GoCase{"WhileItIsPreparedAgain", [](CoreWorld& world, GoOrder&) { world.hear(prepare()); }, "E_NOT_PREPARED"},
        GoCase{"WhenTheCardTakesNoWrites", [](CoreWorld& world, GoOrder&) { world.memory.is_unwritable = true; },
               "E_STATE"},
        GoCase{"WhenTheStateIsLost", [](CoreWorld& world, GoOrder&) { world.memory.is_lost = true; }, "E_STATE"}),
    [](const auto& one) { return one.param.name; });

TEST(Go, AtTheLastMomentIsTakenOnceOnly) {
  CoreWorld world;
  world.hear(prepare());
  world.run();
  const GoOrder go = world.go();
  world.move(10min);
  world.hear(go);
  EXPECT_EQ(world.shown(), "executing 1/3 observe: open open open");
  world.run({{"observe start", test::unmet()}});
  const std::vector<std::string> asked = world.asked;
  world.hear(go);
  world.run();
  EXPECT_EQ(world.asked, asked);
}

TEST(Cancel, BeforeGoEndsIt) {
  CoreWorld world;
  world.hear(prepare());
  world.hear(CancelOrder{.id = world.attempt().id, .hash = world.attempt().hash});
  EXPECT_EQ(world.shown(), "cancelled: open open open");
  EXPECT_EQ(world.ask(), "");
}

TEST(Cancel, WhatTheWorkerStillFindsChangesNothing) {
  CoreWorld world;
  world.hear(prepare());
  ASSERT_EQ(world.ask(), "prepare install");
  world.hear(CancelOrder{.id = world.attempt().id, .hash = world.attempt().hash});
  world.answer(test::satisfied());
  EXPECT_EQ(world.shown(), "cancelled: open open open");
}

TEST(Cancel, OfARunningAttemptTearsNothingDown) {
  CoreWorld world;
  world.start();
  world.hear(CancelOrder{.id = world.attempt().id, .hash = world.attempt().hash});
  EXPECT_EQ(world.shown(), "executing 1/3 observe: open open open");
}

TEST(Cancel, OfSomethingElseIsAnsweredWithWhatIsHeld) {
  CoreWorld world;
  world.hear(prepare());
  world.speak();
  CancelOrder other{.id = world.attempt().id, .hash = world.attempt().hash};
  other.id.n = 7;
  world.hear(other);
  EXPECT_EQ(world.shown(), "preparing 1/3: open open open");
  EXPECT_TRUE(is_report_due(world.memory));
  world.hear(CancelOrder{.id = world.attempt().id, .hash = blake2b_256("x")});
  EXPECT_EQ(world.refused("E_ID_REUSE"), 1U);
}

TEST(Hear, AHigherEpochIsRemembered) {
  CoreWorld world;
  hear(world.memory, {.hub_epoch = 3, .event = NoticeSeen{}});
  hear(world.memory, {.hub_epoch = 2, .event = NoticeSeen{}});
  EXPECT_EQ(world.memory.ledger.hub_epoch, 3U);
}

}  // namespace
}  // namespace kelpie::agent
