// When a device speaks, how often it repeats itself, and what it believes of the answers.
#include <gtest/gtest.h>

#include "tests/device-agent/core/core_world.h"

namespace kelpie::agent {
namespace {

using namespace std::chrono_literals;
using test::CoreWorld;

BeaconSeen beacon_of(const CoreWorld& world) {
  return {.install = world.memory.ledger.install,
          .boot = world.memory.boot,
          .sequence = world.memory.telling.sequence,
          .holds = holds_digest(shown_attempt(world.memory), world.memory.trust_version),
          .hub_nonce = {},
          .heartbeat = {}};
}

/// Seconds, from now on, at which reports go out within the span.
std::string times(CoreWorld& world, int seconds) {
  std::string out;
  for (int second = 0; second <= seconds; ++second) {
    if (world.speak() > 0) out += std::to_string(second) + " ";
    world.move(1s);
  }
  return out;
}

TEST(Tell, AtOnceOnConnectingThenEachHeartbeat) {
  CoreWorld world;
  EXPECT_EQ(times(world, 61), "0 30 60 ");
}

TEST(Tell, NothingWithoutALink) {
  CoreWorld world;
  world.hear(LinkEvent{.is_connected = false});
  EXPECT_EQ(times(world, 60), "");
  world.hear(LinkEvent{.is_connected = true});
  EXPECT_EQ(times(world, 10), "0 ");
}

TEST(Tell, AnEndIsRepeatedEverMoreSlowlyUntilItIsAcknowledged) {
  CoreWorld world;
  world.start(0s);
  world.run();
  EXPECT_EQ(times(world, 200), "0 2 6 14 30 62 122 182 ");
  world.acknowledge();
  EXPECT_EQ(times(world, 60), "11 41 ") << "the heartbeat again";
}

TEST(Tell, AnAcknowledgedEndDoesNotDelayTheFactsThatFollowIt) {
  CoreWorld world;
  world.start(0s);
  world.run();
  world.speak();
  world.memory.facts_due = world.memory.now;
  ASSERT_TRUE(next_call(world.memory));
  CallResult found = test::satisfied();
  found.facts.addons = {"dns"};
  world.answer(found);
  world.acknowledge();
  EXPECT_EQ(times(world, 10), "2 ");
}

TEST(Tell, AnAcknowledgementOfSomethingOlderIsNone) {
  CoreWorld world;
  world.start(0s);
  world.speak();
  const BeaconSeen early = beacon_of(world);
  world.run();
  world.speak();
  world.hear(early);
  EXPECT_EQ(world.attempt().records[0].restore, "no snap");
  EXPECT_EQ(times(world, 10), "2 6 ");
}

TEST(Tell, AnEndIsToldAgainAfterARestart) {
  CoreWorld world;
  world.start(0s);
  world.run();
  world.speak();
  world.acknowledge();
  world.restart();
  EXPECT_EQ(times(world, 10), "0 2 6 ");
}

TEST(Tell, ProgressAtMostEveryTwoSeconds) {
  CoreWorld world;
  world.start();
  ASSERT_EQ(world.ask(), "observe install");
  world.speak();
  std::string out;
  for (int tenth = 0; tenth < 60; ++tenth) {
    world.hear(CallProgressed{.id = world.memory.calls, .progress = std::to_string(tenth)});
    if (world.speak() > 0) out += std::to_string(tenth) + " ";
    world.move(100ms);
  }
  EXPECT_EQ(out, "20 40 ");
  EXPECT_EQ(world.memory.running->progress, "59");
}

TEST(Tell, TheHubsNonceIsQuotedOnce) {
  CoreWorld world;
  const Nonce nonce = *Nonce::from_bytes(blake2b_128("n").view());
  world.hear(ReadOrder{nonce});
  EXPECT_EQ(world.memory.telling.hub_nonce, nonce);
  EXPECT_TRUE(world.memory.telling.must_hello);
  world.speak();
  EXPECT_TRUE(world.memory.telling.hub_nonce.is_zero());
}

TEST(Tell, AHelloUntilTheHubHasCommittedOneOfThisConnection) {
  CoreWorld world;
  world.speak();
  EXPECT_TRUE(world.memory.telling.must_hello);
  world.acknowledge();
  EXPECT_FALSE(world.memory.telling.must_hello);
  world.hear(LinkEvent{.is_connected = true});
  world.acknowledge();  // of a report of the connection before
  EXPECT_TRUE(world.memory.telling.must_hello);
}

TEST(Tell, AfterANoticeWithinTheWindowAndNotAllAtOnce) {
  CoreWorld world;
  std::set<std::string> when;
  for (int i = 0; i < 8; ++i) {
    world.restart();
    world.speak();
    world.hear(NoticeSeen{.reconnect_window = 20s});
    EXPECT_TRUE(world.memory.telling.must_hello);
    when.insert(times(world, 20));
  }
  EXPECT_GT(when.size(), 4U);
  EXPECT_FALSE(when.contains(""));
}

TEST(Tell, FactsAreNewsWhenTheyChangeAndADiskThatFillsSlowlyIsNot) {
  CoreWorld world;
  Facts facts;
  facts.disk_bytes = 1'000'000;
  facts.disk_free_bytes = 500'000;
  const auto found = [&] {
    static_cast<void>(next_call(world.memory));
    CallResult result = test::satisfied();
    result.facts = facts;
    world.answer(result);
    const bool is_news = world.memory.telling.facts_since == 0;
    world.speak();
    world.move(1min);
    world.speak();
    return is_news;
  };
  EXPECT_TRUE(found());
  facts.disk_free_bytes -= 9'999;
  EXPECT_FALSE(found());
  facts.disk_free_bytes -= 1;
  EXPECT_TRUE(found());
  facts.addons = {"dns"};
  EXPECT_TRUE(found());
}

TEST(Tell, ADegreeIsNoNewsAndAnHourIs) {
  CoreWorld world;
  Facts facts{.memory_bytes = 800, .memory_available_bytes = 400, .temperature_c = 50};
  world.memory.checkup_due = world.memory.now + 48h;
  const auto is_told = [&] {
    static_cast<void>(next_call(world.memory));
    CallResult result = test::satisfied();
    result.facts = facts;
    world.answer(result);
    const bool is_news = world.memory.telling.facts_since == 0;
    world.speak();
    world.acknowledge();
    world.memory.checkup_due = world.memory.now + 48h;
    world.move(1min);
    world.speak();
    return is_news;
  };
  EXPECT_TRUE(is_told());
  facts.temperature_c = 54;
  facts.memory_available_bytes = 301;
  EXPECT_FALSE(is_told());
  facts.temperature_c = 55;
  EXPECT_TRUE(is_told());
  facts.temperature_c = 56;
  for (int minute = 1; minute < 60; ++minute) EXPECT_FALSE(is_told()) << minute;
  EXPECT_TRUE(is_told()) << "an hour later";
}

TEST(Tell, ACheckupComesEveryTenthLookAndSoonAfterAChange) {
  CoreWorld world;
  Facts facts;
  std::string looks;
  const auto look = [&] {
    const std::optional<Call> call = next_call(world.memory);
    const bool is_checkup = std::get<FactsCall>(call->what).depth == Depth::Checkup;
    looks += is_checkup ? "C" : "q";
    CallResult result = test::satisfied();
    result.facts = facts;
    if (is_checkup) result.facts.checkup = Checkup{.pods = 9};
    world.answer(result);
    world.move(1min);
  };
  for (int i = 0; i < 24; ++i) {
    if (i == 16) facts.addons = {"dns"};
    look();
  }
  EXPECT_EQ(looks, "qCqqqqqqqqqCqqqqqCqqqqqq");
  EXPECT_EQ(world.memory.facts.checkup->pods, 9U) << "kept by quick looks";
}

TEST(Tell, FactsThatCouldNotBeReadReplaceNothing) {
  CoreWorld world;
  ASSERT_TRUE(next_call(world.memory));
  CallResult result = test::satisfied();
  result.facts.hostname = "pi";
  world.answer(result);
  world.move(1min);
  ASSERT_TRUE(next_call(world.memory));
  world.answer(test::failed("interrupted"));
  EXPECT_EQ(world.memory.facts.hostname, "pi");
}

TEST(Beacon, SetsTheHeartbeatWithinReason) {
  CoreWorld world;
  world.speak();
  BeaconSeen beacon = beacon_of(world);
  for (const auto& [said, taken] : {std::pair{Duration(90s), Duration(90s)}, {1s, 5s}, {48h, 1h}, {0s, 1h}}) {
    beacon.heartbeat = said;
    world.hear(beacon);
    EXPECT_EQ(world.memory.telling.heartbeat, taken);
  }
}

TEST(Beacon, OfWhatWasNeverSaidIsIgnored) {
  CoreWorld world;
  world.speak();
  BeaconSeen ahead = beacon_of(world);
  ++ahead.sequence;
  world.hear(ahead);
  EXPECT_EQ(world.memory.telling.acknowledged, 0U);
}

TEST(Beacon, ThatHoldsSomethingElseTwiceMeansWithheld) {
  CoreWorld world;
  world.start();
  world.speak();
  BeaconSeen other = beacon_of(world);
  other.holds = blake2b_256("another attempt");
  world.hear(other);
  EXPECT_EQ(health_note(world.memory), "");
  world.hear(other);
  EXPECT_EQ(health_note(world.memory), "withheld");
  world.acknowledge();
  EXPECT_EQ(health_note(world.memory), "");
}

TEST(Isolated, WhenThreeHeartbeatsBringNoWordOfAHub) {
  CoreWorld world;
  world.move(90s);
  EXPECT_FALSE(is_isolated(world.memory));
  world.move(1ms);
  EXPECT_TRUE(is_isolated(world.memory));
  hear(world.memory, {.hub_epoch = 1, .event = NoticeSeen{}});
  EXPECT_FALSE(is_isolated(world.memory));
  world.move(24h);
  world.hear(LinkEvent{.is_connected = false});
  EXPECT_FALSE(is_isolated(world.memory)) << "the broker is away: its link says so";
}

TEST(Isolated, IntroducesItselfAgainToAHubThatMayNotKnowIt) {
  CoreWorld world;
  world.speak();
  world.acknowledge();
  EXPECT_FALSE(says_hello(world.memory));
  world.move(91s);
  EXPECT_TRUE(says_hello(world.memory));
  world.speak();
  hear(world.memory, {.hub_epoch = 1, .event = beacon_of(world)});
  EXPECT_FALSE(says_hello(world.memory));
}

TEST(HealthNote, SaysThatTheClockIsWaitedFor) {
  CoreWorld world;
  world.speak();
  world.hear(FrameRefused{"E_CLOCK_UNSURE"});
  EXPECT_EQ(health_note(world.memory), "clock-unsure");
  EXPECT_TRUE(is_report_due(world.memory));
  world.hear(test::prepare());
  EXPECT_EQ(health_note(world.memory), "");
}

TEST(Refusals, AreNewsOnceForEachCode) {
  CoreWorld world;
  world.speak();
  world.hear(FrameRefused{"E_SIG"});
  EXPECT_EQ(times(world, 10), "2 ");
  world.hear(FrameRefused{"E_SIG"});
  EXPECT_EQ(times(world, 10), "");
}

TEST(Refusals, AreCountedByCodeWithALimit) {
  CoreWorld world;
  for (int i = 0; i < 100; ++i) world.hear(FrameRefused{"E_" + std::to_string(i)});
  world.hear(FrameRefused{"E_0"});
  EXPECT_EQ(world.memory.refusals.size(), 64U);
  EXPECT_EQ(world.refused("E_0"), 2U);
}

}  // namespace
}  // namespace kelpie::agent
