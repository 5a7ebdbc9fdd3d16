#include "hub/core/rollout/target_parts.h"

#include <algorithm>

#include <fmt/core.h>

#include "hub/core/rollout/wave.h"

namespace kelpie::hub {

Duration repeat_after(Duration first, std::uint32_t sends) {
  Duration wait = first;
  for (std::uint32_t i = 1; i < sends && wait < kRepeatMax; ++i) wait *= 2;
  return std::min(wait, kRepeatMax);
}

Device& device_of(Turn& turn, const Target& target) {
  return turn.state.devices.at(target.device);
}
bool is_online(Turn& turn, const Target& target) {
  return device_of(turn, target).connection == Connection::Online;
}

bool is_in_flight(TargetState state) {
  return state == TargetState::Granted || state == TargetState::Executing || state == TargetState::Verifying ||
         state == TargetState::Soaking;
}

bool is_over(const Rollout& rollout) {
  return rollout.phase != RolloutPhase::Running && rollout.phase != RolloutPhase::Paused;
}

void set_state(Turn& turn, Rollout& rollout, Target& target, TargetState state) {
  if (target.state == state) return;
  uncount(rollout, target);
  const bool was_catch_up = target.is_catch_up && !is_terminal(target.state);
  target.state = state;
  target.since = turn.now;
  target.sends = 0;
  if (state != TargetState::Waiting) target.reason = WaitReason::None;
  count(rollout, target);
  // None is left once the rollout's deadline gave up waiting for them.
  if (was_catch_up && is_terminal(state) && rollout.catch_up_left > 0) --rollout.catch_up_left;
  touch(turn, TargetKey{rollout.id, target.device});
  touch(turn, RolloutKey{rollout.id});
  Device& device = device_of(turn, target);
  if (!device.rollout || *device.rollout == rollout.id) {  // another one that waits for it says nothing about it
    device.is_updating = state == TargetState::Granted || state == TargetState::Executing ||
                         state == TargetState::Verifying || state == TargetState::Soaking ||
                         state == TargetState::Unknown;
  }
  touch(turn, DeviceKey{device.id});
  recount(turn.state, device.id);
}

void set_waiting(Turn& turn, Rollout& rollout, Target& target, WaitReason reason, WallTime wake_at) {
  set_state(turn, rollout, target, TargetState::Waiting);
  if (target.reason != reason) {
    target.reason = reason;
    target.since = turn.now;
    touch(turn, TargetKey{rollout.id, target.device});
  }
  schedule(turn.state, target, wake_at);
}

void note(Turn& turn, const Rollout& rollout, const Target& target, std::string type, std::string reason,
          std::string message) {
  const std::string& name = turn.state.devices.at(target.device).name;
  feed(turn, {.type = std::move(type),
              .object = "device/" + name,
              .reason = std::move(reason),
              .message = std::move(message),
              .rollout = rollout.id.text(),
              .device = name});
}

void release_lease(Turn& turn, Target& target) {
  Device& device = device_of(turn, target);
  if (!device.lease || device.lease->rollout != target.rollout) return;
  device.lease.reset();
  touch_synced(turn, DeviceKey{device.id});
}

void take_lease(Turn& turn, Target& target) {
  Device& device = device_of(turn, target);
  device.lease = attempt_of(target);
  touch_synced(turn, DeviceKey{device.id});
}

void send_prepare(Turn& turn, Target& target) {
  if (!is_online(turn, target)) return;
  turn.effects.messages.emplace_back(SendPrepare{attempt_of(target)});
  ++target.sends;
  touch(turn, TargetKey{target.rollout, target.device});
}

void send_go(Turn& turn, const Rollout& rollout, Target& target) {
  if (!is_online(turn, target)) return;
  const auto seconds = [](Duration d) {
    return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(d).count());
  };
  turn.effects.messages.emplace_back(SendGo{.attempt = attempt_of(target),
                                            .nonce = *target.granted_nonce,
                                            .soak_s = seconds(rollout.waves[target.wave].plan.soak),
                                            .step_limit_s = seconds(rollout.policy.timeouts.step),
                                            .attempt_limit_s = seconds(rollout.policy.timeouts.attempt),
                                            .verify_limit_s = seconds(rollout.policy.timeouts.verify)});
  ++target.sends;
  touch(turn, TargetKey{target.rollout, target.device});
}

void send_cancel(Turn& turn, const Rollout& rollout, Target& target) {
  if (!is_online(turn, target)) return;
  turn.effects.messages.emplace_back(SendCancel{attempt_of(target), attempt_hash_of(rollout, target)});
  ++target.sends;
}

// The lease and the permission in one commit; the GO leaves after it (protocol section 3).
void grant(Turn& turn, Rollout& rollout, Target& target) {
  target.granted_nonce = target.prepared_nonce;
  set_state(turn, rollout, target, TargetState::Granted);
  target.granted_at = turn.now;
  target.deadline = turn.now + rollout.policy.timeouts.grant;
  take_lease(turn, target);
  touch_synced(turn, TargetKey{rollout.id, target.device});
  audit(turn, {.action = "target.granted",
               .object = to_string(attempt_of(target)),
               .reason = {},
               .plan_hash = rollout.plan_hash.hex(),
               .frame_hash = {}});
  note(turn, rollout, target, "target.granted", {}, fmt::format("attempt {}", target.attempt));
  send_go(turn, rollout, target);
  schedule(turn.state, target, turn.now + repeat_after(kGoRepeat, target.sends));
}

void fail_target(Turn& turn, Rollout& rollout, Target& target, const std::string& reason, const std::string& detail) {
  Device& device = device_of(turn, target);
  device.failure_reason = reason;
  device.failure_detail = detail;
  device.failed_attempt = attempt_of(target);
  uncount(rollout, target);
  if (target.reported.id.n == 0) target.reported.id = attempt_of(target);  // it never said anything
  target.reported.reason = reason;
  target.reported.detail = detail;
  count(rollout, target);
  set_state(turn, rollout, target, TargetState::Failed);
  touch_synced(turn, TargetKey{rollout.id, target.device});
  touch_synced(turn, DeviceKey{device.id});
  audit(turn, {.action = "target.failed",
               .object = to_string(attempt_of(target)),
               .reason = reason,
               .plan_hash = rollout.plan_hash.hex(),
               .frame_hash = {}});
  note(turn, rollout, target, "target.failed", reason, detail);
  leave_device(turn, rollout, target);
}

}  // namespace kelpie::hub
