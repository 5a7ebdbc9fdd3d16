// The walk through a release: prepare every step, then observe, run and verify each, then the checks and the soak; and
// the way back. One call at a time; what a call found is in the ledger before the next one starts.
#include <algorithm>

#include <fmt/core.h>

#include "device-agent/core/decide.h"
#include "device-agent/core/parts.h"
#include "proto/base/reached.h"

namespace kelpie::agent {
namespace {

constexpr Duration kPrepareLimit = std::chrono::minutes(30);  // chosen: large images over a slow line
constexpr Duration kObserveLimit = std::chrono::minutes(3);   // chosen: a busy Pi needs a minute for one listing
constexpr Duration kFactsLimit = std::chrono::minutes(2);
constexpr Duration kCheckupLimit = std::chrono::minutes(4);  // chosen: a dozen commands on a busy Pi
constexpr std::int64_t kLooksPerCheckup = 10;
constexpr std::int64_t kLooksBetweenCheckups = 2;               // at least, whatever changes
constexpr Duration kSoakCheckEvery = std::chrono::seconds(15);  // chosen: a crash loop shows within a minute
constexpr std::uint32_t kUndoTries = 3;  // chosen: its command may be killed; what fails three times needs a person
constexpr std::size_t kRestoreBytesMax = 128U << 10U;  // of all steps; half a state slot
constexpr std::size_t kSummaryBytesMax = 512;          // report.proto
constexpr std::size_t kTextBytesMax = 2'048;

std::string cut(std::string_view text, std::size_t bytes_max) {
  std::size_t size = std::min(text.size(), bytes_max);
  // Never in the middle of a character: the hub refuses what is not UTF-8.
  while (size > 0 && size < text.size() && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U) --size;
  return std::string(text.substr(0, size));
}

Failure failure_of(const CallResult& result) {
  return {.reason = result.reason.empty() ? "failed" : result.reason,
          .detail = cut(result.detail.empty() ? result.summary : result.detail, kTextBytesMax),
          .refusal = {},
          .is_transient = result.is_transient};
}

void stamp(Memory& memory) {
  memory.ledger.attempt->spent = memory.spent_before + (memory.now - memory.run_since);
}

void write_down(StepRecord& record, const CallResult& result, Duration took) {
  record.duration_ms += static_cast<std::uint32_t>(std::clamp<std::int64_t>(took.count(), 0, INT32_MAX));
  if (!result.summary.empty()) record.summary = cut(result.summary, kSummaryBytesMax);
  if (!result.archive.sha256.empty()) record.archive = result.archive;
}

std::size_t restore_bytes(const Attempt& attempt) {
  std::size_t sum = 0;
  for (const StepRecord& record : attempt.records) sum += record.restore.size();
  return sum;
}

void become_prepared(Memory& memory) {
  memory.ledger.attempt->state = AttemptState::Prepared;
  std::string seed = memory.nonce_secret.bytes();
  append_le64(seed, ++memory.nonces);
  memory.nonce = *Nonce::from_bytes(blake2b_128(seed).view());
  memory.prepared_at = memory.now;
  tell_now(memory);
}

void take_prepare(Memory& memory, const CallResult& result, Duration took) {
  Attempt& attempt = *memory.ledger.attempt;
  StepRecord& record = attempt.records[attempt.step];
  write_down(record, result, took);
  if (result.verdict != Verdict::Satisfied) {
    attempt.failure = failure_of(result);
    record.outcome = StepOutcome::Failed;
    record.output_tail = cut(result.output_tail, kTextBytesMax);
    return finish(memory, AttemptState::Failed, FailedOutcome::Preflight);
  }
  record.restore = result.restore;
  if (restore_bytes(attempt) > kRestoreBytesMax) {
    attempt.failure = {.reason = "restore-too-large",
                       .detail = fmt::format("what is needed to go back takes more than {} bytes", kRestoreBytesMax),
                       .refusal = {},
                       .is_transient = false};
    return finish(memory, AttemptState::Failed, FailedOutcome::Preflight);
  }
  if (++attempt.step < attempt.records.size()) return tell_soon(memory);
  become_prepared(memory);
}

// A step of some seconds changes what the facts say. The end is committed and told after they were taken anew, once;
// until then the attempt is where it was, so that a restart in between looks again.
void end(Memory& memory, AttemptState state, FailedOutcome outcome) {
  if (!memory.are_facts_old) return finish(memory, state, outcome);
  memory.ending = Ending{.state = state, .outcome = outcome};
  memory.facts_due = memory.now;
}

void begin_verifying(Memory& memory) {
  memory.ledger.attempt->state = AttemptState::Verifying;
  memory.are_facts_old = true;
  stamp(memory);
  tell_now(memory);
}

void next_step(Memory& memory, StepOutcome outcome) {
  Attempt& attempt = *memory.ledger.attempt;
  attempt.records[attempt.step].outcome = outcome;
  attempt.records[attempt.step].note.clear();
  memory.phase = Phase::Observe;
  stamp(memory);
  tell_soon(memory);
  if (++attempt.step == attempt.records.size()) begin_verifying(memory);
}

void fail_step(Memory& memory, const CallResult& result) {
  Attempt& attempt = *memory.ledger.attempt;
  StepRecord& record = attempt.records[attempt.step];
  record.outcome = StepOutcome::Failed;
  record.output_tail = cut(result.output_tail, kTextBytesMax);
  fail_and_undo(memory, failure_of(result));
}

void take_step(Memory& memory, const CallResult& result, Duration took) {
  Attempt& attempt = *memory.ledger.attempt;
  StepRecord& record = attempt.records[attempt.step];
  write_down(record, result, took);
  if (memory.phase == Phase::Observe && result.verdict == Verdict::Unmet) {
    // INTENT: on the card before anything is done.
    record.has_intent = true;
    memory.phase = Phase::Run;
    stamp(memory);
    return tell_soon(memory);
  }
  if (result.verdict != Verdict::Satisfied) return fail_step(memory, result);
  if (memory.phase == Phase::Run) {
    memory.phase = Phase::Verify;
    return tell_soon(memory);
  }
  // Observed as done with an intent in the ledger: it was this attempt, before a restart.
  next_step(memory, record.has_intent ? StepOutcome::Changed : StepOutcome::Unchanged);
}

void take_undo(Memory& memory, const CallResult& result, Duration took) {
  Attempt& attempt = *memory.ledger.attempt;
  StepRecord& record = attempt.records[attempt.step];
  record.note.clear();
  memory.are_facts_old = true;
  if (result.verdict != Verdict::Satisfied && ++memory.undo_failures < kUndoTries) {
    KELPIE_REACHED("agent.undo-again");
    return stamp(memory);
  }
  memory.undo_failures = 0;
  record.has_intent = false;  // taken back, or tried: never again in this attempt
  stamp(memory);
  tell_soon(memory);
  if (result.verdict == Verdict::Satisfied) {
    // The step that failed goes on saying why.
    if (record.outcome != StepOutcome::Failed) {
      record.outcome = StepOutcome::Undone;
      write_down(record, result, took);
    }
  } else {
    KELPIE_REACHED("agent.undo-failed");
    record.outcome = StepOutcome::UndoFailed;
    write_down(record, result, took);
    record.output_tail = cut(result.output_tail, kTextBytesMax);
    attempt.failure.detail = cut(
        fmt::format("{}; going back failed too: {}", attempt.failure.detail, failure_of(result).detail), kTextBytesMax);
  }
  find_undo(memory);
}

void take_checks(Memory& memory, const CallResult& result) {
  Attempt& attempt = *memory.ledger.attempt;
  if (result.verdict != Verdict::Satisfied) return fail_and_undo(memory, failure_of(result));
  if (attempt.state == AttemptState::Verifying) {
    if (attempt.limits.soak == Duration{}) return end(memory, AttemptState::Succeeded, FailedOutcome::None);
    attempt.state = AttemptState::Soaking;
    memory.facts_due = memory.now;  // so that who sees the end also sees what became of the device
    memory.soak_until = memory.now + attempt.limits.soak;
    stamp(memory);
    tell_now(memory);
  } else if (memory.now >= *memory.soak_until) {
    return end(memory, AttemptState::Succeeded, FailedOutcome::None);
  }
  memory.check_at = std::min(*memory.soak_until, memory.now + kSoakCheckEvery);
}

Duration time_left(const Memory& memory) {
  const Attempt& attempt = *memory.ledger.attempt;
  return attempt.limits.attempt - memory.spent_before - (memory.now - memory.run_since);
}

std::optional<Call> step_call(const Memory& memory, Phase phase, Duration limit) {
  const Attempt& attempt = *memory.ledger.attempt;
  StepCall what{
      .phase = phase, .step = attempt.release.steps[attempt.step], .restore = {}, .note = {}, .disk_free_bytes = 0};
  if (phase == Phase::Undo) what.restore = attempt.records[attempt.step].restore;
  if (phase != Phase::Prepare) what.note = attempt.records[attempt.step].note;
  if (phase == Phase::Prepare) what.disk_free_bytes = attempt.release.disk_free_bytes;
  const auto* const inspect = std::get_if<InspectStep>(&what.step);
  if (phase == Phase::Observe && inspect != nullptr && inspect->wants_archive) {
    what.door = attempt.door;
    what.agent_view = describe(memory);
  }
  return Call{.id = 0, .what = std::move(what), .limit = limit};
}

std::optional<Call> attempt_call(const Memory& memory) {
  if (!may_walk(memory) || memory.ending) return std::nullopt;
  const Attempt& attempt = *memory.ledger.attempt;
  if (attempt.is_undoing && !is_final(attempt.state)) return step_call(memory, Phase::Undo, attempt.limits.step);
  switch (attempt.state) {
    case AttemptState::Preparing: return step_call(memory, Phase::Prepare, kPrepareLimit);
    case AttemptState::Executing: {
      const Duration limit = memory.phase == Phase::Observe ? kObserveLimit : attempt.limits.step;
      return step_call(memory, memory.phase, std::min(limit, time_left(memory)));
    }
    case AttemptState::Soaking:
      if (memory.now < memory.check_at) return std::nullopt;
      [[fallthrough]];
    case AttemptState::Verifying:
      return Call{.id = 0, .what = ChecksCall{attempt.release.checks}, .limit = attempt.limits.verify};
    case AttemptState::Prepared:
    case AttemptState::Succeeded:
    case AttemptState::Failed:
    case AttemptState::Cancelled:
    case AttemptState::Refused: return std::nullopt;
  }
  return std::nullopt;
}

void add_images(const Release& release, std::vector<std::string>& refs) {
  for (const Step& step : release.steps) {
    const auto* const images = std::get_if<ImagesStep>(&step);
    if (images == nullptr) continue;
    for (const Image& image : images->images) refs.push_back(image.ref);
  }
}

Call facts_call(const Memory& memory) {
  FactsCall what;
  if (memory.ledger.attempt) add_images(memory.ledger.attempt->release, what.images);
  if (memory.ledger.proved) add_images(memory.ledger.proved->release, what.images);
  return Call{.id = 0, .what = std::move(what), .limit = kFactsLimit};
}

// An end does not wait for it: that look is a quick one.
bool is_checkup_due(const Memory& memory) {
  return !memory.ending && memory.now >= memory.checkup_due;
}

Call checkup_call(Memory& memory) {
  Call call = facts_call(memory);
  auto& what = std::get<FactsCall>(call.what);
  what.depth = Depth::Checkup;
  if (memory.ledger.proved) {
    what.watched = memory.ledger.proved->release.steps;
    what.release = memory.ledger.proved->release.digest;
  }
  call.limit = kCheckupLimit;
  memory.checked_up_at = memory.now;
  memory.checkup_due = memory.now + kLooksPerCheckup * memory.look_every;
  return call;
}

}  // namespace

void begin_preparing(Memory& memory) {
  Attempt& attempt = *memory.ledger.attempt;
  attempt.state = AttemptState::Preparing;
  attempt.step = 0;
  memory.nonce = {};
  memory.is_confirmed = true;
  memory.telling.final_since = 0;
  KELPIE_ASSERT(!attempt.records.empty());  // inbound refuses a release without steps
}

void close_mark(Memory& memory, const Attempt& attempt) {
  const auto mark = memory.ledger.marks.find(attempt.scope);
  if (mark == memory.ledger.marks.end()) return;
  if (mark->second.generation == attempt.generation && mark->second.n == attempt.id.n) mark->second.is_closed = true;
}

void finish(Memory& memory, AttemptState state, FailedOutcome outcome) {
  Attempt& attempt = *memory.ledger.attempt;
  close_mark(memory, attempt);
  attempt.state = state;
  attempt.outcome = outcome;
  attempt.is_undoing = false;
  attempt.door = {};
  if (state == AttemptState::Succeeded && attempt.scope == kDeviceScope) {
    memory.ledger.proved = ProvedRelease{.release = attempt.release, .frame = attempt.release_frame};
  }
  memory.checkup_due = std::min(memory.checkup_due, memory.now + memory.look_every);
  memory.nonce = {};
  memory.soak_until.reset();
  memory.is_confirmed = true;
  memory.telling.final_since = 0;
  memory.telling.repeats = 0;
  if (!memory.ending) memory.facts_due = memory.now;  // what it did to the device
  memory.ending.reset();
  tell_now(memory);
}

void find_undo(Memory& memory) {
  Attempt& attempt = *memory.ledger.attempt;
  bool is_broken = false;
  for (std::size_t i = attempt.records.size(); i-- > 0;) {
    const StepRecord& record = attempt.records[i];
    is_broken = is_broken || record.outcome == StepOutcome::UndoFailed;
    if (!record.has_intent) continue;
    attempt.step = static_cast<std::uint32_t>(i);
    return;
  }
  end(memory, AttemptState::Failed, is_broken ? FailedOutcome::Broken : FailedOutcome::Restored);
}

void check_up_soon(Memory& memory) {
  memory.checkup_due = std::min(memory.checkup_due, memory.checked_up_at + kLooksBetweenCheckups * memory.look_every);
  memory.facts_due = std::min(memory.facts_due, std::max(memory.checkup_due, memory.now));
}

void take_look(Memory& memory, const CallResult& result) {
  if (result.verdict != Verdict::Failed) {
    take_facts(memory, result.facts);
    memory.are_facts_old = false;
  }
  if (!memory.ending) return;
  finish(memory, memory.ending->state, memory.ending->outcome);
}

void fail_and_undo(Memory& memory, Failure failure) {
  Attempt& attempt = *memory.ledger.attempt;
  // The way back notes its own; what is still under way of the way there it finds on the device.
  if (attempt.step < attempt.records.size()) attempt.records[attempt.step].note.clear();
  attempt.failure = std::move(failure);
  attempt.state = AttemptState::Executing;
  attempt.is_undoing = true;
  memory.undo_failures = 0;
  memory.soak_until.reset();
  stamp(memory);
  tell_now(memory);
  find_undo(memory);
}

void take_result(Memory& memory, const CallResult& result, Duration took) {
  const Attempt& attempt = *memory.ledger.attempt;
  if (attempt.is_undoing) return take_undo(memory, result, took);
  switch (attempt.state) {
    case AttemptState::Preparing: return take_prepare(memory, result, took);
    case AttemptState::Executing: return take_step(memory, result, took);
    case AttemptState::Verifying:
    case AttemptState::Soaking: return take_checks(memory, result);
    case AttemptState::Prepared:
    case AttemptState::Succeeded:
    case AttemptState::Failed:
    case AttemptState::Cancelled:
    case AttemptState::Refused: return;  // cancelled while it was being prepared
  }
}

void tick(Memory& memory) {
  if (memory.running || !may_walk(memory)) return;
  const Attempt& attempt = *memory.ledger.attempt;
  if (attempt.state == AttemptState::Executing && !attempt.is_undoing && time_left(memory) <= Duration{}) {
    KELPIE_REACHED("agent.attempt-timeout");
    fail_and_undo(memory,
                  {.reason = "attempt-timeout",
                   .detail = fmt::format("the attempt took longer than {}", kelpie::to_string(attempt.limits.attempt)),
                   .refusal = {},
                   .is_transient = false});
  }
}

std::optional<Call> next_call(Memory& memory) {
  if (memory.running) return std::nullopt;
  std::optional<Call> call = attempt_call(memory);
  const bool is_facts = !call;
  if (is_facts) {
    if (memory.now < memory.facts_due) return std::nullopt;
    call = is_checkup_due(memory) ? checkup_call(memory) : facts_call(memory);
    memory.facts_due = memory.now + memory.look_every;
  }
  call->id = ++memory.calls;
  memory.running = Running{.id = call->id, .since = memory.now, .attempt = {}, .progress = {}};
  if (!is_facts) memory.running->attempt = memory.ledger.attempt->id;
  return call;
}

}  // namespace kelpie::agent
