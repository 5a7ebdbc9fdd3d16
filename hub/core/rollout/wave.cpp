#include "hub/core/rollout/wave.h"

#include <algorithm>

#include <fmt/core.h>

#include "hub/core/rollout/plan.h"
#include "hub/core/rollout/target.h"
#include "proto/base/reached.h"

namespace kelpie::hub {
namespace {

std::uint32_t& letter(WaveCounters& counters, const Target& target) {
  // A deferred target that is served beside later waves stays in D until it ends.
  if (target.is_catch_up && !is_terminal(target.state)) return counters.deferred;
  switch (target.state) {
    case TargetState::Waiting:
    case TargetState::Preparing:
    case TargetState::Prepared:
    case TargetState::Granted:
    case TargetState::Executing:
    case TargetState::Verifying:
    case TargetState::Soaking: return counters.rest;
    case TargetState::Unknown: return counters.unknown;
    case TargetState::Succeeded: return counters.succeeded;
    case TargetState::Failed: return counters.failed;
    case TargetState::Excluded:
    case TargetState::Superseded:
    case TargetState::Canceled: return counters.excluded;
    case TargetState::Deferred: return counters.deferred;
  }
  return counters.rest;
}

/// Null for a target that does not move.
std::uint32_t* move_of(Rollout& rollout, const Target& target) {
  WaveMoves& moves = rollout.waves[target.wave].moves;
  switch (target.state) {
    case TargetState::Granted:
    case TargetState::Executing:
    case TargetState::Verifying:
    case TargetState::Soaking: return &moves.in_flight;
    case TargetState::Waiting:
    case TargetState::Preparing:
    case TargetState::Prepared: return &moves.waiting;
    case TargetState::Unknown:
    case TargetState::Succeeded:
    case TargetState::Failed:
    case TargetState::Excluded:
    case TargetState::Superseded:
    case TargetState::Canceled:
    case TargetState::Deferred: return nullptr;
  }
  return nullptr;
}

void keep(Rollout& rollout, const Target& target) {
  if (std::uint32_t* const move = move_of(rollout, target)) ++*move;
  if (target.state == TargetState::Failed) rollout.failed[target.reported.reason].insert(target.device);
}

std::uint32_t effective_members(const Wave& wave) {
  return wave.counters.members - wave.counters.excluded;
}

void fail_wave(Turn& turn, Rollout& rollout, Wave& wave, const std::string& reason, const std::string& detail) {
  wave.phase = WavePhase::Failed;
  wave.closed_at = turn.now;
  feed(turn, {.type = "wave.failed",
              .object = "rollout/" + rollout.id.text(),
              .reason = reason,
              .message = fmt::format("wave {}: {}", wave.plan.name, detail),
              .rollout = rollout.id.text(),
              .device = {}});
  const bool is_abort = rollout.policy.on_fail == OnFail::Abort && reason != "threshold_tightened";
  if (is_abort)
    abort_rollout(turn, rollout, reason, detail);
  else
    pause_rollout(turn, rollout, reason, detail);
}

void finish(Turn& turn, Rollout& rollout) {
  rollout.phase = RolloutPhase::Succeeded;
  rollout.ended_at = turn.now;
  std::uint32_t deferred = 0;
  for (const Wave& wave : rollout.waves) deferred += wave.counters.deferred;
  rollout.phase_reason = deferred > 0 ? "deferred" : "";
  rollout.phase_detail = deferred > 0 ? fmt::format("{} devices were not reached before the deadline", deferred) : "";
  audit(turn, {.action = "rollout.succeeded",
               .object = "rollout/" + rollout.id.text(),
               .reason = rollout.phase_detail,
               .plan_hash = rollout.plan_hash.hex(),
               .frame_hash = {}});
  feed(turn, {.type = "rollout.succeeded",
              .object = "rollout/" + rollout.id.text(),
              .reason = rollout.phase_reason,
              .message = rollout.phase_detail,
              .rollout = rollout.id.text(),
              .device = {}});
  touch_synced(turn, RolloutKey{rollout.id});
}

}  // namespace

WaveVerdict judge(const Wave& wave) {
  const WaveCounters& counters = wave.counters;
  const std::uint32_t members = effective_members(wave);
  const std::uint32_t bad = counters.failed + counters.unknown;
  const std::uint32_t failures = std::min(wave.plan.failures_max, failures_max(members, wave.plan.failure_bp));
  if (bad > failures) return bad > wave.plan.failures_max ? WaveVerdict::FailureLimit : WaveVerdict::ThresholdTightened;
  const std::uint32_t successes = std::max(1U, std::min(wave.plan.successes_min, members));
  if (counters.succeeded + counters.rest < successes) return WaveVerdict::NoEvidence;
  const bool is_done = counters.rest == 0 && counters.deferred <= deferred_max(members, wave.plan.deferred_bp);
  return is_done ? WaveVerdict::Passed : WaveVerdict::Undecided;
}

bool may_defer(const Wave& wave) {
  return wave.counters.deferred < deferred_max(effective_members(wave), wave.plan.deferred_bp);
}

void uncount(Rollout& rollout, const Target& target) {
  std::uint32_t& number = letter(rollout.waves[target.wave].counters, target);
  KELPIE_ASSERT(number > 0);
  --number;
  if (std::uint32_t* const move = move_of(rollout, target)) --*move;
  if (target.state != TargetState::Failed) return;
  const auto reason = rollout.failed.find(target.reported.reason);
  KELPIE_ASSERT(reason != rollout.failed.end());
  reason->second.erase(target.device);
  if (reason->second.empty()) rollout.failed.erase(reason);
}

void count(Rollout& rollout, const Target& target) {
  ++letter(rollout.waves[target.wave].counters, target);
  keep(rollout, target);
}

void recount_moves(Rollout& rollout) {
  for (const auto& [id, target] : rollout.targets) keep(rollout, target);
}

WaveMoves moves_of(const Rollout& rollout) {
  WaveMoves out;
  for (const Wave& wave : rollout.waves) {
    out.in_flight += wave.moves.in_flight;
    out.waiting += wave.moves.waiting;
  }
  return out;
}

WaveCounters fold(const Rollout& rollout, std::uint32_t wave) {
  WaveCounters counters;
  for (const auto& [id, target] : rollout.targets) {
    if (target.wave != wave) continue;
    ++counters.members;
    ++letter(counters, target);
  }
  return counters;
}

void open_next_wave(Turn& turn, Rollout& rollout) {
  if (rollout.phase != RolloutPhase::Running) return;
  while (rollout.open_wave < rollout.waves.size()) {
    Wave& wave = rollout.waves[rollout.open_wave];
    if (wave.phase == WavePhase::Open || wave.phase == WavePhase::Failed) return;
    if (wave.phase == WavePhase::Pending) {
      wave.opened_at = turn.now;
      if (wave.counters.members == 0) {
        wave.phase = WavePhase::Skipped;
      } else {
        wave.phase = WavePhase::Open;
        touch_synced(turn, RolloutKey{rollout.id});
        feed(turn, {.type = "wave.opened",
                    .object = "rollout/" + rollout.id.text(),
                    .reason = {},
                    .message = fmt::format("wave {}: {} devices", wave.plan.name, wave.counters.members),
                    .rollout = rollout.id.text(),
                    .device = {}});
        turn.state.due.insert(
            {wave.opened_at + rollout.policy.timeouts.wave, DueKey::Kind::Rollout, rollout.id.text()});
        for (const DeviceId& device : wave.plan.devices) {
          Target& target = rollout.targets.at(device);
          if (!is_terminal(target.state)) move_on(turn, rollout, target);
        }
        return evaluate(turn, rollout);  // all of them may have been superseded
      }
    }
    ++rollout.open_wave;
  }
  if (rollout.catch_up_left == 0) finish(turn, rollout);
}

void evaluate(Turn& turn, Rollout& rollout) {
  if (rollout.phase != RolloutPhase::Running) return;
  if (rollout.open_wave >= rollout.waves.size()) {
    if (rollout.catch_up_left == 0) finish(turn, rollout);
    return;
  }
  Wave& wave = rollout.waves[rollout.open_wave];
  if (wave.phase != WavePhase::Open) return;
  const std::uint32_t bad = wave.counters.failed + wave.counters.unknown;
  switch (judge(wave)) {
    case WaveVerdict::Undecided: return;
    case WaveVerdict::FailureLimit:
      fail_wave(
          turn, rollout, wave, "failure_limit",
          fmt::format("{} of {} devices failed, at most {} may", bad, wave.counters.members, wave.plan.failures_max));
      return;
    case WaveVerdict::ThresholdTightened:
      KELPIE_REACHED("wave.threshold-tightened");
      fail_wave(turn, rollout, wave, "threshold_tightened",
                fmt::format("{} devices left the wave, so {} failures are too many", wave.counters.excluded, bad));
      return;
    case WaveVerdict::NoEvidence:
      KELPIE_REACHED("wave.no-evidence");
      fail_wave(turn, rollout, wave, "no_evidence",
                fmt::format("{} of {} devices can still succeed, {} must", wave.counters.succeeded + wave.counters.rest,
                            wave.counters.members, wave.plan.successes_min));
      return;
    case WaveVerdict::Passed:
      wave.phase = WavePhase::Passed;
      wave.closed_at = turn.now;
      feed(turn, {.type = "wave.passed",
                  .object = "rollout/" + rollout.id.text(),
                  .reason = {},
                  .message = fmt::format("wave {}: {} succeeded", wave.plan.name, wave.counters.succeeded),
                  .rollout = rollout.id.text(),
                  .device = {}});
      touch_synced(turn, RolloutKey{rollout.id});
      ++rollout.open_wave;
      open_next_wave(turn, rollout);
      return;
  }
}

}  // namespace kelpie::hub
