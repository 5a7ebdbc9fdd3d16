#include "hub/core/rollout/target.h"

#include <algorithm>

#include "hub/core/rollout/target_parts.h"
#include "hub/core/rollout/wave.h"
#include "proto/base/reached.h"

namespace kelpie::hub {
namespace {

void begin_attempt(Turn& turn, Rollout& rollout, Target& target) {
  Device& device = device_of(turn, target);
  device.rollout = rollout.id;
  touch(turn, DeviceKey{device.id});
  if (!target.is_attempt_open) {
    ++target.attempt;
    target.is_attempt_open = true;
    target.prepared_nonce.reset();
    target.granted_nonce.reset();
    target.reported = {};
  }
  set_state(turn, rollout, target, TargetState::Preparing);
  target.deadline = turn.now + rollout.policy.timeouts.prepare;
  send_prepare(turn, target);
  touch_synced(turn, TargetKey{rollout.id, target.device});
  schedule(turn.state, target, turn.now + repeat_after(kPrepareRepeat, target.sends));
}

bool may_run_now(const Rollout& rollout, const Target& target) {
  if (rollout.phase != RolloutPhase::Running) return false;
  if (target.is_catch_up) return true;
  return target.wave == rollout.open_wave && rollout.waves[target.wave].phase == WavePhase::Open;
}

/// The longest that the rules let a target stay in its state; the whole rollout where they set no limit of its own.
Duration longest_in_state(const Rollout& rollout, const Target& target) {
  const Timeouts& limits = rollout.policy.timeouts;
  switch (target.state) {
    case TargetState::Preparing:
    case TargetState::Prepared: return std::max(limits.prepare, limits.report_grace);
    case TargetState::Granted: return std::max(limits.grant, limits.report_grace);
    case TargetState::Executing:
    case TargetState::Verifying: return limits.attempt + limits.verify + limits.report_grace;
    case TargetState::Soaking: return rollout.waves[target.wave].plan.soak + limits.report_grace;
    case TargetState::Waiting:
    case TargetState::Unknown:
    case TargetState::Succeeded:
    case TargetState::Failed:
    case TargetState::Excluded:
    case TargetState::Superseded:
    case TargetState::Canceled:
    case TargetState::Deferred: return limits.rollout;
  }
  return limits.rollout;
}

/// The longest until it is looked at again.
Duration longest_until_wake(const Rollout& rollout, const Target& target) {
  if (is_in_flight(target.state)) return longest_in_state(rollout, target);
  if (target.state != TargetState::Waiting) return kIdle;
  const std::vector<Duration>& backoff = rollout.policy.retry.backoff;
  if (target.reason == WaitReason::Offline) return rollout.policy.timeouts.offline_grace;
  if (target.reason == WaitReason::Backoff && !backoff.empty()) return std::ranges::max(backoff);
  return kIdle;
}

}  // namespace

bool is_superseded(const HubState& state, const Rollout& rollout, const Target& target) {
  for (auto later = state.rollouts.rbegin(); later != state.rollouts.rend(); ++later) {  // newest first
    if (later->first <= rollout.id) return false;
    const auto other = later->second.targets.find(target.device);
    if (other == later->second.targets.end() || later->second.scope != rollout.scope) continue;
    if (other->second.attempt > 0 && other->second.generation > target.generation) return true;
  }
  return false;
}

AttemptId attempt_of(const Target& target) {
  return {.rollout = target.rollout, .device = target.device, .n = target.attempt};
}

Digest attempt_hash_of(const Rollout& rollout, const Target& target) {
  return attempt_hash(rollout.plan_hash, as_bytes(leaf_bytes(rollout.leaves[target.leaf_index])), attempt_of(target));
}

void wait_or_begin(Turn& turn, Rollout& rollout, Target& target) {
  Device& device = device_of(turn, target);
  if (!may_run_now(rollout, target)) {
    const bool is_paused = rollout.phase == RolloutPhase::Paused;
    return set_waiting(turn, rollout, target, is_paused ? WaitReason::Pause : WaitReason::Wave, turn.now + kIdle);
  }
  if (target.reason == WaitReason::Backoff && turn.now < target.wake_at) return;
  if (device.rollout && *device.rollout != rollout.id) {
    target.conflict = device.rollout->text();
    turn.state.queued[device.id].insert(rollout.id);
    return set_waiting(turn, rollout, target, WaitReason::Conflict, turn.now + kIdle);
  }
  if (!target.is_attempt_open && is_superseded(turn.state, rollout, target)) {
    KELPIE_REACHED("target.superseded");
    note(turn, rollout, target, "target.superseded", "generation", "a later rollout has begun on this device");
    return withdraw(turn, rollout, target, TargetState::Superseded);
  }
  if (device.connection != Connection::Online) {
    if (target.state == TargetState::Deferred) return schedule(turn.state, target, turn.now + kIdle);
    const bool was_offline = target.state == TargetState::Waiting && target.reason == WaitReason::Offline;
    set_waiting(turn, rollout, target, WaitReason::Offline,
                was_offline ? target.wake_at : turn.now + rollout.policy.timeouts.offline_grace);
    return;
  }
  begin_attempt(turn, rollout, target);
}

void grant_or_refresh(Turn& turn, Rollout& rollout, Target& target) {
  const Device& device = device_of(turn, target);
  if (!may_run_now(rollout, target)) return schedule(turn.state, target, turn.now + kIdle);
  // The lease of a broken device outlives its rollout; whoever has the device now takes it over: a repair disrupts
  // nobody anew (R6).
  if (device.rollout != rollout.id) return schedule(turn.state, target, turn.now + kRepeatMax);
  if (device.connection != Connection::Online) return wait_or_begin(turn, rollout, target);
  if (turn.now - target.prepared_at > kNonceFresh) {
    KELPIE_REACHED("target.nonce-refreshed");
    send_prepare(turn, target);
    return schedule(turn.state, target, turn.now + repeat_after(kPrepareRepeat, target.sends));
  }
  grant(turn, rollout, target);
}

void leave_device(Turn& turn, Rollout& rollout, Target& target) {
  const bool is_left = is_terminal(target.state) || (target.state == TargetState::Deferred && is_over(rollout));
  if (!is_left || target.is_cancelling) return;
  unschedule(turn.state, target);
  Device& device = device_of(turn, target);
  if (!device.rollout || *device.rollout != rollout.id) return;
  device.rollout.reset();
  touch(turn, DeviceKey{device.id});
  // One that is paused, or whose device is away, takes nothing: the next in the queue has its turn.
  for (auto queue = turn.state.queued.find(device.id); queue != turn.state.queued.end() && !device.rollout;
       queue = turn.state.queued.find(device.id)) {
    const RolloutId next = *queue->second.begin();
    queue->second.erase(queue->second.begin());
    if (queue->second.empty()) turn.state.queued.erase(queue);
    Rollout& waiting = turn.state.rollouts.at(next);
    move_on(turn, waiting, waiting.targets.at(target.device));
    evaluate(turn, waiting);
  }
}

void move_on(Turn& turn, Rollout& rollout, Target& target) {
  if (target.is_cancelling) {
    // Whoever is away is served when it is heard again: thousands of them must not wake the hub every few seconds.
    if (!is_online(turn, target)) return schedule(turn.state, target, turn.now + kIdle);
    send_cancel(turn, rollout, target);
    return schedule(turn.state, target, turn.now + repeat_after(kPrepareRepeat, target.sends));
  }
  switch (target.state) {
    case TargetState::Waiting: return wait_or_begin(turn, rollout, target);
    case TargetState::Deferred:
      return is_over(rollout) ? leave_device(turn, rollout, target) : wait_or_begin(turn, rollout, target);
    case TargetState::Preparing:
      if (!is_online(turn, target)) return wait_or_begin(turn, rollout, target);
      // While paused, preparation goes on (R15); before it was acknowledged, PREPARE is repeated.
      if (target.reported.id != attempt_of(target)) send_prepare(turn, target);
      return schedule(turn.state, target,
                      std::min(target.deadline, turn.now + repeat_after(kPrepareRepeat, target.sends)));
    case TargetState::Prepared: return grant_or_refresh(turn, rollout, target);
    case TargetState::Granted:
      // Never again after an abort (invariant 25); in a pause the permission already given is still repeated.
      if (is_over(rollout))
        send_cancel(turn, rollout, target);  // a device that has begun lets it pass
      else if (turn.now - target.prepared_at > kGoValid)
        send_prepare(turn, target);  // as Unknown does: the GO is void by now, and one that has begun lets it pass
      else
        send_go(turn, rollout, target);
      return schedule(turn.state, target, std::min(target.deadline, turn.now + repeat_after(kGoRepeat, target.sends)));
    case TargetState::Executing:
    case TargetState::Verifying:
    case TargetState::Soaking: return schedule(turn.state, target, target.deadline);
    case TargetState::Unknown:
      if (!is_online(turn, target)) return schedule(turn.state, target, turn.now + kIdle);
      // Either makes the device say where it stands; one that never saw its GO is prepared with another nonce.
      if (is_over(rollout))
        send_cancel(turn, rollout, target);
      else
        send_prepare(turn, target);
      return schedule(turn.state, target, turn.now + repeat_after(kPrepareRepeat, target.sends));
    case TargetState::Succeeded:
    case TargetState::Failed:
    case TargetState::Excluded:
    case TargetState::Superseded:
    case TargetState::Canceled: return leave_device(turn, rollout, target);
  }
}

void wake(Turn& turn, Rollout& rollout, Target& target) {
  if (target.is_cancelling) return move_on(turn, rollout, target);
  if (target.state == TargetState::Waiting && target.reason == WaitReason::Offline && !is_online(turn, target)) {
    if (may_defer(rollout.waves[target.wave]) && may_run_now(rollout, target) && !target.is_catch_up) {
      KELPIE_REACHED("target.deferred");
      set_state(turn, rollout, target, TargetState::Deferred);
      uncount(rollout, target);
      target.is_catch_up = true;
      count(rollout, target);
      ++rollout.catch_up_left;
      note(turn, rollout, target, "target.deferred", "offline", "left for when it comes back");
      schedule(turn.state, target, turn.now + kIdle);
      return evaluate(turn, rollout);
    }
    return schedule(turn.state, target, turn.now + kRepeatMax);
  }
  const bool is_late = turn.now >= target.deadline;
  if (is_late && (is_in_flight(target.state))) {
    KELPIE_REACHED("target.unknown");
    if (target.state == TargetState::Soaking) take_lease(turn, target);
    set_state(turn, rollout, target, TargetState::Unknown);
    touch_synced(turn, TargetKey{rollout.id, target.device});
    note(turn, rollout, target, "target.unknown", "silent",
         "GO was given and no final word came in time; its lease is kept");
    move_on(turn, rollout, target);
    settle_abort(turn, rollout);
    return evaluate(turn, rollout);
  }
  if (is_late && target.state == TargetState::Preparing) {
    target.is_cancelling = true;
    fail_target(turn, rollout, target, "prepare-timeout", "the device did not get ready in time");
    move_on(turn, rollout, target);
    return evaluate(turn, rollout);
  }
  move_on(turn, rollout, target);
  evaluate(turn, rollout);
}

void withdraw(Turn& turn, Rollout& rollout, Target& target, TargetState end) {
  set_state(turn, rollout, target, end);
  touch_synced(turn, TargetKey{rollout.id, target.device});
  target.is_cancelling = target.is_attempt_open;
  if (const auto queue = turn.state.queued.find(target.device); queue != turn.state.queued.end()) {
    queue->second.erase(rollout.id);
    if (queue->second.empty()) turn.state.queued.erase(queue);
  }
  move_on(turn, rollout, target);
}

void forsake(Turn& turn, Rollout& rollout, Target& target) {
  target.is_attempt_open = false;  // its credentials are gone: nothing it holds can be reported any more
  target.is_cancelling = false;
  unschedule(turn.state, target);
  touch_synced(turn, TargetKey{rollout.id, target.device});
  if (is_terminal(target.state)) return;
  withdraw(turn, rollout, target, TargetState::Excluded);
  settle_abort(turn, rollout);
  evaluate(turn, rollout);
}

void leave_deferred(Turn& turn, Rollout& rollout, Target& target) {
  const bool is_before_go = target.state == TargetState::Waiting || target.state == TargetState::Preparing ||
                            target.state == TargetState::Prepared || target.state == TargetState::Deferred;
  if (is_before_go) withdraw(turn, rollout, target, TargetState::Deferred);
}

void excuse_silence(Turn& turn, const Rollout& rollout, Target& target) {
  if (!is_in_flight(target.state) && target.state != TargetState::Preparing) return;
  const WallTime grace = turn.now + rollout.policy.timeouts.report_grace;
  if (target.deadline >= grace) return;
  target.deadline = grace;
  touch(turn, TargetKey{rollout.id, target.device});
}

void bound_times(Turn& turn, const Rollout& rollout, Target& target) {
  target.wake_at = std::min(target.wake_at, turn.now + longest_until_wake(rollout, target));  // never stored
  bool is_bounded = bring_back(target.deadline, turn.now + longest_in_state(rollout, target));
  is_bounded |= bring_back(target.prepared_at, turn.now);
  is_bounded |= bring_back(target.granted_at, turn.now);
  if (is_bounded) touch(turn, TargetKey{rollout.id, target.device});
}

void again(Turn& turn, Rollout& rollout, Target& target) {
  target.transient_failures = 0;
  device_of(turn, target).failed_attempt.reset();
  // Beside the later waves, or again beside them.
  if (rollout.waves[target.wave].phase == WavePhase::Passed || target.is_catch_up) {
    uncount(rollout, target);
    target.is_catch_up = true;
    count(rollout, target);
    ++rollout.catch_up_left;
  }
  set_waiting(turn, rollout, target, WaitReason::Wave, turn.now);
  touch_synced(turn, TargetKey{rollout.id, target.device});
}

}  // namespace kelpie::hub
