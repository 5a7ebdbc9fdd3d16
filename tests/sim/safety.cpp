#include "tests/sim/safety.h"

#include <fmt/core.h>
#include <kelpie/v1/deliver.pb.h>
#include <kelpie/v1/report.pb.h>

#include "hub/core/rollout/target.h"
#include "hub/core/rollout/wave.h"
#include "hub/records/records.h"
#include "proto/wire/frame.h"

namespace kelpie::test {
namespace {

using agent::AttemptState;
using hub::RolloutPhase;
using hub::TargetState;

bool is_disrupted(AttemptState state) {
  return state == AttemptState::Executing || state == AttemptState::Verifying;
}

bool has_ended(RolloutPhase phase) {
  return phase == RolloutPhase::Aborting || hub::is_terminal(phase);
}

}  // namespace

void Safety::violate(std::string what) {
  if (violation_.empty()) violation_ = std::move(what);
}

// ---- the broker saw -----------------------------------------------------------------------------------------------

void Safety::report_sent(ByteView bytes) {
  const Result<wire::Frame> frame = wire::parse_frame(bytes);
  v1::Report report;
  if (!frame || !report.ParseFromString(frame->payload)) return violate("an agent sent what is no report");
  if (report.attempt().state() != v1::PREPARED) return;
  prepared_.insert({*parse_attempt_id(report.attempt().id()), *Nonce::from_bytes(report.attempt().nonce())});
}

void Safety::delivery_sent(ByteView bytes, const hub::HubState& state) {
  const Result<wire::Frame> frame = wire::parse_frame(bytes);
  v1::Deliver deliver;
  if (!frame || frame->type != wire::FrameType::Deliver || !deliver.ParseFromString(frame->payload)) return;
  if (!deliver.has_go()) return;
  check_go(*parse_attempt_id(deliver.go().attempt()), *Nonce::from_bytes(deliver.go().nonce()), state);
}

void Safety::check_go(const AttemptId& id, const Nonce& nonce, const hub::HubState& state) {
  const std::string name = to_string(id);
  if (!prepared_.contains({id, nonce})) return violate("GO without PREPARED of that nonce: " + name);
  const auto at = state.rollouts.find(id.rollout);
  if (at == state.rollouts.end()) return violate("GO of a rollout that is not committed: " + name);
  const hub::Rollout& rollout = at->second;
  if (has_ended(rollout.phase)) return violate("GO after the end was committed: " + name);
  const hub::Target& target = rollout.targets.at(id.device);
  const hub::Device& device = state.devices.at(id.device);
  if (target.state != TargetState::Granted || target.granted_nonce != nonce)
    return violate("GO that the committed state did not grant: " + name);
  if (!device.lease || *device.lease != id) return violate("GO without its lease: " + name);
  const bool is_first = gone_.insert({id, nonce}).second;
  if (!is_first) return;
  const auto seen = rollouts_.find(id.rollout);
  const bool was_paused = seen != rollouts_.end() && seen->second.phase == RolloutPhase::Paused;
  if (rollout.phase == RolloutPhase::Paused && was_paused && target.granted_at > seen->second.since)
    return violate("GO granted while the rollout is paused: " + name);
  const bool is_in_turn = target.is_catch_up || (target.wave == rollout.open_wave &&
                                                 rollout.waves[target.wave].phase == hub::WavePhase::Open);
  // A wave that failed in the same batch as the grant has paused the rollout.
  if (!is_in_turn && rollout.phase == RolloutPhase::Running) violate("GO out of wave order: " + name);
}

// ---- a device did ---------------------------------------------------------------------------------------------------

void Safety::agent_stepped(const DeviceId& device, const agent::Memory& memory) {
  DeviceSeen& seen = devices_[device];
  const DeviceSeen before = seen;
  seen.install = memory.ledger.install;
  seen.nonce = memory.nonce;
  seen.is_confirmed = memory.is_confirmed;
  const std::optional<agent::Attempt>& attempt = memory.ledger.attempt;
  if (!attempt) {
    seen.attempt.reset();
    return;
  }
  const bool is_same = before.attempt && *before.attempt == attempt->id;
  seen.attempt = attempt->id;
  seen.state = attempt->state;
  seen.is_undoing = attempt->is_undoing;
  seen.has_soaked = attempt->state == AttemptState::Soaking || (is_same && before.has_soaked);
  if (attempt->state == AttemptState::Succeeded) succeeded_.insert(attempt->id);
  const bool has_begun = is_same && before.state == AttemptState::Prepared && attempt->state == AttemptState::Executing;
  if (!has_begun) return;
  const std::string name = to_string(attempt->id);
  if (!gone_.contains({attempt->id, before.nonce})) violate("began without a GO of its nonce: " + name);
  if (!accepted_.insert({attempt->id, before.nonce}).second) violate("a GO was obeyed twice: " + name);
  // While either side remembers: an old card image put back before the hub heard of the start is beyond both.
  if (!executed_.insert(attempt->id).second && known_started_.contains(attempt->id))
    violate("an attempt ran twice: " + name);
  const std::pair<std::uint64_t, std::uint32_t> age{attempt->generation, attempt->id.n};
  auto& newest = newest_[{device, attempt->scope}];
  if (age < newest) violate("something older ran after something newer: " + name);
  newest = std::max(newest, age);
}

void Safety::observed(const AttemptId& attempt, std::uint32_t step, bool is_unmet) {
  steps_[{attempt, step}].may_run = is_unmet;
}

void Safety::run_started(const AttemptId& attempt, std::uint32_t step) {
  StepSeen& seen = steps_[{attempt, step}];
  const std::string name = fmt::format("{} step {}", to_string(attempt), step);
  if (!executed_.contains(attempt)) violate("a step ran before GO: " + name);
  if (!seen.may_run) violate("a step ran twice without a look in between: " + name);
  seen.may_run = false;
  ++seen.runs;
}

// ---- the hub committed
// ------------------------------------------------------------------------------------------------

void Safety::promised(const RolloutId& rollout, RolloutPhase phase) {
  const auto at = promises_.emplace(rollout, phase).first;
  if (phase == RolloutPhase::Aborting) at->second = phase;
}

void Safety::check_lease_end(const AttemptId& ended, const DeviceId& device) {
  const DeviceSeen& seen = devices_[device];
  if (!seen.attempt || *seen.attempt != ended) return;
  const std::string name = to_string(ended);
  if (is_disrupted(seen.state) && seen.is_confirmed && !seen.has_soaked && !seen.is_undoing)
    violate("lease freed while the device runs it: " + name);
  if (seen.state == AttemptState::Prepared && !seen.nonce.is_zero() && gone_.contains({ended, seen.nonce}))
    violate("lease freed while its GO may still be accepted: " + name);
}

void Safety::check_devices(const hub::HubState& state) {
  for (const auto& [id, device] : state.devices) {
    const auto before = leases_.find(id);
    if (before != leases_.end() && (!device.lease || *device.lease != before->second))
      check_lease_end(before->second, id);
    const auto at = devices_.find(id);
    if (at == devices_.end() || !at->second.attempt) continue;
    const DeviceSeen& seen = at->second;
    const bool is_disrupted_now = is_disrupted(seen.state) && seen.is_confirmed && !seen.is_undoing && !seen.has_soaked;
    if (is_disrupted_now && (!device.lease || device.lease->rollout != seen.attempt->rollout))
      violate("a device is disrupted without a lease: " + to_string(*seen.attempt));
  }
  leases_.clear();
  for (const auto& [id, device] : state.devices) {
    if (device.lease) leases_.emplace(id, *device.lease);
  }
}

void Safety::check_target(const hub::HubState& state, const hub::Rollout& rollout, const hub::Target& target) {
  const std::string name = to_string(hub::attempt_of(target));
  if (target.reported.state >= hub::AttemptState::Executing) known_started_.insert(target.reported.id);
  if (target.state == TargetState::Succeeded) {
    if (!succeeded_.contains(hub::attempt_of(target))) violate("success of what did not succeed: " + name);
  }
  const bool is_left_over = target.state == TargetState::Deferred && hub::is_terminal(rollout.phase);
  const bool must_wake = (!hub::is_terminal(target.state) && !is_left_over) || target.is_cancelling;
  const hub::DueKey due{.at = target.wake_at,
                        .kind = hub::DueKey::Kind::Target,
                        .id = fmt::format("{}/{}", rollout.id.text(), target.device.hex())};
  if (must_wake && !state.due.contains(due)) violate("a target waits without a time to wake: " + name);
}

void Safety::check_rollout(const hub::HubState& state, const hub::Rollout& rollout, WallTime now) {
  const std::string& id = rollout.id.text();
  for (std::uint32_t w = 0; w < rollout.waves.size(); ++w) {
    const hub::Wave& wave = rollout.waves[w];
    if (hub::fold(rollout, w) != wave.counters) violate(fmt::format("counters of wave {} of {} are off", w, id));
    if (wave.phase == hub::WavePhase::Passed && wave.counters.succeeded == 0)
      violate(fmt::format("wave {} of {} passed without evidence", w, id));
    if (w > rollout.open_wave && wave.phase != hub::WavePhase::Pending)
      violate(fmt::format("wave {} of {} is open before its turn", w, id));
  }
  hub::Rollout counted;  // by a walk over its targets
  counted.waves.resize(rollout.waves.size());
  counted.targets = rollout.targets;
  hub::recount_moves(counted);
  if (counted.failed != rollout.failed) violate("the failed devices of " + id + " are off");
  for (std::size_t w = 0; w < rollout.waves.size(); ++w) {
    const hub::WaveMoves& kept = rollout.waves[w].moves;
    const hub::WaveMoves& walked = counted.waves[w].moves;
    if (kept.in_flight != walked.in_flight || kept.waiting != walked.waiting)
      violate(fmt::format("who moves in wave {} of {} is off", w, id));
  }
  if (rollout.phase == RolloutPhase::Paused && rollout.phase_reason.empty()) violate("paused without a reason: " + id);
  const auto before = rollouts_.find(rollout.id);
  if (before == rollouts_.end() || before->second.phase != rollout.phase) {
    const bool was_over = before != rollouts_.end() && hub::is_terminal(before->second.phase);
    if (was_over) violate("a rollout that had ended goes on: " + id);
    rollouts_[rollout.id] = {.phase = rollout.phase, .since = now};
  }
  if (const auto promise = promises_.find(rollout.id);
      promise != promises_.end() && promise->second == RolloutPhase::Aborting && !has_ended(rollout.phase))
    violate("an abort that an operator was told of is forgotten: " + id);
  std::uint32_t catching_up = 0;
  for (const auto& [device, target] : rollout.targets) {
    check_target(state, rollout, target);
    if (target.is_catch_up && !hub::is_terminal(target.state)) ++catching_up;
  }
  if (!hub::is_terminal(rollout.phase) && catching_up != rollout.catch_up_left)
    violate(fmt::format("{} devices of {} catch up, not {}", catching_up, id, rollout.catch_up_left));
}

// What is in memory is in the store: whatever a rule changed and did not touch would be lost by the next crash.
void Safety::check_store(const hub::HubState& state, const hub::KeyValueStore& store) {
  for (const auto& [id, rollout] : state.rollouts) {
    if (*store.get(fmt::format("{}{}", hub::kRolloutPrefix, id.text())) != hub::records::write_rollout(rollout))
      violate("the store holds another state of rollout " + id.text());
    for (const auto& [device, target] : rollout.targets) {
      const auto bytes = *store.get(fmt::format("{}{}/{}", hub::kTargetPrefix, id.text(), device.hex()));
      Result<hub::Target> stored = hub::records::read_target(bytes.value_or(""));
      if (!stored) return violate("the store holds no target " + to_string(hub::attempt_of(target)));
      stored->wake_at = target.wake_at;  // derived anew at each start
      stored->sends = target.sends;
      if (hub::records::write_target(*stored) != hub::records::write_target(target))
        violate("the store holds another state of target " + to_string(hub::attempt_of(target)));
    }
  }
  for (const auto& [id, device] : state.devices) {
    const auto bytes = *store.get(fmt::format("{}{}", hub::kDevicePrefix, id.hex()));
    const Result<hub::Device> stored = hub::records::read_device(bytes.value_or(""));
    const bool is_same = stored && stored->lease == device.lease && stored->rollout == device.rollout &&
                         stored->assigned == device.assigned && stored->proved_release == device.proved_release &&
                         stored->drift == device.drift && stored->warnings == device.warnings &&
                         stored->repairs == device.repairs && stored->is_updating == device.is_updating &&
                         stored->failure_reason == device.failure_reason;
    if (!is_same) violate("the store holds another state of device " + device.name);
  }
}

void Safety::hub_stepped(const hub::HubState& state, const hub::KeyValueStore& store, WallTime now) {
  std::map<DeviceId, RolloutId> active;
  for (const auto& [id, rollout] : state.rollouts) {
    check_rollout(state, rollout, now);
    for (const auto& [device, target] : rollout.targets) {
      const bool is_active = target.state == TargetState::Granted || target.state == TargetState::Executing ||
                             target.state == TargetState::Verifying || target.state == TargetState::Soaking;
      if (!is_active) continue;
      if (!active.emplace(device, id).second) violate(fmt::format("two active targets on device {}", device.hex()));
    }
  }
  for (const auto& [id, phase] : promises_) {
    if (!state.rollouts.contains(id)) violate("a rollout that an operator was told of is forgotten: " + id.text());
  }
  check_devices(state);
  check_store(state, store);
}

}  // namespace kelpie::test
