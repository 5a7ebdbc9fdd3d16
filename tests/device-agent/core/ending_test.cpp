// The end of an attempt is told together with what became of the device.
#include <gtest/gtest.h>

#include "tests/device-agent/core/core_world.h"

namespace kelpie::agent {
namespace {

using namespace std::chrono_literals;
using test::CoreWorld;
using test::failed;
using test::satisfied;
using test::unmet;
using Results = std::map<std::string, CallResult>;

/// GO given; every call but the last look is answered. The worker has that one in hand.
CoreWorld looking(const Results& results, Duration soak = 0s) {
  CoreWorld world;
  world.start(soak);
  for (std::optional<Call> call = next_call(world.memory); call; call = next_call(world.memory)) {
    if (std::holds_alternative<FactsCall>(call->what)) break;
    const auto* const step = std::get_if<StepCall>(&call->what);
    const std::string name =
        step == nullptr ? "checks" : std::string(to_string(step->phase)) + " " + std::string(kind_of(step->step));
    const auto at = results.find(name);
    world.answer(at == results.end() ? satisfied() : at->second);
  }
  world.speak();
  return world;
}

CallResult found_stopped() {
  CallResult out = satisfied();
  out.facts.node_state = "stopped";
  return out;
}

TEST(Ending, OfAChangeIsToldWithFactsOfAfterIt) {
  CoreWorld world = looking({{"observe start", unmet()}});
  EXPECT_EQ(world.shown(), "verifying: unchanged changed unchanged");
  EXPECT_FALSE(is_report_due(world.memory));
  world.answer(found_stopped());
  EXPECT_EQ(world.shown(), "succeeded: unchanged changed unchanged");
  EXPECT_EQ(world.memory.facts.node_state, "stopped");
  EXPECT_TRUE(is_report_due(world.memory));
  EXPECT_EQ(world.memory.telling.facts_since, 0U) << "the report of the end carries them";
  EXPECT_EQ(world.ask(), "") << "and they are not taken twice";
}

TEST(Ending, OfWhatWasTakenBackIsToldWithFactsOfAfterIt) {
  CoreWorld world = looking({{"observe start", unmet()}, {"run start", failed("start-failed")}});
  EXPECT_EQ(world.shown(), "executing 2/3 undo: unchanged failed open, start-failed");
  world.answer(found_stopped());
  EXPECT_EQ(world.shown(), "failed(restored): unchanged failed open, start-failed");
  EXPECT_EQ(world.memory.facts.node_state, "stopped");
}

TEST(Ending, DoesNotWaitForFactsThatCannotBeRead) {
  CoreWorld world = looking({{"observe start", unmet()}});
  world.answer(failed("timeout"));
  EXPECT_EQ(world.shown(), "succeeded: unchanged changed unchanged");
  world.move(1min);
  EXPECT_TRUE(next_call(world.memory)) << "the facts follow";
}

TEST(Ending, BeforeAnythingWasDoneNeedsNoLook) {
  CoreWorld world;
  world.start();
  static_cast<void>(world.ask());
  world.answer(failed("snapd-gone"));
  EXPECT_EQ(world.shown(), "failed(restored): failed open open, snapd-gone");
}

TEST(Ending, OfASoakIsNotPutOffBecauseTheDeviceWasLookedAtWhenItBegan) {
  CoreWorld world = looking({{"observe start", unmet()}}, 15s);
  world.answer(found_stopped());
  ASSERT_EQ(world.shown(), "soaking: unchanged changed unchanged");
  world.move(15s);
  ASSERT_EQ(world.ask(), "checks");
  world.answer(satisfied());
  EXPECT_EQ(world.shown(), "succeeded: unchanged changed unchanged");
}

TEST(Ending, ThatWaitsForALookHearsTheHub) {
  CoreWorld world = looking({{"observe start", unmet()}});
  world.hear(world.go());
  EXPECT_TRUE(is_report_due(world.memory));
  world.speak();
  world.hear(CancelOrder{.id = world.attempt().id, .hash = world.attempt().hash});
  EXPECT_TRUE(is_report_due(world.memory));
  EXPECT_EQ(world.shown(), "verifying: unchanged changed unchanged") << "what is done is not torn down";
  world.answer(found_stopped());
  EXPECT_EQ(world.shown(), "succeeded: unchanged changed unchanged");
}

TEST(Ending, ThatAPowerCutTookIsProvedAgain) {
  CoreWorld world = looking({{"observe start", unmet()}});
  world.restart();
  EXPECT_EQ(world.ask(), "");
  world.speak();
  world.acknowledge();
  EXPECT_EQ(world.ask(), "checks");
  world.answer(satisfied());
  EXPECT_EQ(world.ask(), "");
  EXPECT_EQ(world.shown(), "succeeded: unchanged changed unchanged");
}

TEST(Ending, ThatAPowerCutTookOnTheWayBackTakesNothingBackTwice) {
  CoreWorld world = looking({{"observe start", unmet()}, {"run start", failed("start-failed")}});
  world.restart();
  EXPECT_FALSE(is_final(world.attempt().state)) << "nothing is told that is not on the card";
  EXPECT_EQ(world.ask(), "");
  EXPECT_EQ(world.shown(), "failed(restored): unchanged failed open, start-failed");
}

}  // namespace
}  // namespace kelpie::agent
