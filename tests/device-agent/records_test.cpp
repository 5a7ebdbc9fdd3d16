// The ledger through bytes and back; whatever is not a ledger is a loss, never a guess.
#include "device-agent/records.h"

#include <gtest/gtest.h>
#include <kelpie/store/v1/agent.pb.h>

#include "device-agent/inbound.h"
#include "tests/device-agent/hub_frames.h"

namespace kelpie::agent {
namespace {

Ledger full_ledger() {
  const Result<Heard> heard = parse(
      as_bytes(test::sealed(test::prepare_of())),
      {.device = test::the_device(), .trust = test::the_trust(), .hub_epoch = 1, .now = WallTime{1'795'000'000'000}});
  const auto& order = std::get<PrepareOrder>(heard->event);
  Ledger out;
  out.install = *InstallId::from_bytes(std::string(16, 'i'));
  out.hub_epoch = 2;
  Attempt& attempt = out.attempt.emplace();
  attempt.id = order.id;
  attempt.hash = order.hash;
  attempt.scope = order.scope;
  attempt.generation = order.generation;
  attempt.release_frame = order.release_frame;
  attempt.release = order.release;
  attempt.state = AttemptState::Executing;
  attempt.limits = {.soak = Duration(1), .step = Duration(2), .attempt = Duration(3), .verify = Duration(4)};
  attempt.door = {.url = "http://127.0.0.1:7440/archives/x", .token = "70"};
  attempt.spent = Duration(5);
  attempt.restarts = 4;
  attempt.step = 2;
  attempt.is_undoing = true;
  attempt.outcome = FailedOutcome::Broken;
  attempt.failure = {.reason = "x", .detail = "not \xff utf-8", .refusal = {}, .is_transient = true};
  attempt.records = {{.has_intent = true,
                      .outcome = StepOutcome::Changed,
                      .summary = "s\xc3",
                      .output_tail = "\x80 as a command printed it",
                      .duration_ms = 7,
                      .restore = std::string("\0\xff", 2),
                      .note = "{\"change\":\"42\"}",
                      .archive = {.sha256 = std::string(64, 'a'), .bytes = 48'211}},
                     {.outcome = StepOutcome::UndoFailed},
                     {}};
  out.marks["device"] = {.generation = 5, .release = blake2b_256("r"), .n = 3, .is_closed = true};
  out.marks["adhoc"] = {.generation = 1, .release = blake2b_256("q"), .n = 1};
  return out;
}

TEST(Records, BringBackWhatWasWrittenEvenWhatIsNoUtf8) {
  const Ledger ledger = full_ledger();
  const Result<Ledger> back = records::from_blob(records::to_blob(ledger), test::the_trust());
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, ledger);
}

TEST(Records, KeepWhatIsWatchedWithAnAttemptOfItAndWithAnother) {
  Ledger ledger = full_ledger();
  ledger.proved = ProvedRelease{.release = ledger.attempt->release, .frame = ledger.attempt->release_frame};
  const std::size_t both = records::to_blob(ledger).size();
  EXPECT_EQ(*records::from_blob(records::to_blob(ledger), test::the_trust()), ledger);
  Ledger other = ledger;
  other.attempt->release_frame.clear();
  EXPECT_GT(records::to_blob(other).size() + 4, both) << "written once when it is the same";
  ledger.attempt.reset();
  const std::string blob = records::to_blob(ledger);
  EXPECT_EQ(*records::from_blob(blob, test::the_trust()), ledger);
  ledger.proved->frame.back() = static_cast<char>(ledger.proved->frame.back() ^ 1);
  EXPECT_FALSE(records::from_blob(records::to_blob(ledger), test::the_trust())->proved) << "not watched, and no loss";
}

TEST(Records, AFreshInstallHasNoAttempt) {
  Ledger ledger;
  ledger.install = *InstallId::from_bytes(std::string(16, 'i'));
  EXPECT_EQ(*records::from_blob(records::to_blob(ledger), test::the_trust()), ledger);
}

TEST(Records, TheLargestLedgerFitsASlot) {
  Ledger ledger = full_ledger();
  Attempt& attempt = *ledger.attempt;
  attempt.release_frame = std::string(17'408, 'r');  // deliver.proto
  attempt.failure.detail = std::string(2'048, 'd');  // walk.cpp, as what follows
  attempt.records.assign(32, {.summary = std::string(512, 's'), .output_tail = std::string(2'048, 't')});
  attempt.records[0].restore = std::string(128U << 10U, 'p');
  ledger.proved = ProvedRelease{.release = {}, .frame = std::string(17'408, 'f')};
  EXPECT_LT(records::to_blob(ledger).size(), (256U << 10U) - 64);
}

TEST(Records, ADamagedOneIsALoss) {
  struct Case {
    const char* name;
    void (*spoil)(store::v1::AgentRecord&);
  };
  const Case cases[] = {
      {"schema", [](auto& r) { r.set_schema(9); }},
      {"install", [](auto& r) { r.set_install_id("x"); }},
      {"attempt id", [](auto& r) { r.mutable_attempt()->set_id("x"); }},
      {"attempt hash", [](auto& r) { r.mutable_attempt()->clear_hash(); }},
      {"state 0", [](auto& r) { r.mutable_attempt()->set_state(0); }},
      {"state 10", [](auto& r) { r.mutable_attempt()->set_state(10); }},
      {"outcome", [](auto& r) { r.mutable_attempt()->set_outcome(4); }},
      {"release", [](auto& r) { r.mutable_attempt()->mutable_release()->back() ^= 1; }},
      {"steps", [](auto& r) { r.mutable_attempt()->mutable_steps()->RemoveLast(); }},
      {"step", [](auto& r) { r.mutable_attempt()->set_step(3); }},
      {"step outcome", [](auto& r) { r.mutable_attempt()->mutable_steps(0)->set_outcome(6); }},
      {"mark", [](auto& r) { r.mutable_scopes(0)->set_release("x"); }},
  };
  for (const Case& one : cases) {
    store::v1::AgentRecord record;
    ASSERT_TRUE(record.ParseFromString(records::to_blob(full_ledger())));
    one.spoil(record);
    EXPECT_FALSE(records::from_blob(record.SerializeAsString(), test::the_trust())) << one.name;
  }
  EXPECT_EQ(records::from_blob("not protobuf", test::the_trust()).error().code, Code::DataLoss);
}

TEST(Records, AReleaseThatItsOperatorNoLongerSignsIsALoss) {
  wire::Trust without_ana = test::the_trust();
  without_ana.operators.erase(without_ana.operators.begin());
  EXPECT_FALSE(records::from_blob(records::to_blob(full_ledger()), without_ana));
}

}  // namespace
}  // namespace kelpie::agent
