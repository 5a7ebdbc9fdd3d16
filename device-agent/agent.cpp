#include "device-agent/agent.h"

#include <algorithm>

#include "device-agent/inbound.h"
#include "device-agent/outbound.h"
#include "device-agent/records.h"
#include "proto/base/log.h"
#include "proto/base/reached.h"
#include "proto/wire/topics.h"

namespace kelpie::agent {
namespace {

constexpr Duration kCommitRetry = std::chrono::seconds(5);  // chosen: a full card is emptied by people

struct Opened {
  Ledger ledger;
  bool is_lost = false;
};

Result<Opened> read_ledger(StateStore& store, const wire::Trust& trust, Entropy& entropy) {
  Result<std::string> blob = store.load();
  if (blob && blob->empty()) {
    Opened first;
    first.ledger.install = random_bytes<InstallId>(entropy);
    KELPIE_TRY(store.commit(records::to_blob(first.ledger)));
    return first;
  }
  if (!blob && blob.error().code != Code::DataLoss) return fail(blob.error());
  Result<Ledger> ledger = blob ? records::from_blob(*blob, trust) : Result<Ledger>(fail(blob.error()));
  if (ledger) return Opened{.ledger = std::move(*ledger), .is_lost = false};
  log::error("the device's state is lost: only reading from now on",
             {{"why", ledger.error().message}, {"hint", "kelpie-agent init --new-state begins a new install"}});
  Opened lost{.ledger = {}, .is_lost = true};
  lost.ledger.install = random_bytes<InstallId>(entropy);
  return lost;
}

void log_hub(const Memory& before, const Memory& after) {
  if (is_isolated(after) == is_isolated(before)) return;
  if (!is_isolated(after)) return log::info("the hub answers");
  log::warn("no word from the hub: it is away, or this device is not registered",
            {{"hint", "kelpie device list; kelpie-agent status shows the key to add"}});
}

void log_transition(const Memory& before, const Memory& after) {
  const Attempt* const old = shown_attempt(before);
  const Attempt* const now = shown_attempt(after);
  if (now == nullptr) return;
  const bool is_same = old != nullptr && old->id == now->id;
  if (!is_same || old->state != now->state) {
    log::info("attempt", {{"attempt", to_string(now->id)},
                          {"state", std::string(to_string(now->state))},
                          {"reason", now->failure.reason + now->failure.refusal},
                          {"detail", now->failure.detail}});
  }
  for (std::size_t i = 0; i < now->records.size(); ++i) {
    const StepRecord& record = now->records[i];
    const bool is_news = record.outcome != StepOutcome::Open && (!is_same || old->records[i].outcome != record.outcome);
    if (!is_news) continue;
    log::info("step", {{"attempt", to_string(now->id)},
                       {"step", std::string(kind_of(now->release.steps[i]))},
                       {"summary", record.summary}});
  }
}

// The names of the moments between which a crash leaves something different behind.
std::string_view point_of(const Ledger& before, const Ledger& after) {
  if (!after.attempt || !before.attempt || before.attempt->id != after.attempt->id) return "after-commit";
  if (is_final(after.attempt->state) && !is_final(before.attempt->state)) return "after-final-commit";
  for (std::size_t i = 0; i < after.attempt->records.size(); ++i) {
    const StepRecord& old = before.attempt->records[i];
    const StepRecord& now = after.attempt->records[i];
    if (now.has_intent && !old.has_intent) return "after-intent";
    if (now.outcome != old.outcome) return "after-done";
    if (now.note != old.note) return "after-note";
  }
  return "after-commit";
}

}  // namespace

Agent::Agent(AgentIdentity identity, AgentSeams seams, Memory memory)
    : identity_(std::move(identity)), seams_(std::move(seams)), memory_(std::move(memory)) {}

Result<std::unique_ptr<Agent>> Agent::open(AgentIdentity identity, AgentSeams seams, SteadyTime now) {
  KELPIE_TRY(Opened opened, read_ledger(seams.store, identity.trust, seams.entropy));
  Memory memory = start_memory(std::move(opened.ledger), random_bytes<BootId>(seams.entropy),
                               random_bytes<Digest>(seams.entropy), now);
  memory.look_every = seams.look_every;
  memory.is_lost = opened.is_lost;
  memory.trust_version = identity.trust.version;
  return std::unique_ptr<Agent>(new Agent(std::move(identity), std::move(seams), std::move(memory)));
}

void Agent::reached(std::string_view point) const {
  if (seams_.on_point) seams_.on_point(point);
}

void Agent::take(Memory& memory, const Incoming& incoming, WallTime wall) const {
  if (const auto* const frame = std::get_if<FrameArrived>(&incoming)) {
    const Receiver receiver{
        .device = device(), .trust = identity_.trust, .hub_epoch = memory.ledger.hub_epoch, .now = wall};
    const Result<Heard> heard = parse(as_bytes(frame->bytes), receiver);
    if (heard) {
      const std::map<std::string, std::uint64_t> before = memory.refusals;
      hear(memory, *heard);
      for (const auto& [code, count] : memory.refusals) {
        if (!before.contains(code)) log::warn("order refused", {{"code", code}});
      }
      return;
    }
    // The first of each kind is a line; the rest is a number in the reports, so that a flood writes no log.
    if (!memory.refusals.contains(heard.error().reason)) {
      log::warn("frame refused", {{"code", heard.error().reason}, {"why", heard.error().message}});
    }
    return decide(memory, FrameRefused{heard.error().reason});
  }
  if (const auto* const link = std::get_if<LinkChanged>(&incoming))
    return decide(memory, LinkEvent{link->is_connected});
  if (const auto* const line = std::get_if<CallProgressed>(&incoming)) return decide(memory, *line);
  if (const auto* const note = std::get_if<CallNoted>(&incoming)) return decide(memory, *note);
  decide(memory, std::get<CallFinished>(incoming));
}

bool Agent::commit(const Memory& next) {
  if (next.is_lost) return true;
  if (next.is_unwritable) return next.ledger == memory_.ledger;  // the card is not tried again yet
  if (next.ledger == memory_.ledger && !memory_.is_unwritable) return true;
  reached("before-commit");
  const Result<void> outcome = seams_.store.commit(records::to_blob(next.ledger));
  if (outcome) {
    reached(point_of(memory_.ledger, next.ledger));
    return true;
  }
  if (!memory_.is_unwritable) {
    log::error("the device's state cannot be written: only reading from now on", {{"why", outcome.error().message}});
  }
  return false;
}

void Agent::step(std::span<const Incoming> incoming, WallTime wall, SteadyTime now) {
  Memory next = memory_;
  next.now = std::max(memory_.now, now);
  // The card is tried again with what is waiting for it.
  const bool is_retry = memory_.is_unwritable && next.now >= retry_at_;
  if (is_retry) {
    next.is_unwritable = false;
    for (const Incoming& one : unrecorded_) take(next, one, wall);
  }
  for (const Incoming& one : incoming) {
    if (std::holds_alternative<CallFinished>(one)) reached("after-run");
    take(next, one, wall);
  }
  tick(next);
  if (commit(next)) {
    if (is_retry) {
      unrecorded_.clear();
      next.telling.must_report = true;
      log::info("the device's state can be written again");
    }
    log_hub(memory_, next);
    log_transition(memory_, next);
    memory_ = std::move(next);
  } else {
    KELPIE_REACHED("agent.commit-failed");
    // Nothing of this turn has happened, except what a worker did: that is tried again.
    for (const Incoming& one : incoming) {
      if (std::holds_alternative<CallFinished>(one) || std::holds_alternative<CallNoted>(one)) {
        unrecorded_.push_back(one);
      }
      if (const auto* const link = std::get_if<LinkChanged>(&one)) decide(memory_, LinkEvent{link->is_connected});
    }
    memory_.now = next.now;
    if (!next.is_unwritable) retry_at_ = next.now + kCommitRetry;
    if (!memory_.is_unwritable) memory_.telling.must_report = true;
    memory_.is_unwritable = true;
  }
  act(wall);
}

void Agent::act(WallTime wall) {
  if (is_report_due(memory_)) {
    const std::string report = seal_report(memory_, {.key = identity_.key,
                                                     .installation = identity_.trust.installation,
                                                     .now = wall,
                                                     .heartbeat_nonce = random_bytes<Nonce>(seams_.entropy)});
    note_report(memory_);
    seams_.bus.publish(wire::up_topic(device()), as_bytes(report));
    reached("after-publish");
  }
  if (is_call_pointless(memory_) && given_up_ != memory_.running->id) {
    given_up_ = memory_.running->id;
    seams_.runner.give_up(given_up_);
  }
  if (std::optional<Call> call = next_call(memory_)) seams_.runner.start(std::move(*call));
}

SteadyTime Agent::next_due() const {
  const SteadyTime due = kelpie::agent::next_due(memory_);
  return memory_.is_unwritable ? std::min(due, retry_at_) : due;
}

}  // namespace kelpie::agent
