#include "device-agent/outbound.h"

#include <kelpie/v1/report.pb.h>

#include "device-agent/outbound_facts.h"
#include "proto/wire/bus.h"
#include "proto/wire/frame.h"

namespace kelpie::agent {
namespace {

constexpr std::size_t kPayloadBytesMax = 65'444;  // kBusPayloadBytesMax without the frame of one signature
constexpr std::uint32_t kReleaseSchemaMax = 1;

void write_result(std::string_view kind, const StepRecord& record, v1::StepResult& out) {
  out.set_kind(std::string(kind));
  out.set_outcome(static_cast<v1::StepOutcome>(record.outcome));
  out.set_summary(clean(record.summary, 512));
  out.set_output_tail(clean(record.output_tail, 2'048));
  out.set_duration_ms(record.duration_ms);
  const Result<Digest> sha256 = Digest::from_hex(record.archive.sha256);
  if (!sha256) return;  // no archive
  out.set_archive_sha256(sha256->bytes());
  out.set_archive_bytes(record.archive.bytes);
}

std::string_view phase_of(const Attempt& attempt, const Memory& memory) {
  if (attempt.is_undoing) return to_string(Phase::Undo);
  switch (attempt.state) {
    case AttemptState::Preparing: return to_string(Phase::Prepare);
    case AttemptState::Executing: return to_string(memory.phase);
    case AttemptState::Verifying: return to_string(Phase::Verify);
    case AttemptState::Soaking: return "soak";
    case AttemptState::Prepared:
    case AttemptState::Succeeded:
    case AttemptState::Failed:
    case AttemptState::Cancelled:
    case AttemptState::Refused: return {};
  }
  return {};
}

void write_attempt(const Memory& memory, const Attempt& attempt, v1::Attempt& out) {
  out.set_id(to_string(attempt.id));
  out.set_hash(attempt.hash.bytes());
  out.set_state(static_cast<v1::AttemptState>(static_cast<int>(attempt.state) + 1));
  const std::string_view phase = phase_of(attempt, memory);
  const bool is_walking = attempt.state == AttemptState::Preparing || attempt.state == AttemptState::Executing;
  if (is_walking && attempt.step < attempt.release.steps.size()) {
    out.set_step(attempt.step + 1);
    out.set_step_kind(std::string(kind_of(attempt.release.steps[attempt.step])));
  }
  out.set_step_count(static_cast<std::uint32_t>(attempt.release.steps.size()));
  out.set_phase(std::string(phase));
  if (!memory.is_confirmed && !phase.empty()) {
    out.set_progress("restarted in the middle: waiting for the hub's word");
  } else if (memory.running && memory.running->attempt) {
    out.set_progress(clean(memory.running->progress));
  }
  if (attempt.state == AttemptState::Prepared) {
    out.set_nonce(memory.nonce.bytes());
    out.set_prepared_ago_ms(static_cast<std::uint64_t>((memory.now - memory.prepared_at).count()));
  }
  if (attempt.state == AttemptState::Failed) out.set_outcome(static_cast<v1::FailedOutcome>(attempt.outcome));
  out.set_reason(clean(attempt.failure.reason, 63));
  out.set_detail(clean(attempt.failure.detail, 2'048));
  out.set_refusal(attempt.failure.refusal);
  out.set_is_transient(attempt.failure.is_transient);
  for (std::size_t i = 0; i < attempt.records.size(); ++i) {
    if (attempt.records[i].outcome == StepOutcome::Open) continue;
    write_result(kind_of(attempt.release.steps[i]), attempt.records[i], *out.add_results());
  }
}

bool must_tell_facts(const Memory& memory) {
  const Telling& telling = memory.telling;
  if (!memory.has_facts) return false;
  return telling.facts_since == 0 || telling.acknowledged < telling.facts_since || !telling.hub_nonce.is_zero();
}

v1::Report report_of(const Memory& memory, const Speaker& speaker) {
  const Telling& telling = memory.telling;
  v1::Report out;
  out.set_device_id(wire::device_id_of(speaker.key.public_key()).bytes());
  out.set_install_id(memory.ledger.install.bytes());
  out.set_boot(memory.boot.bytes());
  out.set_sequence(telling.sequence + 1);
  if (!telling.hub_nonce.is_zero()) out.set_hub_nonce(telling.hub_nonce.bytes());
  out.set_heartbeat_nonce(speaker.heartbeat_nonce.bytes());
  if (says_hello(memory)) {
    v1::Hello& hello = *out.mutable_hello();
    hello.set_identity_key(speaker.key.public_key().bytes());
    hello.set_agent_version(KELPIE_VERSION);
    hello.set_trust_version(memory.trust_version);
    hello.set_schema_max(kReleaseSchemaMax);
    hello.set_connection(telling.connection);
  }
  if (const Attempt* const shown = shown_attempt(memory)) write_attempt(memory, *shown, *out.mutable_attempt());
  if (must_tell_facts(memory)) write_facts(memory.facts, speaker.now, *out.mutable_facts());
  for (const auto& [code, count] : memory.refusals) {
    v1::Refusal& row = *out.add_refusals();
    row.set_code(code);
    row.set_count(count);
  }
  out.set_health_note(std::string(health_note(memory)));
  return out;
}

/// Evidence and facts give way before the state of the attempt does.
void fit(v1::Report& report) {
  if (report.ByteSizeLong() <= kPayloadBytesMax) return;
  if (report.has_attempt()) {
    for (v1::StepResult& result : *report.mutable_attempt()->mutable_results()) result.clear_output_tail();
  }
  if (report.ByteSizeLong() <= kPayloadBytesMax) return;
  if (report.has_facts()) {
    report.mutable_facts()->clear_images();
    report.mutable_facts()->set_has_images(false);
  }
  if (report.ByteSizeLong() > kPayloadBytesMax) report.clear_facts();
}

}  // namespace

std::string seal_report(const Memory& memory, const Speaker& speaker) {
  v1::Report report = report_of(memory, speaker);
  fit(report);
  return wire::seal(wire::FrameType::Report, speaker.installation, as_bytes(report.SerializeAsString()), speaker.key);
}

}  // namespace kelpie::agent
