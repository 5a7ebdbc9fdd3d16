#include "hub/core/rollout/plan.h"

#include "hub/api/policy.h"
#include "hub/api/views/views.h"
#include "hub/core/query.h"

namespace kelpie::hub {
namespace {

void show_wave(const HubState& state, const PlannedWave& wave, api::v1::PlannedWave& out) {
  out.set_name(wave.name);
  for (const DeviceId& id : wave.devices) {
    out.add_devices(device_name(state, id));
    out.add_device_ids(id.hex());
  }
  out.set_failures_max(wave.failures_max);
  out.set_deferred_max(wave.deferred_max);
  out.set_successes_min(wave.successes_min);
  out.set_failure_basis_points(wave.failure_bp);
  out.set_deferred_basis_points(wave.deferred_bp);
  set_duration(*out.mutable_soak(), wave.soak);
}

void show_status(const HubState& state, const Plan& plan, api::v1::PlanStatus& out) {
  out.set_devices(static_cast<std::uint32_t>(plan.leaves.size()));
  out.set_already_there(static_cast<std::uint32_t>(plan.already_there.size()));
  std::uint32_t offline = 0;
  for (const PlanLeaf& leaf : plan.leaves) {
    const auto device = state.devices.find(leaf.device);
    if (device == state.devices.end() || device->second.connection != Connection::Online) ++offline;
  }
  out.set_offline(offline);
  for (const std::string& warning : plan.warnings) out.add_warnings(warning);
  out.set_rollout(plan.started_as.text());
}

}  // namespace

void show_plan(const ApiView& view, const Plan& plan, api::v1::Plan& out) {
  head(out, "Plan");
  out.mutable_metadata()->set_name(plan.id.text());
  out.mutable_metadata()->set_id(plan.id.text());
  out.mutable_metadata()->set_revision(1);  // plans are frozen
  set_time(*out.mutable_metadata()->mutable_created_at(), plan.created_at);
  api::v1::PlanSpec& spec = *out.mutable_spec();
  spec.set_fleet(plan.fleet);
  spec.set_fleet_revision(plan.fleet_revision);
  spec.set_selector(plan.selector);
  spec.set_release(release_name(view.state, plan.release));
  spec.set_release_digest(plan.release.hex());
  spec.set_scope(plan.scope);
  show_policy(plan.policy, *spec.mutable_policy());
  for (const PlannedWave& wave : plan.waves) show_wave(view.state, wave, *spec.add_waves());
  for (const PlanLeaf& leaf : plan.leaves) {
    api::v1::PlanLeaf& shown = *spec.add_leaves();
    shown.set_device(leaf.device.hex());
    shown.set_scope(leaf.scope);
    shown.set_generation(std::to_string(leaf.generation));
    shown.set_release_digest(leaf.release.hex());
  }
  spec.set_policy_hash(plan.policy_hash.hex());
  spec.set_audience_root(plan.audience_root.hex());
  show_status(view.state, plan, *out.mutable_status());
}

Answer answer_plan(const std::string& id, const ApiView& view) {
  const Result<PlanId> parsed = PlanId::parse(id);
  const auto at = parsed ? view.state.plans.find(*parsed) : view.state.plans.end();
  if (at == view.state.plans.end()) return fail(unknown("plan", id));
  auto out = std::make_shared<api::v1::Plan>();
  show_plan(view, at->second, *out);
  if (!at->second.started_as.is_empty()) return out;  // what was started is no longer stale or fresh
  const std::string why = stale_because(view.state, at->second);
  out->mutable_status()->set_is_stale(!why.empty());
  out->mutable_status()->set_stale_because(why);
  return out;
}

}  // namespace kelpie::hub
