#include "hub/records/attempt.h"

#include <algorithm>
#include <array>

#include <fmt/core.h>
#include <kelpie/v1/report.pb.h>

namespace kelpie::hub::records {
namespace {

// The wire's enums start with UNSPECIFIED; ours do not have it.
template <typename Ours>
Result<Ours> from_wire(int value, int count, std::string_view what) {
  if (value < 1 || value > count) {
    return fail({.code = Code::InvalidArgument,
                 .message = fmt::format("attempt: {} {} is not known here", what, value),
                 .reason = "E_SCHEMA",
                 .hint = {}});
  }
  return static_cast<Ours>(value - 1);
}

/// Chosen: far beyond what a nonce is good for. The device's number may be anything, and times are reckoned with it.
constexpr Duration kAgoMax = std::chrono::hours(24);

constexpr int kStates = static_cast<int>(AttemptState::Refused) + 1;
constexpr int kOutcomes = static_cast<int>(StepOutcome::UndoFailed) + 1;
constexpr int kFailedOutcomes = static_cast<int>(FailedOutcome::Preflight);

Result<StepResult> read_result(const v1::StepResult& in) {
  StepResult out;
  out.kind = in.kind();
  KELPIE_TRY(out.outcome, from_wire<StepOutcome>(in.outcome(), kOutcomes, "step outcome"));
  out.summary = in.summary();
  out.output_tail = in.output_tail();
  out.duration_ms = in.duration_ms();
  if (in.archive_sha256().empty()) return out;
  KELPIE_TRY(const Digest sha256, Digest::from_bytes(in.archive_sha256()));
  out.archive_sha256 = sha256.hex();
  out.archive_bytes = in.archive_bytes();
  return out;
}

}  // namespace

Result<ReportedAttempt> read_attempt(const v1::Attempt& in) {
  ReportedAttempt out;
  KELPIE_TRY(out.id, parse_attempt_id(in.id()));
  KELPIE_TRY(out.hash, Digest::from_bytes(in.hash()));
  KELPIE_TRY(out.state, from_wire<AttemptState>(in.state(), kStates, "state"));
  if (!in.nonce().empty()) {
    KELPIE_TRY(out.nonce, Nonce::from_bytes(in.nonce()));
  }
  out.step = in.step();
  out.step_count = in.step_count();
  out.step_kind = in.step_kind();
  out.phase = in.phase();
  out.progress = in.progress();
  if (in.outcome() < 0 || in.outcome() > kFailedOutcomes)
    return fail(Code::InvalidArgument, "attempt: unknown outcome");
  out.outcome = static_cast<FailedOutcome>(in.outcome());
  out.reason = in.reason();
  out.detail = in.detail();
  out.refusal = in.refusal();
  out.is_transient = in.is_transient();
  out.prepared_ago = Duration(std::min<std::uint64_t>(in.prepared_ago_ms(), kAgoMax.count()));
  for (const v1::StepResult& result : in.results()) {
    KELPIE_TRY(StepResult value, read_result(result));
    out.results.push_back(std::move(value));
  }
  return out;
}

void write_attempt(const ReportedAttempt& attempt, v1::Attempt& out) {
  out.set_id(to_string(attempt.id));
  out.set_hash(attempt.hash.bytes());
  out.set_state(static_cast<v1::AttemptState>(static_cast<int>(attempt.state) + 1));
  if (!attempt.nonce.is_zero()) out.set_nonce(attempt.nonce.bytes());
  out.set_step(attempt.step);
  out.set_step_count(attempt.step_count);
  out.set_step_kind(attempt.step_kind);
  out.set_phase(attempt.phase);
  out.set_progress(attempt.progress);
  out.set_outcome(static_cast<v1::FailedOutcome>(attempt.outcome));
  out.set_reason(attempt.reason);
  out.set_detail(attempt.detail);
  out.set_refusal(attempt.refusal);
  out.set_is_transient(attempt.is_transient);
  out.set_prepared_ago_ms(static_cast<std::uint64_t>(attempt.prepared_ago.count()));
  for (const StepResult& result : attempt.results) {
    v1::StepResult& row = *out.add_results();
    row.set_kind(result.kind);
    row.set_outcome(static_cast<v1::StepOutcome>(static_cast<int>(result.outcome) + 1));
    row.set_summary(result.summary);
    row.set_output_tail(result.output_tail);
    row.set_duration_ms(result.duration_ms);
    const Result<Digest> sha256 = Digest::from_hex(result.archive_sha256);
    if (!sha256) continue;  // nothing was sent
    row.set_archive_sha256(sha256->bytes());
    row.set_archive_bytes(result.archive_bytes);
  }
}

}  // namespace kelpie::hub::records
