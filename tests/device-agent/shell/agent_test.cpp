// The agent's loop from signed frame to signed report: the power goes at every point of it, the card fills up and
// wears out, and nothing is done twice.
#include <gtest/gtest.h>

#include "device-agent/records.h"
#include "proto/base/reached.h"
#include "tests/device-agent/shell/agent_world.h"

namespace kelpie::agent {
namespace {

using test::AgentWorld;

const std::vector<std::string> kSteps = {"start", "addons", "deploy"};

std::vector<std::string> outcomes(const v1::Report& report) {
  std::vector<std::string> out;
  for (const v1::StepResult& result : report.attempt().results()) {
    out.push_back(result.kind() + " " + v1::StepOutcome_Name(result.outcome()));
  }
  return out;
}

TEST(Agent, CarriesOutWhatItIsTold) {
  AgentWorld world;
  world.microk8s.is_so["start"] = true;
  ASSERT_TRUE(world.run_until([&] { return world.is_over(); }));
  EXPECT_EQ(world.heard.attempt().state(), v1::SUCCEEDED) << world.heard.attempt().detail();
  EXPECT_EQ(outcomes(world.heard), (std::vector<std::string>{"start UNCHANGED", "addons CHANGED", "deploy CHANGED"}));
  EXPECT_EQ(world.microk8s.times("run start"), 0);
}

TEST(Agent, TheSameReleaseAgainFindsEverythingUnchanged) {
  AgentWorld world;
  ASSERT_TRUE(world.run_until([&] { return world.is_over(); }));
  world.microk8s.log.clear();
  world.frame(test::sealed(test::prepare_of({.generation = 6, .n = 2})));
  ASSERT_TRUE(world.run_until([&] { return world.is_over() && world.memory().ledger.attempt->generation == 6; }));
  EXPECT_EQ(outcomes(world.heard),
            (std::vector<std::string>{"start UNCHANGED", "addons UNCHANGED", "deploy UNCHANGED"}));
  for (const std::string& step : kSteps) EXPECT_EQ(world.microk8s.times("run " + step), 0);
}

/// Runs a scenario with a power cut at the n-th time of each point, until no n-th time is left.
void at_every_point(const std::function<void(AgentWorld&)>& prepare, const std::function<void(AgentWorld&)>& judge) {
  int cuts = 0;
  for (const std::string_view point : kCrashPoints) {
    bool was_cut = true;
    for (int n = 1; was_cut; ++n) {
      SCOPED_TRACE(std::string(point) + ":" + std::to_string(n));
      AgentWorld world;
      prepare(world);
      world.cut_at(point, n);
      ASSERT_TRUE(world.run_until([&] { return world.is_over(); })) << world.heard.ShortDebugString();
      judge(world);
      was_cut = world.was_cut();
      cuts += was_cut ? 1 : 0;
      ASSERT_TRUE(was_cut || n > 1) << "never reached";
    }
  }
  EXPECT_GT(cuts, 40);
}

TEST(PowerCut, AtAnyPointNothingRunsTwiceAndTheAttemptSucceeds) {
  ReachedMarks marks;
  at_every_point([](AgentWorld& world) { world.microk8s.slow = {"addons"}; },
                 [](AgentWorld& world) {
                   EXPECT_EQ(world.heard.attempt().state(), v1::SUCCEEDED) << world.heard.attempt().reason();
                   for (const std::string& step : kSteps) {
                     EXPECT_TRUE(world.microk8s.is_so[step]) << step;
                     EXPECT_EQ(world.microk8s.times("run " + step), 1) << step;
                     EXPECT_EQ(world.microk8s.times("undo " + step), 0) << step;
                   }
                 });
  EXPECT_TRUE(marks.counts().contains("agent.confirmed-after-restart"));
}

TEST(PowerCut, AtAnyPointOfAFailureEverythingGoesBack) {
  at_every_point(
      [](AgentWorld& world) {
        world.microk8s.is_so["start"] = true;
        world.microk8s.slow = {"addons"};
        world.microk8s.failing.insert("verify deploy");
        world.microk8s.failing.insert("checks");
      },
      [](AgentWorld& world) {
        // A cut between run and verify finds the step done and goes on to the checks: they fail too.
        EXPECT_EQ(world.heard.attempt().state(), v1::FAILED);
        EXPECT_EQ(world.heard.attempt().outcome(), v1::RESTORED);
        EXPECT_EQ(world.heard.attempt().reason(), "broken-by-a-test");
        EXPECT_TRUE(world.microk8s.is_so["start"]);
        EXPECT_FALSE(world.microk8s.is_so["addons"]);
        EXPECT_FALSE(world.microk8s.is_so["deploy"]);
        EXPECT_EQ(world.microk8s.times("run deploy"), 1);
        EXPECT_EQ(world.microk8s.times("undo start"), 0) << "it was not this attempt's";
      });
}

std::string note_on_card(const AgentWorld& world) {
  const Result<Ledger> ledger = records::from_blob(world.card.blob, test::the_trust());
  return ledger && ledger->attempt ? ledger->attempt->records.at(1).note : "no ledger";
}

TEST(Noted, IsOnTheCardBeforeItIsWaitedForAndGoneWithTheStep) {
  AgentWorld world;
  world.microk8s.slow = {"addons"};
  ASSERT_TRUE(world.run_until([&] { return world.microk8s.times("run addons") == 1; }));
  EXPECT_EQ(note_on_card(world), "change 1");
  ASSERT_TRUE(world.run_until([&] { return world.is_over(); }));
  EXPECT_EQ(note_on_card(world), "");
}

TEST(Noted, AChangeThatFailedWhileTheAgentWasAwayIsReportedNotRedone) {
  AgentWorld world;
  world.microk8s.slow = {"addons"};
  world.microk8s.failing = {"change addons"};
  world.cut_at("after-note", 1);
  ASSERT_TRUE(world.run_until([&] { return world.is_over(); }));
  EXPECT_TRUE(world.was_cut());
  EXPECT_EQ(world.heard.attempt().outcome(), v1::RESTORED);
  EXPECT_EQ(world.heard.attempt().reason(), "change 1 ended in error");
  EXPECT_EQ(world.microk8s.times("run addons"), 1);
}

TEST(Noted, OnACardThatTakesNoWritesItIsWrittenLater) {
  AgentWorld world;
  world.microk8s.slow = {"addons"};
  ASSERT_TRUE(world.run_until([&] { return world.microk8s.times("observe addons") == 1; }));
  world.turn();
  world.card.is_full = true;
  ASSERT_TRUE(world.run_until([&] { return world.heard.health_note() == "state-unwritable"; }));
  world.card.is_full = false;
  ASSERT_TRUE(world.run_until([&] { return world.is_over(); }));
  EXPECT_EQ(world.heard.attempt().state(), v1::SUCCEEDED);
  EXPECT_EQ(world.microk8s.times("run addons"), 1);
}

TEST(Cancelled, APrepareInHandIsGivenUpOnceAndTheNextOneFollows) {
  AgentWorld world;
  const auto is_preparing = [&] { return world.memory().running && world.memory().running->attempt; };
  ASSERT_TRUE(world.run_until(is_preparing));
  world.is_microk8s_busy = true;
  v1::Deliver deliver;
  deliver.mutable_cancel()->set_attempt(world.heard.attempt().id());
  deliver.mutable_cancel()->set_attempt_hash(world.memory().ledger.attempt->hash.bytes());
  world.frame(test::sealed(deliver));
  ASSERT_TRUE(world.run_until([&] { return world.heard.attempt().state() == v1::CANCELLED; }));
  for (int i = 0; i < 10; ++i) world.turn();
  EXPECT_EQ(world.given_up, (std::vector<std::uint64_t>{world.memory().running->id}));
  world.is_microk8s_busy = false;
  world.frame(test::sealed(test::prepare_of({.n = 2})));
  ASSERT_TRUE(world.run_until([&] { return world.heard.attempt().state() == v1::SUCCEEDED; }));
}

TEST(PowerCut, WithoutAHubNothingGoesOn) {
  AgentWorld world;
  world.cut_at("after-intent", 2);
  ASSERT_TRUE(world.run_until([&] { return world.was_cut(); }));
  world.is_hub_deaf = true;
  const std::vector<std::string> log = world.microk8s.log;
  for (int i = 0; i < 300; ++i) world.turn();
  EXPECT_EQ(world.microk8s.log, log);
  world.is_hub_deaf = false;
  ASSERT_TRUE(world.run_until([&] { return world.is_over(); }));
  EXPECT_EQ(world.heard.attempt().state(), v1::SUCCEEDED);
}

// A Pi has no clock of its own: after a power cut it is 1970 until the network has told the time.
TEST(Clock, At1970AnAttemptWaitsForTheTimeAndThenSucceeds) {
  AgentWorld world;
  world.set_wall(WallTime{0});
  EXPECT_FALSE(world.run_until([&] { return world.memory().ledger.attempt.has_value(); }));
  EXPECT_EQ(world.heard.health_note(), "clock-unsure");
  world.set_wall(WallTime{1'795'000'000'000});
  ASSERT_TRUE(world.run_until([&] { return world.is_over(); }));
  EXPECT_EQ(world.heard.attempt().state(), v1::SUCCEEDED);
}

TEST(Clock, BackAt1970InTheMiddleOfAnAttemptChangesNothing) {
  AgentWorld world;
  ASSERT_TRUE(world.run_until([&] { return world.microk8s.times("run addons") == 1; }));
  world.start();
  world.set_wall(WallTime{0});
  ASSERT_TRUE(world.run_until([&] { return world.is_over(); }));
  EXPECT_EQ(world.heard.attempt().state(), v1::SUCCEEDED) << world.heard.attempt().reason();
}

TEST(Card, ThatTakesNoWritesLeavesReadingOnlyAndSaysSo) {
  AgentWorld world;
  world.card.is_full = true;
  ASSERT_TRUE(world.run_until([&] { return world.heard.health_note() == "state-unwritable"; }));
  for (int i = 0; i < 60; ++i) world.turn();
  EXPECT_TRUE(world.microk8s.log.empty()) << world.microk8s.log.front();
  EXPECT_FALSE(world.heard.has_attempt());
  EXPECT_LT(world.reports, 20U) << "one in five seconds is a flood";
  world.card.is_full = false;
  ASSERT_TRUE(world.run_until([&] { return world.heard.health_note().empty(); }));
  ASSERT_TRUE(world.run_until([&] { return world.is_over(); }));
  EXPECT_EQ(world.heard.attempt().state(), v1::SUCCEEDED);
}

TEST(Card, ThatFillsUpWhileAStepRunsLosesNothing) {
  AgentWorld world;
  ASSERT_TRUE(world.run_until([&] { return world.microk8s.times("run addons") == 1; }));
  world.card.is_full = true;
  for (int i = 0; i < 60; ++i) world.turn();
  EXPECT_EQ(world.heard.health_note(), "state-unwritable");
  EXPECT_EQ(world.microk8s.times("observe deploy"), 0);
  world.card.is_full = false;
  ASSERT_TRUE(world.run_until([&] { return world.is_over(); }));
  EXPECT_EQ(world.heard.attempt().state(), v1::SUCCEEDED);
  EXPECT_EQ(world.microk8s.times("run addons"), 1);
}

TEST(Card, IsNotTriedMoreThanOnceInFiveSeconds) {
  AgentWorld world;
  world.card.is_full = true;
  const int before = world.card.commits;
  for (int i = 0; i < 60; ++i) world.turn();
  EXPECT_LE(world.card.commits - before, 13);
}

TEST(Card, WithBothSlotsDamagedIsReadingOnlyUnderANewInstallId) {
  AgentWorld world;
  ASSERT_TRUE(world.run_until([&] { return world.is_over(); }));
  world.card.is_damaged = true;
  world.microk8s.log.clear();
  world.start();
  ASSERT_TRUE(world.run_until([&] { return world.heard.health_note() == "state-lost"; }));
  for (int i = 0; i < 60; ++i) world.turn();
  EXPECT_TRUE(world.microk8s.log.empty());
  EXPECT_EQ(world.installs, 2);
  EXPECT_GT(world.memory().refusals.at("E_STATE"), 0U);
}

TEST(Card, WithARecordThatIsNoLedgerIsLostToo) {
  AgentWorld world;
  world.card.blob = "not a ledger";
  world.start();
  EXPECT_TRUE(world.memory().is_lost);
}

TEST(Card, ThatCannotTakeTheFirstRecordKeepsTheAgentFromStarting) {
  test::MemoryState card;
  card.is_full = true;
  struct Nothing final : wire::Bus, StepRunner {
    void publish(const std::string&, ByteView) override {}
    void start(Call) override {}
    void give_up(std::uint64_t) override {}
  } nothing;
  SeededEntropy entropy(1);
  const auto agent =
      Agent::open({.key = test::key_of(test::kDevice), .trust = test::the_trust()},
                  {.bus = nothing, .store = card, .runner = nothing, .entropy = entropy, .on_point = {}}, SteadyTime{});
  ASSERT_FALSE(agent);
  EXPECT_EQ(agent.error().code, Code::Unavailable);
}

TEST(Refused, FramesAreCountedReportedAndChangeNothing) {
  AgentWorld world;
  ASSERT_TRUE(world.run_until([&] { return world.is_over(); }));
  world.turn();  // the acknowledgement
  const Ledger before = world.memory().ledger;
  const std::vector<std::string> log = world.microk8s.log;
  const int commits = world.card.commits;
  v1::Deliver other = test::prepare_of({.generation = 9});
  other.set_device_id(std::string(16, 'x'));
  world.frame(test::sealed(other));
  world.frame(test::sealed(test::prepare_of({.generation = 9}), test::kStranger));
  world.frame(test::sealed(test::prepare_of()));  // replayed
  for (int i = 0; i < 40; ++i) world.turn();
  EXPECT_EQ(world.memory().ledger, before);
  EXPECT_EQ(world.microk8s.log, log);
  EXPECT_EQ(world.card.commits, commits);
  std::map<std::string, std::uint64_t> said;
  for (const v1::Refusal& row : world.heard.refusals()) said[row.code()] = row.count();
  EXPECT_EQ(said, (std::map<std::string, std::uint64_t>{{"E_AUDIENCE", 1}, {"E_SIG", 1}}));
}

TEST(Refused, WhatTheDeviceJudgesDangerousIsSaid) {
  AgentWorld world;
  ASSERT_TRUE(world.run_until([&] { return world.is_over(); }));
  world.frame(test::sealed(test::prepare_of({.generation = 6, .n = 2, .release = [](v1::Release& release) {
                                               v1::Addon& addon =
                                                   *release.mutable_steps(1)->mutable_addons()->add_addons();
                                               addon.set_name("hostpath-storage");
                                               addon.set_absent(true);
                                             }})));
  ASSERT_TRUE(world.run_until([&] { return world.heard.attempt().state() == v1::REFUSED; }));
  EXPECT_EQ(world.heard.attempt().refusal(), "E_POLICY");
  EXPECT_NE(world.heard.attempt().detail().find("add-on hostpath-storage: disabled with its data"), std::string::npos);
}

}  // namespace
}  // namespace kelpie::agent
