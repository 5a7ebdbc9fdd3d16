#include "device-agent/outbound.h"

#include <kelpie/v1/report.pb.h>

#include "proto/wire/bus.h"
#include "proto/wire/frame.h"

namespace kelpie::agent {
namespace {

constexpr std::size_t kPayloadBytesMax = 65'444;  // kBusPayloadBytesMax without the frame of one signature
constexpr std::uint32_t kReleaseSchemaMax = 1;
constexpr int kImagesMax = 64;  // report.proto
constexpr int kWorkloadsMax = 64;
constexpr int kAddonsMax = 64;
constexpr int kPortsMax = 16;
constexpr std::size_t kTextBytesMax = 256;  // the walker's cap where report.proto gives none

/// Bytes of the character that starts here; 0 when it is none of UTF-8.
std::size_t character_bytes(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::size_t size = byte(0) < 0x80U ? 1 : byte(0) < 0xC2U ? 0 : byte(0) < 0xE0U ? 2 : byte(0) < 0xF0U ? 3 : 4;
  if (size == 0 || byte(0) > 0xF4U || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return 0;
  }
  // Overlong forms, surrogates, and what is beyond Unicode.
  if (size == 3 && ((byte(0) == 0xE0U && byte(1) < 0xA0U) || (byte(0) == 0xEDU && byte(1) > 0x9FU))) return 0;
  if (size == 4 && ((byte(0) == 0xF0U && byte(1) < 0x90U) || (byte(0) == 0xF4U && byte(1) > 0x8FU))) return 0;
  return size;
}

/// What commands print may be anything; the hub refuses a report that is not UTF-8 or too long.
std::string clean(std::string_view text, std::size_t bytes_max = kTextBytesMax) {
  std::string out;
  while (!text.empty()) {
    const std::size_t size = character_bytes(text);
    const std::string_view next = size == 0 ? "?" : text.substr(0, size);
    if (out.size() + next.size() > bytes_max) break;
    out += next;
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return out;
}

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

void write_workload(const WorkloadFact& fact, v1::WorkloadFact& out) {
  out.set_name(clean(fact.name, 63));
  out.set_namespace_(clean(fact.name_space, 63));
  out.set_kind(clean(fact.kind, 32));
  out.set_ready(fact.ready);
  out.set_wanted(fact.wanted);
  for (const std::uint32_t port : fact.node_ports) {
    if (out.node_ports_size() < kPortsMax) out.add_node_ports(port);
  }
  out.set_trouble(clean(fact.trouble));
}

void write_facts(const Facts& facts, WallTime now, v1::Facts& out) {
  out.set_hostname(clean(facts.hostname));
  out.set_os(clean(facts.os));
  out.set_arch(clean(facts.arch, 16));
  out.set_model(clean(facts.model));
  out.set_memory_bytes(facts.memory_bytes);
  out.set_disk_bytes(facts.disk_bytes);
  out.set_disk_free_bytes(facts.disk_free_bytes);
  out.set_snapd_version(clean(facts.snapd_version));
  if (facts.has_microk8s) {
    v1::Snap& snap = *out.mutable_microk8s();
    snap.set_channel(clean(facts.microk8s.channel, 64));
    snap.set_revision(clean(facts.microk8s.revision, 16));
    snap.set_version(clean(facts.microk8s.version, 32));
    snap.set_is_held(facts.microk8s.is_held);
    snap.set_is_active(facts.microk8s.is_active);
  }
  out.set_kubernetes_version(clean(facts.kubernetes_version));
  out.mutable_node()->set_is_ready(facts.is_ready);
  out.mutable_node()->set_is_cordoned(facts.is_cordoned);
  out.mutable_node()->set_state(clean(facts.node_state, 32));
  for (const std::string& addon : facts.addons) {
    if (out.addons_size() < kAddonsMax) out.add_addons(clean(addon, 63));
  }
  for (const std::string& addon : facts.addons_absent) {
    if (out.addons_absent_size() < kAddonsMax) out.add_addons_absent(clean(addon, 63));
  }
  out.set_has_objects(facts.has_objects);
  for (const ImageFact& image : facts.images) {
    if (out.images_size() == kImagesMax) break;
    v1::ImageFact& row = *out.add_images();
    row.set_ref(clean(image.ref));
    row.set_digest(clean(image.digest, 71));
    row.set_is_pinned(image.is_pinned);
  }
  for (const WorkloadFact& workload : facts.workloads) {
    if (out.workloads_size() == kWorkloadsMax) break;
    write_workload(workload, *out.add_workloads());
  }
  out.set_device_unix_ms(static_cast<std::uint64_t>(now.unix_ms));
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
  if (report.has_facts()) report.mutable_facts()->clear_images();
  if (report.ByteSizeLong() > kPayloadBytesMax) report.clear_facts();
}

}  // namespace

std::string seal_report(const Memory& memory, const Speaker& speaker) {
  v1::Report report = report_of(memory, speaker);
  fit(report);
  return wire::seal(wire::FrameType::Report, speaker.installation, as_bytes(report.SerializeAsString()), speaker.key);
}

}  // namespace kelpie::agent
