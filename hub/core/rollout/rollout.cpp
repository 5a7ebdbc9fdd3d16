// A rollout as a whole: pause, resume, abort, retry (R15), and what its own deadlines do.
#include "hub/core/rollout/change.h"

#include <fmt/core.h>

#include "hub/core/rollout/target.h"
#include "hub/core/rollout/wave.h"

namespace kelpie::hub {
namespace {

void announce(Turn& turn, const Rollout& rollout, std::string type) {
  audit(turn, {.action = type,
               .object = "rollout/" + rollout.id.text(),
               .reason = rollout.phase_reason,
               .plan_hash = rollout.plan_hash.hex(),
               .frame_hash = {}});
  feed(turn, {.type = std::move(type),
              .object = "rollout/" + rollout.id.text(),
              .reason = rollout.phase_reason,
              .message = rollout.phase_detail,
              .rollout = rollout.id.text(),
              .device = {}});
  touch_synced(turn, RolloutKey{rollout.id});
}

void set_phase(Turn& turn, Rollout& rollout, RolloutPhase phase, std::string reason, std::string detail) {
  rollout.phase = phase;
  rollout.phase_reason = std::move(reason);
  rollout.phase_detail = std::move(detail);
  ++rollout.revision;
  announce(turn, rollout, fmt::format("rollout.{}", to_string(phase)));
}

tl::unexpected<Error> wrong_phase(const Rollout& rollout, std::string_view verb) {
  return fail(
      {.code = Code::FailedPrecondition,
       .message = fmt::format("cannot {} rollout {}: it is {}", verb, rollout.id.text(), to_string(rollout.phase)),
       .reason = "ROLLOUT_PHASE",
       .hint = fmt::format("kelpie rollout status {}", rollout.id.text())});
}

/// Nobody watches the deadlines of a paused rollout. One that ran out meanwhile begins again: resuming is the answer
/// to it, and without one nobody would ever say what a wave still waits for.
void watch_deadlines(Turn& turn, Rollout& rollout) {
  if (turn.now >= rollout.deadline) rollout.deadline = turn.now + rollout.policy.timeouts.rollout;
  turn.state.due.insert({rollout.deadline, DueKey::Kind::Rollout, rollout.id.text()});
  if (rollout.open_wave >= rollout.waves.size()) return;
  Wave& wave = rollout.waves[rollout.open_wave];
  if (wave.phase != WavePhase::Open) return;
  if (turn.now >= wave.opened_at + rollout.policy.timeouts.wave) wave.opened_at = turn.now;
  turn.state.due.insert({wave.opened_at + rollout.policy.timeouts.wave, DueKey::Kind::Rollout, rollout.id.text()});
}

void run_again(Turn& turn, Rollout& rollout) {
  set_phase(turn, rollout, RolloutPhase::Running, {}, {});
  if (rollout.open_wave < rollout.waves.size()) {
    Wave& wave = rollout.waves[rollout.open_wave];
    if (wave.phase == WavePhase::Failed) wave.phase = WavePhase::Open;
  }
  watch_deadlines(turn, rollout);
  for (auto& [id, target] : rollout.targets) {
    if (!is_terminal(target.state)) move_on(turn, rollout, target);
  }
  open_next_wave(turn, rollout);
  evaluate(turn, rollout);
}

Result<void> check_resume(const Rollout& rollout) {
  if (rollout.phase != RolloutPhase::Paused) return wrong_phase(rollout, "resume");
  if (rollout.open_wave >= rollout.waves.size()) return {};
  const Wave& wave = rollout.waves[rollout.open_wave];
  const WaveVerdict verdict = judge(wave);
  if (verdict == WaveVerdict::Undecided || verdict == WaveVerdict::Passed) return {};
  return fail(
      {.code = Code::FailedPrecondition,
       .message = fmt::format(
           "cannot resume rollout {}: wave {} still has {} failed and {} unknown devices, at most {} may fail",
           rollout.id.text(), wave.plan.name, wave.counters.failed, wave.counters.unknown, wave.plan.failures_max),
       .reason = "FAILURE_LIMIT",
       .hint = fmt::format("kelpie rollout retry {0}   or   kelpie rollout abort {0}", rollout.id.text())});
}

/// The failed device of that name. Errors: FailedPrecondition.
Result<DeviceId> failed_device(const HubState& state, const Rollout& rollout, const std::string& name) {
  const auto refuse = [&](const std::string& why) {
    return fail({.code = Code::FailedPrecondition,
                 .message = why,
                 .reason = "TARGET_STATE",
                 .hint = fmt::format("kelpie rollout status {}", rollout.id.text())});
  };
  const auto device = state.device_names.find(name);
  const auto target = device == state.device_names.end() ? rollout.targets.end() : rollout.targets.find(device->second);
  if (target == rollout.targets.end() || target->second.state != TargetState::Failed) {
    return refuse(fmt::format("\"{}\" is no failed device of rollout {}", name, rollout.id.text()));
  }
  if (is_superseded(state, rollout, target->second)) {
    return refuse(fmt::format("a later rollout than {} has begun on {}", rollout.id.text(), name));
  }
  return device->second;
}

/// All that failed and can be tried again. One that a later rollout has taken would only leave its wave, which would
/// then have one failure less.
Result<std::vector<DeviceId>> retried(const HubState& state, const Rollout& rollout, const ChangeRollout& change) {
  if (is_terminal(rollout.phase) || rollout.phase == RolloutPhase::Aborting) return wrong_phase(rollout, "retry");
  std::vector<DeviceId> ids;
  for (const std::string& name : change.devices) {
    KELPIE_TRY(const DeviceId id, failed_device(state, rollout, name));
    ids.push_back(id);
  }
  if (change.devices.empty()) {
    for (const auto& [id, target] : rollout.targets) {
      if (target.state == TargetState::Failed && !is_superseded(state, rollout, target)) ids.push_back(id);
    }
  }
  std::erase_if(ids, [&](const DeviceId& id) {
    return rollout.targets.at(id).is_attempt_open || !state.devices.contains(id);  // decommissioned since
  });
  if (ids.empty()) {
    return fail(
        {.code = Code::FailedPrecondition,
         .message = fmt::format("rollout {} has no failed device whose attempt is closed and that no later "
                                "rollout has taken",
                                rollout.id.text()),
         .reason = "NOTHING_TO_RETRY",
         .hint = fmt::format("kelpie rollout status {0}; kelpie rollout abort {0} ends it", rollout.id.text())});
  }
  return ids;
}

void retry(Turn& turn, Rollout& rollout, const std::vector<DeviceId>& ids) {
  for (const DeviceId& id : ids) again(turn, rollout, rollout.targets.at(id));
  audit(turn, {.action = "rollout.retry",
               .object = "rollout/" + rollout.id.text(),
               .reason = fmt::format("{} devices", ids.size()),
               .plan_hash = rollout.plan_hash.hex(),
               .frame_hash = {}});
  feed(turn, {.type = "rollout.retry",
              .object = "rollout/" + rollout.id.text(),
              .reason = {},
              .message = fmt::format("{} devices are tried again", ids.size()),
              .rollout = rollout.id.text(),
              .device = {}});
  const bool was_stopped_by_failures =
      rollout.phase == RolloutPhase::Paused &&
      (rollout.phase_reason == "failure_limit" || rollout.phase_reason == "no_evidence");
  if (was_stopped_by_failures && check_resume(rollout)) return run_again(turn, rollout);
  for (const DeviceId& id : ids) move_on(turn, rollout, rollout.targets.at(id));
  evaluate(turn, rollout);
}

}  // namespace

void pause_rollout(Turn& turn, Rollout& rollout, std::string reason, std::string detail) {
  set_phase(turn, rollout, RolloutPhase::Paused, std::move(reason), std::move(detail));
  for (auto& [id, target] : rollout.targets) {
    if (target.state == TargetState::Waiting) move_on(turn, rollout, target);  // says why it waits now
  }
}

void abort_rollout(Turn& turn, Rollout& rollout, std::string reason, std::string detail) {
  set_phase(turn, rollout, RolloutPhase::Aborting, std::move(reason), std::move(detail));
  for (auto& [id, target] : rollout.targets) {
    const bool is_before_go = target.state == TargetState::Waiting || target.state == TargetState::Preparing ||
                              target.state == TargetState::Prepared || target.state == TargetState::Deferred;
    if (is_before_go) withdraw(turn, rollout, target, TargetState::Canceled);
    // Its GO may still be on the way: whichever of the two comes first decides, and the device says which.
    if (target.state == TargetState::Granted || target.state == TargetState::Unknown) move_on(turn, rollout, target);
  }
  settle_abort(turn, rollout);
}

void settle_abort(Turn& turn, Rollout& rollout) {
  if (rollout.phase != RolloutPhase::Aborting) return;
  const WaveMoves moves = moves_of(rollout);
  if (moves.in_flight + moves.waiting > 0) return;
  rollout.ended_at = turn.now;
  set_phase(turn, rollout, RolloutPhase::Aborted, rollout.phase_reason, rollout.phase_detail);
}

Result<void> change_rollout(Turn& turn, const ChangeRollout& change, bool is_dry_run) {
  const auto at = turn.state.rollouts.find(change.rollout);
  if (at == turn.state.rollouts.end()) {
    return fail({.code = Code::NotFound,
                 .message = fmt::format("there is no rollout {}", change.rollout.text()),
                 .reason = "ROLLOUT_UNKNOWN",
                 .hint = "kelpie rollout list"});
  }
  Rollout& rollout = at->second;
  switch (change.verb) {
    case RolloutVerb::Pause:
      if (rollout.phase != RolloutPhase::Running) return wrong_phase(rollout, "pause");
      if (!is_dry_run)
        pause_rollout(turn, rollout, "operator",
                      fmt::format("paused by {}{}{}", turn.actor, change.reason.empty() ? "" : ": ", change.reason));
      return {};
    case RolloutVerb::Resume:
      KELPIE_TRY(check_resume(rollout));
      if (!is_dry_run) run_again(turn, rollout);
      return {};
    case RolloutVerb::Abort:
      if (is_terminal(rollout.phase) || rollout.phase == RolloutPhase::Aborting) return wrong_phase(rollout, "abort");
      if (!is_dry_run)
        abort_rollout(turn, rollout, "operator",
                      fmt::format("aborted by {}{}{}", turn.actor, change.reason.empty() ? "" : ": ", change.reason));
      return {};
    case RolloutVerb::Retry: {
      KELPIE_TRY(const std::vector<DeviceId> ids, retried(turn.state, rollout, change));
      if (!is_dry_run) retry(turn, rollout, ids);
      return {};
    }
  }
  return {};
}

/// What is left is reported by name as deferred.
void give_up_catching_up(Turn& turn, Rollout& rollout) {
  rollout.catch_up_left = 0;
  evaluate(turn, rollout);
  for (auto& [id, target] : rollout.targets) {
    if (target.is_catch_up) leave_deferred(turn, rollout, target);
  }
}

void wake_rollout(Turn& turn, Rollout& rollout) {
  if (rollout.phase != RolloutPhase::Running) return;
  if (turn.now >= rollout.deadline) {
    const bool are_waves_done = rollout.open_wave >= rollout.waves.size();
    if (!are_waves_done)
      return pause_rollout(turn, rollout, "deadline",
                           fmt::format("not finished within {}", kelpie::to_string(rollout.policy.timeouts.rollout)));
    return give_up_catching_up(turn, rollout);
  }
  if (rollout.open_wave >= rollout.waves.size()) return;
  const Wave& wave = rollout.waves[rollout.open_wave];
  if (wave.phase == WavePhase::Open && turn.now >= wave.opened_at + rollout.policy.timeouts.wave) {
    pause_rollout(turn, rollout, "wave_deadline",
                  fmt::format("wave {} did not finish within {}", wave.plan.name,
                              kelpie::to_string(rollout.policy.timeouts.wave)));
  }
}

}  // namespace kelpie::hub
