#include <kelpie/v1/report.pb.h>

#include "hub/records/attempt.h"
#include "hub/records/fields.h"
#include "hub/records/records.h"

namespace kelpie::hub::records {
namespace {

constexpr std::string_view kRollout = "rollout record";
constexpr std::string_view kTarget = "target record";

void write_wave(const Wave& wave, store::v1::WaveRecord& out) {
  write_planned_wave(wave.plan, *out.mutable_plan());
  out.set_phase(write_enum(wave.phase));
  out.set_members(wave.counters.members);
  out.set_excluded(wave.counters.excluded);
  out.set_deferred(wave.counters.deferred);
  out.set_succeeded(wave.counters.succeeded);
  out.set_failed(wave.counters.failed);
  out.set_unknown(wave.counters.unknown);
  out.set_rest(wave.counters.rest);
  out.set_opened_ms(wave.opened_at.unix_ms);
  out.set_closed_ms(wave.closed_at.unix_ms);
}

Result<Wave> read_wave(const store::v1::WaveRecord& in) {
  Wave out;
  out.plan = read_planned_wave(in.plan());
  KELPIE_TRY(out.phase, read_enum(in.phase(), WavePhase::Skipped, kRollout));
  out.counters = {.members = in.members(),
                  .excluded = in.excluded(),
                  .deferred = in.deferred(),
                  .succeeded = in.succeeded(),
                  .failed = in.failed(),
                  .unknown = in.unknown(),
                  .rest = in.rest()};
  out.opened_at = {in.opened_ms()};
  out.closed_at = {in.closed_ms()};
  return out;
}

Result<std::optional<Nonce>> read_nonce(const std::string& bytes) {
  if (bytes.empty()) return std::optional<Nonce>();
  KELPIE_TRY(const Nonce nonce, read_bytes<Nonce>(bytes, kTarget));
  return std::optional<Nonce>(nonce);
}

}  // namespace

std::string write_rollout(const Rollout& rollout) {
  store::v1::RolloutRecord out;
  out.set_id(rollout.id.text());
  out.set_plan(rollout.plan.text());
  out.set_fleet(rollout.fleet);
  out.set_release(rollout.release.bytes());
  out.set_scope(rollout.scope);
  write_policy(rollout.policy, *out.mutable_policy());
  out.set_verb(rollout.verb);
  out.set_plan_hash(rollout.plan_hash.bytes());
  out.set_plan_frame(rollout.plan_frame);
  out.set_phase(write_enum(rollout.phase));
  out.set_phase_reason(rollout.phase_reason);
  out.set_phase_detail(rollout.phase_detail);
  for (const Wave& wave : rollout.waves) write_wave(wave, *out.add_waves());
  out.set_open_wave(rollout.open_wave);
  out.set_catch_up_left(rollout.catch_up_left);
  out.set_started_ms(rollout.started_at.unix_ms);
  out.set_started_by(rollout.started_by);
  out.set_signed_by(rollout.signed_by);
  out.set_reason(rollout.reason);
  out.set_ended_ms(rollout.ended_at.unix_ms);
  out.set_deadline_ms(rollout.deadline.unix_ms);
  out.set_revision(rollout.revision);
  return out.SerializeAsString();
}

Result<Rollout> read_rollout(std::string_view bytes) {
  KELPIE_TRY(const auto in, parse<store::v1::RolloutRecord>(bytes, kRollout));
  Rollout out;
  KELPIE_TRY(out.id, read_ulid(in.id(), kRollout));
  KELPIE_TRY(out.plan, read_ulid(in.plan(), kRollout));
  out.fleet = in.fleet();
  KELPIE_TRY(out.release, read_bytes<Digest>(in.release(), kRollout));
  out.scope = in.scope();
  KELPIE_TRY(out.policy, read_policy(in.policy()));
  out.verb = in.verb();
  KELPIE_TRY(out.plan_hash, read_bytes<Digest>(in.plan_hash(), kRollout));
  out.plan_frame = in.plan_frame();
  KELPIE_TRY(out.phase, read_enum(in.phase(), RolloutPhase::Succeeded, kRollout));
  out.phase_reason = in.phase_reason();
  out.phase_detail = in.phase_detail();
  for (const store::v1::WaveRecord& row : in.waves()) {
    KELPIE_TRY(Wave wave, read_wave(row));
    out.waves.push_back(std::move(wave));
  }
  out.open_wave = in.open_wave();
  out.catch_up_left = in.catch_up_left();
  out.started_at = {in.started_ms()};
  out.started_by = in.started_by();
  out.signed_by = in.signed_by();
  out.reason = in.reason();
  out.ended_at = {in.ended_ms()};
  out.deadline = {in.deadline_ms()};
  out.revision = in.revision();
  return out;
}

std::string write_target(const Target& target) {
  store::v1::TargetRecord out;
  out.set_rollout(target.rollout.text());
  out.set_device(target.device.bytes());
  out.set_wave(target.wave);
  out.set_generation(target.generation);
  out.set_leaf_index(target.leaf_index);
  out.set_state(write_enum(target.state));
  out.set_reason(write_enum(target.reason));
  out.set_conflict(target.conflict);
  out.set_wake_ms(target.wake_at.unix_ms);
  out.set_since_ms(target.since.unix_ms);
  out.set_deadline_ms(target.deadline.unix_ms);
  out.set_attempt(target.attempt);
  out.set_is_attempt_open(target.is_attempt_open);
  out.set_transient_failures(target.transient_failures);
  out.set_is_cancelling(target.is_cancelling);
  out.set_is_catch_up(target.is_catch_up);
  if (target.prepared_nonce) out.set_prepared_nonce(target.prepared_nonce->bytes());
  out.set_prepared_ms(target.prepared_at.unix_ms);
  if (target.granted_nonce) out.set_granted_nonce(target.granted_nonce->bytes());
  out.set_granted_ms(target.granted_at.unix_ms);
  out.set_sends(target.sends);
  if (target.reported.id.n != 0) write_attempt(target.reported, *out.mutable_reported());
  return out.SerializeAsString();
}

Result<Target> read_target(std::string_view bytes) {
  KELPIE_TRY(const auto in, parse<store::v1::TargetRecord>(bytes, kTarget));
  Target out;
  KELPIE_TRY(out.rollout, read_ulid(in.rollout(), kTarget));
  KELPIE_TRY(out.device, read_bytes<DeviceId>(in.device(), kTarget));
  out.wave = in.wave();
  out.generation = in.generation();
  out.leaf_index = in.leaf_index();
  KELPIE_TRY(out.state, read_enum(in.state(), TargetState::Deferred, kTarget));
  KELPIE_TRY(out.reason, read_enum(in.reason(), WaitReason::PrepareCapacity, kTarget));
  out.conflict = in.conflict();
  out.wake_at = {in.wake_ms()};
  out.since = {in.since_ms()};
  out.deadline = {in.deadline_ms()};
  out.attempt = in.attempt();
  out.is_attempt_open = in.is_attempt_open();
  out.transient_failures = in.transient_failures();
  out.is_cancelling = in.is_cancelling();
  out.is_catch_up = in.is_catch_up();
  KELPIE_TRY(out.prepared_nonce, read_nonce(in.prepared_nonce()));
  out.prepared_at = {in.prepared_ms()};
  KELPIE_TRY(out.granted_nonce, read_nonce(in.granted_nonce()));
  out.granted_at = {in.granted_ms()};
  out.sends = in.sends();
  if (in.has_reported()) {
    KELPIE_TRY(out.reported, read_attempt(in.reported()));
  }
  return out;
}

}  // namespace kelpie::hub::records
