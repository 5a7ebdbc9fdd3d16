#include "device-agent/records.h"

#include <fmt/core.h>
#include <kelpie/store/v1/agent.pb.h>

#include "device-agent/inbound.h"

namespace kelpie::agent::records {
namespace {

constexpr std::uint32_t kSchema = 1;
constexpr std::uint32_t kStates = static_cast<std::uint32_t>(AttemptState::Refused) + 1;
constexpr std::uint32_t kOutcomes = static_cast<std::uint32_t>(StepOutcome::UndoFailed) + 1;
constexpr std::uint32_t kFailedOutcomes = static_cast<std::uint32_t>(FailedOutcome::Preflight) + 1;

std::uint64_t ms(Duration duration) {
  return static_cast<std::uint64_t>(duration.count());
}
Duration duration(std::uint64_t ms) {
  return Duration(static_cast<std::int64_t>(ms));
}

void write_step(const StepRecord& record, store::v1::StepRecord& out) {
  out.set_has_intent(record.has_intent);
  out.set_outcome(static_cast<std::uint32_t>(record.outcome));
  out.set_summary(record.summary);
  out.set_output_tail(record.output_tail);
  out.set_duration_ms(record.duration_ms);
  out.set_restore(record.restore);
  out.set_note(record.note);
  out.set_archive_sha256(record.archive.sha256);
  out.set_archive_bytes(record.archive.bytes);
}

void write_attempt(const Attempt& attempt, store::v1::AttemptRecord& out) {
  out.set_id(to_string(attempt.id));
  out.set_hash(attempt.hash.bytes());
  out.set_scope(attempt.scope);
  out.set_generation(attempt.generation);
  out.set_release(attempt.release_frame);
  out.set_state(static_cast<std::uint32_t>(attempt.state) + 1);
  out.set_soak_ms(ms(attempt.limits.soak));
  out.set_step_limit_ms(ms(attempt.limits.step));
  out.set_attempt_limit_ms(ms(attempt.limits.attempt));
  out.set_verify_limit_ms(ms(attempt.limits.verify));
  out.set_spent_ms(ms(attempt.spent));
  out.set_restarts(attempt.restarts);
  out.set_step(attempt.step);
  out.set_is_undoing(attempt.is_undoing);
  out.set_archive_url(attempt.door.url);
  out.set_archive_token(attempt.door.token);
  out.set_outcome(static_cast<std::uint32_t>(attempt.outcome));
  out.set_reason(attempt.failure.reason);
  out.set_detail(attempt.failure.detail);
  out.set_is_transient(attempt.failure.is_transient);
  for (const StepRecord& record : attempt.records) write_step(record, *out.add_steps());
}

tl::unexpected<Error> damaged(std::string_view what) {
  return fail(Code::DataLoss, fmt::format("the state slot is readable, but its {} is wrong", what));
}

Result<Attempt> read_attempt(const store::v1::AttemptRecord& in, const wire::Trust& trust) {
  Attempt out;
  KELPIE_TRY(out.id, parse_attempt_id(in.id()));
  KELPIE_TRY(out.hash, Digest::from_bytes(in.hash()));
  if (in.state() < 1 || in.state() > kStates) return damaged("attempt's state");
  if (in.outcome() >= kFailedOutcomes) return damaged("attempt's outcome");
  out.scope = in.scope();
  out.generation = in.generation();
  out.release_frame = in.release();
  KELPIE_TRY(out.release, parse_release(as_bytes(in.release()), trust));
  out.state = static_cast<AttemptState>(in.state() - 1);
  out.limits = {.soak = duration(in.soak_ms()),
                .step = duration(in.step_limit_ms()),
                .attempt = duration(in.attempt_limit_ms()),
                .verify = duration(in.verify_limit_ms())};
  out.spent = duration(in.spent_ms());
  out.restarts = in.restarts();
  out.step = in.step();
  out.is_undoing = in.is_undoing();
  out.door = {.url = in.archive_url(), .token = in.archive_token()};
  out.outcome = static_cast<FailedOutcome>(in.outcome());
  out.failure = {.reason = in.reason(), .detail = in.detail(), .refusal = {}, .is_transient = in.is_transient()};
  for (const store::v1::StepRecord& row : in.steps()) {
    if (row.outcome() >= kOutcomes) return damaged("step's outcome");
    out.records.push_back({.has_intent = row.has_intent(),
                           .outcome = static_cast<StepOutcome>(row.outcome()),
                           .summary = row.summary(),
                           .output_tail = row.output_tail(),
                           .duration_ms = row.duration_ms(),
                           .restore = row.restore(),
                           .note = row.note(),
                           .archive = {.sha256 = row.archive_sha256(), .bytes = row.archive_bytes()}});
  }
  if (out.records.size() != out.release.steps.size()) return damaged("number of steps");
  const bool needs_step = out.state == AttemptState::Executing;
  if (needs_step && out.step >= out.records.size()) return damaged("step in hand");
  return out;
}

}  // namespace

std::string to_blob(const Ledger& ledger) {
  store::v1::AgentRecord out;
  out.set_schema(kSchema);
  out.set_install_id(ledger.install.bytes());
  out.set_hub_epoch(ledger.hub_epoch);
  if (ledger.attempt) write_attempt(*ledger.attempt, *out.mutable_attempt());
  if (ledger.proved) {
    const bool is_attempts = ledger.attempt && ledger.attempt->release_frame == ledger.proved->frame;
    out.set_is_attempts_release_proved(is_attempts);
    if (!is_attempts) out.set_proved_release(ledger.proved->frame);
  }
  for (const auto& [scope, mark] : ledger.marks) {
    store::v1::ScopeRecord& row = *out.add_scopes();
    row.set_scope(scope);
    row.set_generation(mark.generation);
    row.set_release(mark.release.bytes());
    row.set_n(mark.n);
    row.set_is_closed(mark.is_closed);
  }
  return out.SerializeAsString();
}

Result<Ledger> from_blob(std::string_view blob, const wire::Trust& trust) {
  store::v1::AgentRecord in;
  if (!in.ParseFromArray(blob.data(), static_cast<int>(blob.size()))) return damaged("record");
  if (in.schema() != kSchema) return damaged("schema number");
  Ledger out;
  KELPIE_TRY(out.install, InstallId::from_bytes(in.install_id()));
  out.hub_epoch = in.hub_epoch();
  if (in.has_attempt()) {
    KELPIE_TRY(out.attempt, read_attempt(in.attempt(), trust));
  }
  if (in.is_attempts_release_proved()) {
    if (!out.attempt) return damaged("proved release");
    out.proved = ProvedRelease{.release = out.attempt->release, .frame = out.attempt->release_frame};
  } else if (!in.proved_release().empty()) {
    // Nothing runs by it: one whose operator may no longer sign is not watched, and no loss.
    Result<Release> release = parse_release(as_bytes(in.proved_release()), trust);
    if (release) out.proved = ProvedRelease{.release = std::move(*release), .frame = in.proved_release()};
  }
  for (const store::v1::ScopeRecord& row : in.scopes()) {
    ScopeMark& mark = out.marks[row.scope()];
    mark.generation = row.generation();
    mark.n = row.n();
    mark.is_closed = row.is_closed();
    KELPIE_TRY(mark.release, Digest::from_bytes(row.release()));
  }
  return out;
}

}  // namespace kelpie::agent::records
