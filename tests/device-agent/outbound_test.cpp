// The report as the hub reads it: never refused for what commands print, never over the cap.
#include "device-agent/outbound.h"

#include <gtest/gtest.h>
#include <kelpie/v1/report.pb.h>

#include "device-agent/core/decide.h"
#include "proto/wire/bus.h"
#include "proto/wire/walker.h"
#include "tests/device-agent/hub_frames.h"

namespace kelpie::agent {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kTailMax = 2'048;

Attempt attempt_of(std::size_t steps) {
  Attempt out;
  out.id = {.rollout = *RolloutId::parse("01JD0000000000000000000000"), .device = test::the_device(), .n = 2};
  out.hash = blake2b_256("hash");
  out.state = AttemptState::Executing;
  out.release.steps.assign(steps, StartStep{});
  out.records.resize(steps);
  return out;
}

Memory memory_of(std::optional<Attempt> attempt) {
  Ledger ledger;
  ledger.install = *InstallId::from_bytes(std::string(16, 'i'));
  ledger.attempt = std::move(attempt);
  Memory out =
      start_memory(std::move(ledger), *BootId::from_bytes(std::string(16, 'b')), blake2b_256("s"), SteadyTime{60'000});
  out.is_confirmed = true;
  return out;
}

/// Proved, walked strictly and parsed, as the hub does.
v1::Report said(const Memory& memory) {
  const wire::SigningKey key = test::key_of(test::kDevice);
  const std::string bytes = seal_report(memory, {.key = key,
                                                 .installation = test::the_trust().installation,
                                                 .now = WallTime{1'795'000'000'000},
                                                 .heartbeat_nonce = *Nonce::from_bytes(std::string(16, 'n'))});
  EXPECT_LE(bytes.size(), wire::kBusPayloadBytesMax);
  const Result<wire::Frame> frame = wire::parse_frame(as_bytes(bytes));
  EXPECT_TRUE(frame && wire::verified_signers(*frame, test::the_trust().installation,
                                              [&](const KeyId&) { return std::optional(key.public_key()); }));
  const Result<void> strict = wire::check_strict(as_bytes(frame->payload), *v1::Report::descriptor());
  EXPECT_TRUE(strict) << strict.error().message;
  v1::Report out;
  EXPECT_TRUE(out.ParseFromString(frame->payload));
  return out;
}

TEST(Report, OfAFreshStartIsAHelloWithoutAttempt) {
  Memory memory = memory_of(std::nullopt);
  decide(memory, LinkEvent{.is_connected = true});
  const v1::Report report = said(memory);
  EXPECT_EQ(report.device_id(), test::the_device().bytes());
  EXPECT_EQ(report.install_id(), std::string(16, 'i'));
  EXPECT_EQ(report.boot(), std::string(16, 'b'));
  EXPECT_EQ(report.sequence(), 1U);
  EXPECT_EQ(report.hello().identity_key(), test::key_of(test::kDevice).public_key().bytes());
  EXPECT_EQ(report.hello().schema_max(), 1U);
  EXPECT_EQ(report.hello().connection(), 1U);
  EXPECT_FALSE(report.has_attempt());
  EXPECT_FALSE(report.has_facts());
}

TEST(Report, SaysWhereTheAttemptIs) {
  Attempt attempt = attempt_of(3);
  attempt.step = 1;
  attempt.records[0].outcome = StepOutcome::Unchanged;
  Memory memory = memory_of(attempt);
  memory.phase = Phase::Run;
  memory.running = Running{.id = 1, .since = {}, .attempt = attempt.id, .progress = "pulling 12/57 MiB"};
  const v1::Attempt said_attempt = said(memory).attempt();
  EXPECT_EQ(said_attempt.id(), to_string(attempt.id));
  EXPECT_EQ(said_attempt.state(), v1::EXECUTING);
  EXPECT_EQ(said_attempt.step(), 2U);
  EXPECT_EQ(said_attempt.step_count(), 3U);
  EXPECT_EQ(said_attempt.step_kind(), "start");
  EXPECT_EQ(said_attempt.phase(), "run");
  EXPECT_EQ(said_attempt.progress(), "pulling 12/57 MiB");
  ASSERT_EQ(said_attempt.results_size(), 1);
  EXPECT_EQ(said_attempt.results(0).outcome(), v1::UNCHANGED);
}

TEST(Report, QuotesTheNonceAndItsAgeWhenPrepared) {
  Attempt attempt = attempt_of(1);
  attempt.state = AttemptState::Prepared;
  Memory memory = memory_of(attempt);
  memory.ledger.attempt->state = AttemptState::Prepared;
  memory.nonce = *Nonce::from_bytes(std::string(16, 'p'));
  memory.prepared_at = memory.now;
  memory.now = memory.now + 90s;
  const v1::Report report = said(memory);
  EXPECT_EQ(report.attempt().nonce(), std::string(16, 'p'));
  EXPECT_EQ(report.attempt().prepared_ago_ms(), 90'000U);
}

TEST(Report, SaysWhichArchiveItsInspectSent) {
  Attempt attempt = attempt_of(1);
  attempt.state = AttemptState::Succeeded;
  attempt.records[0].outcome = StepOutcome::Unchanged;
  EXPECT_EQ(said(memory_of(attempt)).attempt().results(0).archive_sha256(), "");
  attempt.records[0].archive = {.sha256 = std::string(64, 'a'), .bytes = 7};
  const v1::StepResult result = said(memory_of(attempt)).attempt().results(0);
  EXPECT_EQ(result.archive_sha256(), std::string(32, '\xaa'));
  EXPECT_EQ(result.archive_bytes(), 7U);
}

struct Text {
  const char* name;
  std::string printed;
  std::string said;
};
class Cleaned : public ::testing::TestWithParam<Text> {};

TEST_P(Cleaned, OutputIsUtf8) {
  Attempt attempt = attempt_of(1);
  attempt.state = AttemptState::Failed;
  attempt.outcome = FailedOutcome::Restored;
  attempt.failure.detail = GetParam().printed;
  EXPECT_EQ(said(memory_of(attempt)).attempt().detail(), GetParam().said);
}

INSTANTIATE_TEST_SUITE_P(
    Report, Cleaned,
    ::testing::Values(Text{"AsItIs", "Zürich ⏸ 🦊", "Zürich ⏸ 🦊"}, Text{"LoneContinuation", "a\x80z", "a?z"},
                      Text{"CutCharacter", "a\xe2\x82", "a??"}, Text{"Overlong", "\xc0\x80", "??"},
                      Text{"OverlongThree", "\xe0\x80\x80", "???"}, Text{"OverlongFour", "\xf0\x80\x80\x80", "????"},
                      Text{"Surrogate", "\xed\xa0\x80", "???"}, Text{"BeyondUnicode", "\xf4\x90\x80\x80", "????"},
                      Text{"NoSuchByte", "\xff\xfe", "??"},
                      Text{"TooLong", std::string(kTailMax - 1, 'x') + "ü", std::string(kTailMax - 1, 'x')}),
    [](const auto& one) { return one.param.name; });

Memory with_long_outputs(std::size_t steps) {
  Attempt attempt = attempt_of(steps);
  attempt.state = AttemptState::Failed;
  attempt.outcome = FailedOutcome::Restored;
  attempt.failure.detail = std::string(kTailMax, 'd');
  for (StepRecord& record : attempt.records) {
    record.outcome = StepOutcome::Failed;
    record.summary = std::string(512, 's');
    record.output_tail = std::string(kTailMax, 't');
  }
  return memory_of(attempt);
}

TEST(Report, TooLargeLosesOutputBeforeAnythingElse) {
  const v1::Report small = said(with_long_outputs(8));
  EXPECT_EQ(small.attempt().results(7).output_tail().size(), kTailMax);
  const v1::Report large = said(with_long_outputs(32));
  ASSERT_EQ(large.attempt().results_size(), 32);
  EXPECT_EQ(large.attempt().results(31).output_tail(), "");
  EXPECT_EQ(large.attempt().results(31).summary().size(), 512U);
}

TEST(Report, ThenImagesThenFactsAndNeverTheAttempt) {
  Memory memory = with_long_outputs(32);
  memory.has_facts = true;
  memory.facts.images.assign(200, {.ref = std::string(256, 'r'), .digest = std::string(71, 'd'), .is_pinned = true});
  memory.facts.workloads.assign(200, {.name = std::string(63, 'n'),
                                      .name_space = std::string(63, 'n'),
                                      .kind = std::string(32, 'k'),
                                      .node_ports = std::vector<std::uint32_t>(99, 32'000),
                                      .trouble = std::string(300, 't')});
  memory.facts.addons.assign(200, std::string(63, 'a'));
  const v1::Report report = said(memory);
  EXPECT_EQ(report.attempt().results_size(), 32);
  EXPECT_EQ(report.facts().images_size(), 0);
  memory.ledger.attempt.reset();
  const v1::Report alone = said(memory);
  EXPECT_FALSE(alone.has_attempt()) << "an empty attempt would be refused by the hub";
  EXPECT_EQ(alone.facts().images_size(), 64);
  EXPECT_EQ(alone.facts().workloads(0).node_ports_size(), 16);
}

TEST(Report, FactsAreSentUntilAcknowledgedAndWheneverTheHubAsks) {
  Memory memory = memory_of(std::nullopt);
  memory.has_facts = true;
  EXPECT_TRUE(said(memory).has_facts());
  note_report(memory);
  EXPECT_TRUE(said(memory).has_facts());
  memory.telling.acknowledged = 1;
  EXPECT_FALSE(said(memory).has_facts());
  memory.telling.hub_nonce = *Nonce::from_bytes(std::string(16, 'h'));
  const v1::Report asked = said(memory);
  EXPECT_TRUE(asked.has_facts());
  EXPECT_EQ(asked.hub_nonce(), std::string(16, 'h'));
}

TEST(Report, CarriesRefusalsAndWhatIsWrongWithTheCard) {
  Memory memory = memory_of(std::nullopt);
  decide(memory, FrameRefused{"E_SIG"});
  decide(memory, FrameRefused{"E_SIG"});
  memory.is_unwritable = true;
  const v1::Report report = said(memory);
  ASSERT_EQ(report.refusals_size(), 1);
  EXPECT_EQ(report.refusals(0).code(), "E_SIG");
  EXPECT_EQ(report.refusals(0).count(), 2U);
  EXPECT_EQ(report.health_note(), "state-unwritable");
}

}  // namespace
}  // namespace kelpie::agent
