// What a device's newest report means for its target: taken to be where the device says it is.
#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "hub/core/query.h"
#include "hub/core/rollout/target_parts.h"
#include "hub/core/rollout/wave.h"
#include "proto/base/reached.h"

namespace kelpie::hub {
namespace {

bool has_started(const ReportedAttempt& reported) {
  return reported.state == AttemptState::Executing || reported.state == AttemptState::Verifying ||
         reported.state == AttemptState::Soaking;
}

bool is_before_start(const ReportedAttempt& reported) {
  return reported.state == AttemptState::Preparing || reported.state == AttemptState::Prepared;
}

void succeed(Turn& turn, Rollout& rollout, Target& target) {
  Device& device = device_of(turn, target);
  if (rollout.scope == kDeviceScope) {
    device.proved_release = rollout.release;
    if (!device.drift.is_empty()) {
      note(turn, rollout, target, "device.settled", release_name(turn.state, rollout.release),
           "no longer: " + device.drift.lines().front() + (device.drift.moved.size() > 1 ? ", and the rest" : ""));
    }
    device.drift = {};
    device.repairs.held.clear();
    turn.state.repairs_held.erase(device.id);
  }
  device.failure_reason.clear();
  device.failure_detail.clear();
  device.failed_attempt.reset();
  target.is_attempt_open = false;
  release_lease(turn, target);
  set_state(turn, rollout, target, TargetState::Succeeded);
  touch_synced(turn, TargetKey{rollout.id, target.device});
  touch_synced(turn, DeviceKey{device.id});
  audit(turn, {.action = "target.succeeded",
               .object = to_string(attempt_of(target)),
               .reason = {},
               .plan_hash = rollout.plan_hash.hex(),
               .frame_hash = {}});
  note(turn, rollout, target, "target.succeeded", {}, {});
  leave_device(turn, rollout, target);
}

// R12: transient failures are tried again by the hub; the rest waits for a person.
void take_failure(Turn& turn, Rollout& rollout, Target& target, const ReportedAttempt& reported) {
  target.is_attempt_open = false;
  const bool is_contained = reported.outcome == FailedOutcome::Restored || reported.outcome == FailedOutcome::Preflight;
  if (is_contained)
    release_lease(turn, target);
  else
    take_lease(turn, target);
  const std::vector<Duration>& backoff = rollout.policy.retry.backoff;
  const bool may_retry = reported.is_transient && is_contained &&
                         target.transient_failures < rollout.policy.retry.transient && !backoff.empty() &&
                         !target.is_cancelling && !is_over(rollout);
  if (!may_retry) return fail_target(turn, rollout, target, reported.reason, reported.detail);
  KELPIE_REACHED("target.transient-retry");
  const Duration wait = backoff[std::min<std::size_t>(target.transient_failures, backoff.size() - 1)];
  ++target.transient_failures;
  note(turn, rollout, target, "target.retry", reported.reason,
       fmt::format("again in {}: {}", kelpie::to_string(wait), reported.detail));
  set_waiting(turn, rollout, target, WaitReason::Backoff, turn.now + wait);
  touch_synced(turn, TargetKey{rollout.id, target.device});
}

// What the hub saw begin cannot be before its beginning: an old card image was put back.
void roll_back(Turn& turn, Rollout& rollout, Target& target) {
  KELPIE_REACHED("target.rolled-back");
  target.is_cancelling = true;
  fail_target(turn, rollout, target, "rolled_back",
              "the device no longer knows that it started: an old card image was put back");
  move_on(turn, rollout, target);
}

void take_prepared(Turn& turn, Rollout& rollout, Target& target, const ReportedAttempt& reported) {
  const bool is_same_nonce = target.granted_nonce && *target.granted_nonce == reported.nonce;
  switch (target.state) {
    case TargetState::Granted:
    case TargetState::Unknown:
      if (is_same_nonce) return;  // proves nothing, whatever its sequence
      KELPIE_REACHED("target.go-was-not-executed");
      if (is_over(rollout)) {
        release_lease(turn, target);
        return withdraw(turn, rollout, target, TargetState::Canceled);
      }
      break;
    case TargetState::Waiting:
    case TargetState::Preparing:
    case TargetState::Prepared:
    case TargetState::Deferred: break;
    case TargetState::Executing:
    case TargetState::Verifying:
    case TargetState::Soaking:
    case TargetState::Succeeded:
    case TargetState::Failed:
    case TargetState::Excluded:
    case TargetState::Superseded:
    case TargetState::Canceled: return;
  }
  set_state(turn, rollout, target, TargetState::Prepared);
  target.prepared_nonce = reported.nonce;
  target.prepared_at = turn.now - reported.prepared_ago;
  target.deadline = turn.now + rollout.policy.timeouts.prepare;
  touch(turn, TargetKey{rollout.id, target.device});
  grant_or_refresh(turn, rollout, target);
}

void take_running(Turn& turn, Rollout& rollout, Target& target, TargetState state) {
  if (is_terminal(target.state) && target.state != TargetState::Canceled) return;
  const Device& device = device_of(turn, target);
  const bool has_changed = target.state != state;
  if (state == TargetState::Soaking)
    release_lease(turn, target);
  else if (!device.lease)
    take_lease(turn, target);
  set_state(turn, rollout, target, state);
  if (has_changed) {
    const Timeouts& limits = rollout.policy.timeouts;
    const WallTime from = target.granted_at.unix_ms == 0 ? turn.now : target.granted_at;
    const Duration whole = limits.attempt + limits.verify + limits.report_grace;
    target.deadline = from + whole;
    // The device counts its own time with power: one that comes back late has all of it before itself.
    if (target.deadline <= turn.now) target.deadline = turn.now + whole;
    if (state == TargetState::Soaking)
      target.deadline = turn.now + rollout.waves[target.wave].plan.soak + limits.report_grace;
    touch_synced(turn, TargetKey{rollout.id, target.device});
    schedule(turn.state, target, target.deadline);
    note(turn, rollout, target, fmt::format("target.{}", to_string(state)), {}, {});
  }
}

}  // namespace

void take_report(Turn& turn, Rollout& rollout, Target& target, const ReportedAttempt& reported) {
  uncount(rollout, target);
  const ReportedAttempt before = std::exchange(target.reported, reported);
  // Why it failed is not forgotten because the device then says CANCELLED.
  if (target.state == TargetState::Failed && reported.reason.empty()) {
    target.reported.reason = before.reason;
    target.reported.detail = before.detail;
  }
  count(rollout, target);
  touch(turn, TargetKey{rollout.id, target.device});
  if (is_final(reported.state) && target.is_attempt_open) target.is_attempt_open = false;
  if (target.is_cancelling && (is_final(reported.state))) {
    target.is_cancelling = false;
    if (target.state == TargetState::Canceled || target.state == TargetState::Failed ||
        target.state == TargetState::Excluded || target.state == TargetState::Deferred) {
      if (reported.state == AttemptState::Cancelled) release_lease(turn, target);
      return leave_device(turn, rollout, target);
    }
  }
  if (is_terminal(target.state) && is_final(reported.state)) return;
  if (has_started(before) && before.id == reported.id && is_before_start(reported) && !is_terminal(target.state)) {
    roll_back(turn, rollout, target);
    settle_abort(turn, rollout);
    return evaluate(turn, rollout);
  }
  switch (reported.state) {
    case AttemptState::Preparing:
      if (target.state == TargetState::Waiting) set_state(turn, rollout, target, TargetState::Preparing);
      break;
    case AttemptState::Prepared: take_prepared(turn, rollout, target, reported); break;
    case AttemptState::Executing: take_running(turn, rollout, target, TargetState::Executing); break;
    case AttemptState::Verifying: take_running(turn, rollout, target, TargetState::Verifying); break;
    case AttemptState::Soaking: take_running(turn, rollout, target, TargetState::Soaking); break;
    case AttemptState::Succeeded: succeed(turn, rollout, target); break;
    case AttemptState::Failed: take_failure(turn, rollout, target, reported); break;
    case AttemptState::Refused:
      release_lease(turn, target);
      fail_target(turn, rollout, target, reported.refusal, reported.detail);
      break;
    case AttemptState::Cancelled:
      release_lease(turn, target);
      if (is_over(rollout)) {
        withdraw(turn, rollout, target, TargetState::Canceled);
        break;
      }
      set_waiting(turn, rollout, target, WaitReason::Wave, turn.now);
      wait_or_begin(turn, rollout, target);
      break;
  }
  settle_abort(turn, rollout);
  evaluate(turn, rollout);
}

void take_silence(Turn& turn, Rollout& rollout, Target& target, bool is_new_install) {
  if (!target.is_attempt_open) return;
  touch_synced(turn, TargetKey{rollout.id, target.device});
  if (is_new_install) {
    KELPIE_REACHED("target.reimaged");
    target.is_attempt_open = false;
    release_lease(turn, target);
    if (target.is_cancelling) {
      target.is_cancelling = false;
      return leave_device(turn, rollout, target);
    }
    if (is_terminal(target.state)) return;
    if (is_over(rollout))
      withdraw(turn, rollout, target, TargetState::Canceled);
    else
      set_waiting(turn, rollout, target, WaitReason::Wave, turn.now);
    settle_abort(turn, rollout);
    return evaluate(turn, rollout);
  }
  const bool has_started = is_in_flight(target.state) || target.state == TargetState::Unknown;
  if (has_started && target.state != TargetState::Granted) {
    KELPIE_REACHED("target.rolled-back-forgotten");
    target.is_attempt_open = false;
    fail_target(turn, rollout, target, "rolled_back",
                "the device no longer knows this attempt: an old card image was put back");
    settle_abort(turn, rollout);
    return evaluate(turn, rollout);
  }
  if (target.is_cancelling) {  // it never had it, or forgot: nothing is left to cancel
    target.is_cancelling = false;
    target.is_attempt_open = false;
    return leave_device(turn, rollout, target);
  }
  if (target.state == TargetState::Prepared) {
    set_state(turn, rollout, target, TargetState::Preparing);
    target.reported = {};
    target.deadline = turn.now + rollout.policy.timeouts.prepare;
  }
}

void take_restart(Turn& turn, Rollout& rollout, Target& target) {
  if (target.state != TargetState::Soaking) return;
  target.deadline = turn.now + rollout.waves[target.wave].plan.soak + rollout.policy.timeouts.report_grace;
  touch(turn, TargetKey{rollout.id, target.device});
  schedule(turn.state, target, target.deadline);
}

}  // namespace kelpie::hub
