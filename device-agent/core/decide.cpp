#include "device-agent/core/decide.h"

#include <algorithm>

#include "device-agent/core/parts.h"
#include "proto/base/reached.h"

namespace kelpie::agent {
namespace {

constexpr std::size_t kRefusalCodesMax = 64;  // report.proto: refusals
constexpr Duration kReconnectWindowMin = std::chrono::seconds(1);
constexpr Duration kReconnectWindowMax = std::chrono::minutes(10);  // chosen: 120,000 devices at 200 a second

void take(Memory& memory, const LinkEvent& link) {
  Telling& telling = memory.telling;
  telling.is_connected = link.is_connected;
  if (!link.is_connected) return;
  memory.heard_at = memory.now;
  ++telling.connection;
  telling.connection_since = 0;
  telling.must_hello = true;
  tell_now(memory);
}

// A hub that starts must not hear its whole fleet in one second: the boot id spreads the answers.
void take(Memory& memory, const NoticeSeen& notice) {
  Telling& telling = memory.telling;
  telling.connection_since = 0;
  telling.must_hello = true;
  telling.reconnect_window = std::clamp(notice.reconnect_window, kReconnectWindowMin, kReconnectWindowMax);
  const auto share = static_cast<std::int64_t>(read_le64(memory.boot.view()) %
                                               static_cast<std::uint64_t>(telling.reconnect_window.count()));
  telling.due = std::min(telling.due, memory.now + Duration(share));
}

void take(Memory& memory, const ReadOrder& order) {
  memory.telling.hub_nonce = order.hub_nonce;
  memory.telling.must_hello = true;
  memory.telling.connection_since = 0;
  tell_now(memory);
}

void set_clock_unsure(Memory& memory, bool is_unsure) {
  if (memory.is_clock_unsure != is_unsure) tell_now(memory);
  memory.is_clock_unsure = is_unsure;
}

void take(Memory& memory, const FrameRefused& refused) {
  count_refusal(memory, refused.code);
  if (refused.code == "E_CLOCK_UNSURE") set_clock_unsure(memory, true);
}

void take(Memory& memory, const CallProgressed& progress) {
  if (!memory.running || memory.running->id != progress.id || !memory.running->attempt) return;
  memory.running->progress = progress.progress;
  tell_soon(memory);
}

void take(Memory& memory, const CallNoted& noted) {
  if (!memory.running || memory.running->id != noted.id || !memory.running->attempt) return;
  std::optional<Attempt>& held = memory.ledger.attempt;
  if (!held || held->id != *memory.running->attempt || held->state != AttemptState::Executing) return;
  held->records[held->step].note = noted.note;
}

void take(Memory& memory, const CallFinished& finished) {
  if (!memory.running || memory.running->id != finished.id) return;
  const Running running = *memory.running;
  memory.running.reset();
  if (!running.attempt) return take_look(memory, finished.result);
  const std::optional<Attempt>& held = memory.ledger.attempt;
  if (!held || held->id != *running.attempt) {
    KELPIE_REACHED("agent.call-of-an-older-attempt");
    return;
  }
  take_result(memory, finished.result, memory.now - running.since);
}

void take(Memory& memory, const PrepareOrder& order) {
  set_clock_unsure(memory, false);
  take_order(memory, order);
}
void take(Memory& memory, const PrepareRefused& order) {
  set_clock_unsure(memory, false);
  take_order(memory, order);
}
void take(Memory& memory, const GoOrder& order) {
  take_order(memory, order);
}
void take(Memory& memory, const CancelOrder& order) {
  take_order(memory, order);
}
void take(Memory& memory, const BeaconSeen& beacon) {
  take_beacon(memory, beacon);
}

}  // namespace

void count_refusal(Memory& memory, std::string_view code) {
  const auto at = memory.refusals.find(std::string(code));
  if (at != memory.refusals.end()) {
    ++at->second;
    return;
  }
  if (memory.refusals.size() >= kRefusalCodesMax) return;
  memory.refusals[std::string(code)] = 1;
  tell_soon(memory);  // the first of its kind is news; a flood makes no reports
}

bool is_reading_only(const Memory& memory) {
  return memory.is_lost || memory.is_unwritable;
}

bool may_walk(const Memory& memory) {
  return memory.ledger.attempt && memory.is_confirmed && !is_reading_only(memory);
}

bool is_under_way(AttemptState state) {
  return state == AttemptState::Executing || state == AttemptState::Verifying || state == AttemptState::Soaking;
}

void decide(Memory& memory, const Event& event) {
  std::visit([&](const auto& what) { take(memory, what); }, event);
}

void hear(Memory& memory, const Heard& heard) {
  memory.heard_at = memory.now;
  if (!is_reading_only(memory)) memory.ledger.hub_epoch = std::max(memory.ledger.hub_epoch, heard.hub_epoch);
  decide(memory, heard.event);
}

SteadyTime next_due(const Memory& memory) {
  const Telling& telling = memory.telling;
  if (memory.running) return telling.is_connected ? telling.due : memory.now + telling.heartbeat;
  SteadyTime due = memory.facts_due;
  if (telling.is_connected) due = std::min(due, telling.due);
  if (memory.soak_until && may_walk(memory)) due = std::min(due, memory.check_at);
  return due;
}

bool is_call_pointless(const Memory& memory) {
  if (!memory.running || !memory.running->attempt) return false;
  const std::optional<Attempt>& held = memory.ledger.attempt;
  return !held || held->id != *memory.running->attempt || is_final(held->state);
}

Memory start_memory(Ledger ledger, const BootId& boot, const Digest& nonce_secret, SteadyTime now) {
  Memory memory;
  memory.ledger = std::move(ledger);
  memory.boot = boot;
  memory.nonce_secret = nonce_secret;
  memory.now = now;
  memory.run_since = now;
  memory.facts_due = now;
  memory.checkup_due = now + memory.look_every;
  memory.checked_up_at = now;
  memory.facts_told_at = now;
  memory.telling.due = now;
  memory.telling.last_at = now + -std::chrono::hours(1);
  if (!memory.ledger.attempt) return memory;
  Attempt& attempt = *memory.ledger.attempt;
  memory.spent_before = attempt.spent;
  if (attempt.state == AttemptState::Preparing || attempt.state == AttemptState::Prepared) {
    begin_preparing(memory);  // the nonce is void: the next PREPARED brings another
  } else if (is_under_way(attempt.state)) {
    memory.is_confirmed = attempt.is_undoing;  // going back needs nobody's word
    memory.are_facts_old = true;
    if (attempt.is_undoing) find_undo(memory);
  }
  return memory;
}

}  // namespace kelpie::agent
