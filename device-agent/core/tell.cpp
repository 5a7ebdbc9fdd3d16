// When the device speaks, and what it takes from the hub's answers.
#include <algorithm>

#include <fmt/core.h>

#include "device-agent/core/decide.h"
#include "device-agent/core/parts.h"
#include "proto/base/reached.h"

namespace kelpie::agent {
namespace {

constexpr std::uint32_t kRestartsMax = 10;   // chosen: more than bad power makes in an attempt and its soak
constexpr std::uint32_t kMismatchesMax = 2;  // protocol section 3: lasting two beacons
constexpr int kHeartbeatsUntilSilent = 3;    // R7, as the hub counts for devices
constexpr Duration kHeartbeatMin = std::chrono::seconds(5);
constexpr Duration kHeartbeatMax = std::chrono::hours(1);
constexpr Duration kFactsToldEvery = std::chrono::hours(1);  // so that readings which creep are not old for ever

bool is_acknowledged(const Telling& telling, std::uint64_t since) {
  return since != 0 && telling.acknowledged >= since;
}

bool is_told(const Telling& telling) {
  return is_acknowledged(telling, telling.final_since);
}

bool has_open_end(const Memory& memory) {
  const Attempt* const shown = shown_attempt(memory);
  return shown != nullptr && is_final(shown->state) && !is_told(memory.telling);
}

// The end is known at the hub: what was kept to go back is no longer needed.
void close_end(Memory& memory) {
  memory.refused.reset();
  std::optional<Attempt>& attempt = memory.ledger.attempt;
  if (!attempt || !is_final(attempt->state) || is_reading_only(memory)) return;
  for (StepRecord& record : attempt->records) record.restore.clear();
}

/// The hub's word on whether the attempt that a restart interrupted is still wanted.
void take_confirmation(Memory& memory, const BeaconSeen& beacon) {
  if (memory.is_confirmed || !memory.ledger.attempt) return;
  Attempt& attempt = *memory.ledger.attempt;
  memory.is_confirmed = true;
  memory.run_since = memory.now;
  tell_soon(memory);
  if (beacon.holds == holds_digest(&attempt, memory.trust_version)) {
    KELPIE_REACHED("agent.confirmed-after-restart");
    // A release that takes the device down with it would be begun, or soaked, again for ever.
    if (++attempt.restarts > kRestartsMax) {
      return fail_and_undo(memory,
                           {.reason = "restarts",
                            .detail = fmt::format("the agent was restarted {} times in this attempt", attempt.restarts),
                            .refusal = {},
                            .is_transient = false});
    }
    // Soaked again from the start: nobody watched while the agent was away.
    if (attempt.state == AttemptState::Soaking) memory.soak_until = memory.now + attempt.limits.soak;
    memory.check_at = memory.now;
    return;
  }
  KELPIE_REACHED("agent.ambiguous");
  fail_and_undo(memory,
                {.reason = "ambiguous",
                 .detail = "the agent restarted in the middle of a step and the hub no longer holds this attempt",
                 .refusal = {},
                 .is_transient = false});
}

void compare_holdings(Memory& memory, const BeaconSeen& beacon) {
  if (beacon.sequence != memory.telling.sequence) return;  // it answers something older
  const bool is_same = beacon.holds == holds_digest(shown_attempt(memory), memory.trust_version) ||
                       beacon.holds == holds_digest(nullptr, memory.trust_version);
  memory.mismatches = is_same ? 0 : memory.mismatches + 1;
}

}  // namespace

void tell_now(Memory& memory) {
  memory.telling.must_report = true;
}

void tell_soon(Memory& memory) {
  memory.telling.has_news = true;
  memory.telling.due = std::min(memory.telling.due, memory.telling.last_at + kReportGap);
}

void take_beacon(Memory& memory, const BeaconSeen& beacon) {
  Telling& telling = memory.telling;
  if (beacon.install != memory.ledger.install || beacon.boot != memory.boot) return;
  if (beacon.sequence > telling.sequence) return;  // no hub can have committed what was never said
  const bool had_open_end = has_open_end(memory);
  telling.acknowledged = std::max(telling.acknowledged, beacon.sequence);
  if (is_acknowledged(telling, telling.connection_since)) telling.must_hello = false;
  if (beacon.heartbeat != Duration{}) telling.heartbeat = std::clamp(beacon.heartbeat, kHeartbeatMin, kHeartbeatMax);
  if (had_open_end && !has_open_end(memory)) {
    close_end(memory);
    telling.due = telling.last_at + (telling.has_news ? kReportGap : telling.heartbeat);
  }
  take_confirmation(memory, beacon);
  compare_holdings(memory, beacon);
  if (beacon.hub_nonce.is_zero()) return;
  telling.hub_nonce = beacon.hub_nonce;
  tell_now(memory);
}

void take_facts(Memory& memory, Facts facts) {
  const bool was_checkup = facts.checkup.has_value();
  if (!was_checkup) facts.checkup = memory.facts.checkup;  // what was not looked at is as it was
  const bool is_old = memory.now - memory.facts_told_at >= kFactsToldEvery;
  if (memory.has_facts && !is_old && !is_news(memory.facts, facts)) return;
  memory.facts = std::move(facts);
  memory.has_facts = true;
  memory.facts_told_at = memory.now;
  memory.telling.facts_since = 0;
  tell_soon(memory);
  // Whatever changed may have changed more than a quick look shows.
  if (!was_checkup) check_up_soon(memory);
}

bool has_untold_end(const Memory& memory) {
  const std::optional<Attempt>& held = memory.ledger.attempt;
  if (!held || memory.refused) return false;  // what was refused stands where an acknowledged end stood
  return !is_final(held->state) || !is_told(memory.telling);
}

const Attempt* shown_attempt(const Memory& memory) {
  if (memory.refused) return &*memory.refused;
  return memory.ledger.attempt ? &*memory.ledger.attempt : nullptr;
}

std::string_view health_note(const Memory& memory) {
  if (memory.is_lost) return "state-lost";
  if (memory.is_unwritable) return "state-unwritable";
  if (memory.is_clock_unsure) return "clock-unsure";
  return memory.mismatches >= kMismatchesMax ? "withheld" : "";
}

bool is_isolated(const Memory& memory) {
  const Telling& telling = memory.telling;
  return telling.is_connected && memory.now - memory.heard_at > kHeartbeatsUntilSilent * telling.heartbeat;
}

bool says_hello(const Memory& memory) {
  return memory.telling.must_hello || is_isolated(memory);
}

bool is_report_due(const Memory& memory) {
  const Telling& telling = memory.telling;
  return telling.is_connected && (telling.must_report || memory.now >= telling.due);
}

void note_report(Memory& memory) {
  Telling& telling = memory.telling;
  ++telling.sequence;
  telling.must_report = false;
  telling.has_news = false;
  telling.hub_nonce = {};
  telling.last_at = memory.now;
  if (telling.connection_since == 0) telling.connection_since = telling.sequence;
  if (telling.facts_since == 0 && memory.has_facts) telling.facts_since = telling.sequence;
  if (!has_open_end(memory)) {
    telling.due = memory.now + telling.heartbeat;
    return;
  }
  if (telling.final_since == 0) telling.final_since = telling.sequence;
  const Duration wait = kReportGap * (1U << std::min(telling.repeats, 5U));
  telling.due = memory.now + std::min(wait, kFinalRepeatMax);
  ++telling.repeats;
}

Digest holds_digest(const Attempt* attempt, std::uint32_t trust_version) {
  std::string text;
  std::uint32_t state = 0;
  if (attempt != nullptr) {
    text = to_string(attempt->id);
    state = static_cast<std::uint32_t>(attempt->state) + 1;
  }
  append_le32(text, state);
  append_le32(text, trust_version);
  return blake2b_256(text);
}

}  // namespace kelpie::agent
