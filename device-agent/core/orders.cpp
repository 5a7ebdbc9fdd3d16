// PREPARE, GO and CANCEL: which of them this device obeys. Source: protocol section 3.
#include <fmt/core.h>

#include "device-agent/core/parts.h"
#include "proto/base/reached.h"

namespace kelpie::agent {
namespace {

// Shown in the next reports until the hub acknowledges it; nothing is held. Never in front of an attempt whose end the
// hub does not know: it would read silence about that one into the report.
void refuse(Memory& memory, const AttemptId& id, const Digest& hash, std::string_view code, std::string detail) {
  count_refusal(memory, code);
  tell_now(memory);
  if (has_untold_end(memory)) return;
  Attempt& said = memory.refused.emplace();
  said.id = id;
  said.hash = hash;
  said.state = AttemptState::Refused;
  said.failure = {.reason = {}, .detail = std::move(detail), .refusal = std::string(code), .is_transient = false};
  memory.telling.final_since = 0;
  memory.telling.repeats = 0;
}

/// Empty when the order may be prepared.
std::string_view objection(const ScopeMark& mark, const PrepareOrder& order) {
  if (order.generation < mark.generation) return "E_GEN_OLD";
  if (order.generation > mark.generation) return {};
  if (order.release.digest != mark.release) return "E_GEN_CONFLICT";
  const bool is_over = order.id.n < mark.n || (order.id.n == mark.n && mark.is_closed);
  return is_over ? "E_ATTEMPT" : std::string_view();
}

void prepare_again(Memory& memory, const PrepareOrder& order) {
  Attempt& held = *memory.ledger.attempt;
  if (held.hash != order.hash) return count_refusal(memory, "E_ID_REUSE");
  if (held.state != AttemptState::Prepared) return;
  KELPIE_REACHED("agent.prepared-again");
  begin_preparing(memory);
}

void accept(Memory& memory, const PrepareOrder& order) {
  if (memory.ledger.attempt) close_mark(memory, *memory.ledger.attempt);
  Attempt& attempt = memory.ledger.attempt.emplace();
  attempt.id = order.id;
  attempt.hash = order.hash;
  attempt.scope = order.scope;
  attempt.generation = order.generation;
  attempt.release = order.release;
  attempt.release_frame = order.release_frame;
  attempt.records.resize(order.release.steps.size());
  memory.ledger.marks[order.scope] = {
      .generation = order.generation, .release = order.release.digest, .n = order.id.n, .is_closed = false};
  memory.refused.reset();
  begin_preparing(memory);
}

}  // namespace

void take_order(Memory& memory, const PrepareOrder& order) {
  tell_now(memory);
  if (is_reading_only(memory)) return count_refusal(memory, "E_STATE");
  const std::optional<Attempt>& held = memory.ledger.attempt;
  if (held && held->id == order.id) return prepare_again(memory, order);
  if (held && is_under_way(held->state)) return count_refusal(memory, "E_ATTEMPT");
  const auto mark = memory.ledger.marks.find(order.scope);
  if (mark != memory.ledger.marks.end()) {
    if (const std::string_view code = objection(mark->second, order); !code.empty()) {
      return refuse(memory, order.id, order.hash, code,
                    fmt::format("generation {} attempt {} of scope {}; this device has seen generation {} attempt {}",
                                order.generation, order.id.n, order.scope, mark->second.generation, mark->second.n));
    }
  }
  // A late PREPARE must not take the place of a result that the hub has not acknowledged: nobody would ever know it.
  if (held && is_final(held->state) && has_untold_end(memory)) return count_refusal(memory, "E_ATTEMPT");
  accept(memory, order);
}

void take_order(Memory& memory, const PrepareRefused& order) {
  const std::optional<Attempt>& held = memory.ledger.attempt;
  if (held && held->id == order.id) {  // what is held was proved; a worse copy of it changes nothing
    count_refusal(memory, order.code);
    return tell_now(memory);
  }
  refuse(memory, order.id, order.hash, order.code, order.detail);
}

void take_order(Memory& memory, const GoOrder& order) {
  tell_now(memory);
  if (is_reading_only(memory)) return count_refusal(memory, "E_STATE");
  if (!memory.ledger.attempt || memory.ledger.attempt->id != order.id) return count_refusal(memory, "E_ATTEMPT");
  Attempt& attempt = *memory.ledger.attempt;
  if (attempt.hash != order.hash) return count_refusal(memory, "E_ID_REUSE");
  if (is_under_way(attempt.state) || is_final(attempt.state)) {
    KELPIE_REACHED("agent.go-repeated");
    return;
  }
  if (attempt.state != AttemptState::Prepared) return count_refusal(memory, "E_NOT_PREPARED");
  if (memory.nonce.is_zero() || order.nonce != memory.nonce) return count_refusal(memory, "E_NONCE");
  if (memory.now - memory.prepared_at > kNonceValid) {
    KELPIE_REACHED("agent.go-too-late");
    return count_refusal(memory, "E_EXPIRED");
  }
  memory.nonce = {};
  attempt.state = AttemptState::Executing;
  attempt.limits = order.limits;
  attempt.door = order.door;
  attempt.step = 0;
  attempt.spent = {};
  attempt.restarts = 0;
  memory.spent_before = {};
  memory.run_since = memory.now;
  memory.phase = Phase::Observe;
  memory.is_confirmed = true;
}

void take_order(Memory& memory, const CancelOrder& order) {
  tell_now(memory);
  if (!memory.ledger.attempt || memory.ledger.attempt->id != order.id) return;  // the report says what is held instead
  Attempt& attempt = *memory.ledger.attempt;
  if (attempt.hash != order.hash) return count_refusal(memory, "E_ID_REUSE");
  if (is_reading_only(memory)) return count_refusal(memory, "E_STATE");
  if (attempt.state == AttemptState::Preparing || attempt.state == AttemptState::Prepared) {
    return finish(memory, AttemptState::Cancelled, FailedOutcome::None);
  }
  // What runs is not torn down half-way; what a restart interrupted goes back instead of on.
  if (is_under_way(attempt.state) && !memory.is_confirmed) {
    KELPIE_REACHED("agent.cancelled-after-restart");
    memory.is_confirmed = true;
    fail_and_undo(memory, {.reason = "interrupted",
                           .detail = "the agent restarted in the middle and the hub then cancelled the attempt",
                           .refusal = {},
                           .is_transient = false});
  }
}

}  // namespace kelpie::agent
