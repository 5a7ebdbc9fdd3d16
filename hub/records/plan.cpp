#include "hub/records/fields.h"
#include "hub/records/records.h"

namespace kelpie::hub::records {
namespace {

constexpr std::string_view kWhat = "plan record";

}  // namespace

std::string write_plan(const Plan& plan) {
  store::v1::PlanRecord out;
  out.set_id(plan.id.text());
  out.set_fleet(plan.fleet);
  out.set_fleet_revision(plan.fleet_revision);
  out.set_selector(plan.selector);
  out.set_release(plan.release.bytes());
  out.set_scope(plan.scope);
  write_policy(plan.policy, *out.mutable_policy());
  for (const PlannedWave& wave : plan.waves) write_planned_wave(wave, *out.add_waves());
  for (const std::string& name : plan.already_there) out.add_already_there(name);
  for (const std::string& warning : plan.warnings) out.add_warnings(warning);
  out.set_created_ms(plan.created_at.unix_ms);
  out.set_created_by(plan.created_by);
  out.set_started_as(plan.started_as.text());
  out.set_policy_hash(plan.policy_hash.bytes());
  out.set_audience_root(plan.audience_root.bytes());
  return out.SerializeAsString();
}

Result<Plan> read_plan(std::string_view bytes) {
  KELPIE_TRY(const auto in, parse<store::v1::PlanRecord>(bytes, kWhat));
  Plan out;
  KELPIE_TRY(out.id, read_ulid(in.id(), kWhat));
  out.fleet = in.fleet();
  out.fleet_revision = in.fleet_revision();
  out.selector = in.selector();
  KELPIE_TRY(out.release, read_bytes<Digest>(in.release(), kWhat));
  out.scope = in.scope();
  KELPIE_TRY(out.policy, read_policy(in.policy()));
  for (const auto& wave : in.waves()) out.waves.push_back(read_planned_wave(wave));
  out.already_there.assign(in.already_there().begin(), in.already_there().end());
  out.warnings.assign(in.warnings().begin(), in.warnings().end());
  out.created_at = {in.created_ms()};
  out.created_by = in.created_by();
  KELPIE_TRY(out.started_as, read_ulid(in.started_as(), kWhat));
  KELPIE_TRY(out.policy_hash, read_bytes<Digest>(in.policy_hash(), kWhat));
  KELPIE_TRY(out.audience_root, read_bytes<Digest>(in.audience_root(), kWhat));
  return out;
}

std::string write_audience(const Plan& plan) {
  store::v1::AudienceRecord out;
  for (const PlanLeaf& leaf : plan.leaves) {
    store::v1::LeafRecord& row = *out.add_leaves();
    row.set_device(leaf.device.bytes());
    row.set_generation(leaf.generation);
  }
  for (const PlannedWave& wave : plan.waves) {
    store::v1::WaveMembersRecord& row = *out.add_waves();
    for (const DeviceId& device : wave.devices) row.add_devices(device.bytes());
  }
  return out.SerializeAsString();
}

Result<void> read_audience(std::string_view bytes, Plan& plan) {
  KELPIE_TRY(const auto in, parse<store::v1::AudienceRecord>(bytes, "audience record"));
  if (in.waves_size() != static_cast<int>(plan.waves.size())) return fail(damaged("audience record"));
  for (const store::v1::LeafRecord& row : in.leaves()) {
    PlanLeaf leaf{.device = {}, .scope = plan.scope, .generation = row.generation(), .release = plan.release};
    KELPIE_TRY(leaf.device, read_bytes<DeviceId>(row.device(), "audience record"));
    plan.leaves.push_back(std::move(leaf));
  }
  for (std::size_t w = 0; w < plan.waves.size(); ++w) {
    for (const std::string& device : in.waves(static_cast<int>(w)).devices()) {
      KELPIE_TRY(const DeviceId id, read_bytes<DeviceId>(device, "audience record"));
      plan.waves[w].devices.push_back(id);
    }
  }
  return {};
}

}  // namespace kelpie::hub::records
