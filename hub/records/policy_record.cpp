#include "hub/records/fields.h"

namespace kelpie::hub::records {

Result<Policy> read_policy(const store::v1::PolicyRecord& in) {
  Policy out;
  for (const store::v1::WaveSpecRecord& row : in.waves()) {
    WaveSpec& wave = out.waves.emplace_back();
    wave.name = row.name();
    wave.size = row.size();
    wave.up_to_bp = row.up_to_bp();
    if (row.has_soak_ms()) wave.soak = Duration(row.soak_ms());
    if (row.has_failure_bp()) wave.failure_bp = row.failure_bp();
    if (row.has_deferred_bp()) wave.deferred_bp = row.deferred_bp();
    if (row.has_min_successes()) wave.min_successes = row.min_successes();
  }
  out.thresholds = {
      .failure_bp = in.failure_bp(), .deferred_bp = in.deferred_bp(), .min_successes = in.min_successes()};
  KELPIE_TRY(out.on_fail, read_enum(in.on_fail(), OnFail::Abort, "policy"));
  KELPIE_TRY(out.drift, read_enum(in.drift(), DriftRule::Ignore, "policy"));
  out.timeouts = {.prepare = Duration(in.prepare_ms()),
                  .grant = Duration(in.grant_ms()),
                  .step = Duration(in.step_ms()),
                  .attempt = Duration(in.attempt_ms()),
                  .verify = Duration(in.verify_ms()),
                  .report_grace = Duration(in.report_grace_ms()),
                  .offline_grace = Duration(in.offline_grace_ms()),
                  .wave = Duration(in.wave_ms()),
                  .rollout = Duration(in.rollout_ms())};
  out.retry.transient = in.transient();
  out.retry.backoff.clear();
  for (const std::int64_t ms : in.backoff_ms()) out.retry.backoff.emplace_back(ms);
  return out;
}

void write_policy(const Policy& policy, store::v1::PolicyRecord& out) {
  for (const WaveSpec& wave : policy.waves) {
    store::v1::WaveSpecRecord& row = *out.add_waves();
    row.set_name(wave.name);
    row.set_size(wave.size);
    row.set_up_to_bp(wave.up_to_bp);
    if (wave.soak) row.set_soak_ms(wave.soak->count());
    if (wave.failure_bp) row.set_failure_bp(*wave.failure_bp);
    if (wave.deferred_bp) row.set_deferred_bp(*wave.deferred_bp);
    if (wave.min_successes) row.set_min_successes(*wave.min_successes);
  }
  out.set_failure_bp(policy.thresholds.failure_bp);
  out.set_deferred_bp(policy.thresholds.deferred_bp);
  out.set_min_successes(policy.thresholds.min_successes);
  out.set_on_fail(write_enum(policy.on_fail));
  out.set_prepare_ms(policy.timeouts.prepare.count());
  out.set_grant_ms(policy.timeouts.grant.count());
  out.set_step_ms(policy.timeouts.step.count());
  out.set_attempt_ms(policy.timeouts.attempt.count());
  out.set_verify_ms(policy.timeouts.verify.count());
  out.set_report_grace_ms(policy.timeouts.report_grace.count());
  out.set_offline_grace_ms(policy.timeouts.offline_grace.count());
  out.set_wave_ms(policy.timeouts.wave.count());
  out.set_rollout_ms(policy.timeouts.rollout.count());
  out.set_drift(write_enum(policy.drift));
  out.set_transient(policy.retry.transient);
  for (const Duration wait : policy.retry.backoff) out.add_backoff_ms(wait.count());
}

PlannedWave read_planned_wave(const store::v1::PlannedWaveRecord& in) {
  return {.name = in.name(),
          .devices = {},
          .failures_max = in.failures_max(),
          .deferred_max = in.deferred_max(),
          .successes_min = in.successes_min(),
          .failure_bp = in.failure_bp(),
          .deferred_bp = in.deferred_bp(),
          .soak = Duration(in.soak_ms())};
}

void write_planned_wave(const PlannedWave& wave, store::v1::PlannedWaveRecord& out) {
  out.set_name(wave.name);
  out.set_failures_max(wave.failures_max);
  out.set_deferred_max(wave.deferred_max);
  out.set_successes_min(wave.successes_min);
  out.set_failure_bp(wave.failure_bp);
  out.set_deferred_bp(wave.deferred_bp);
  out.set_soak_ms(wave.soak.count());
}

}  // namespace kelpie::hub::records
