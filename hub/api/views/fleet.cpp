#include <algorithm>

#include <fmt/core.h>

#include "hub/api/policy.h"
#include "hub/api/views/views.h"

namespace kelpie::hub {
namespace {

template <typename Key>
std::uint32_t count_of(const std::map<Key, std::uint32_t>& totals, Key key) {
  const auto at = totals.find(key);
  return at == totals.end() ? 0 : at->second;
}

void show_totals(const HubState& state, const std::string& fleet, api::v1::FleetStatus& out) {
  const auto at = state.fleet_totals.find(fleet);
  if (at == state.fleet_totals.end()) return;
  const Totals& totals = at->second.totals;
  out.set_devices(at->second.devices);
  out.set_up_to_date(count_of(totals.update, Update::UpToDate));
  out.set_updating(count_of(totals.update, Update::Updating));
  out.set_out_of_date(count_of(totals.update, Update::OutOfDate));
  out.set_failed(count_of(totals.update, Update::Failed));
  out.set_online(count_of(totals.connection, Connection::Online));
  out.set_offline(count_of(totals.connection, Connection::Offline));
}

}  // namespace

std::string rollout_line(const Rollout& rollout) {
  std::string out(to_string(rollout.phase));
  if (!is_terminal(rollout.phase) && rollout.open_wave < rollout.waves.size()) {
    out += fmt::format(", wave {} ({}/{})", rollout.waves[rollout.open_wave].plan.name, rollout.open_wave + 1,
                       rollout.waves.size());
  }
  if (rollout.phase_reason.empty()) return out;
  std::string reason = rollout.phase_reason;
  std::replace(reason.begin(), reason.end(), '_', ' ');
  return out.append(": ").append(reason);
}

void show_fleet(const ApiView& view, const Fleet& fleet, api::v1::Fleet& out) {
  head(out, "Fleet");
  out.mutable_metadata()->set_name(fleet.name);
  out.mutable_metadata()->set_revision(fleet.revision);
  if (fleet.created_at != WallTime{}) set_time(*out.mutable_metadata()->mutable_created_at(), fleet.created_at);
  out.mutable_spec()->set_selector(fleet.selector);
  out.mutable_spec()->set_release(fleet.release);
  show_policy(fleet.policy, *out.mutable_spec()->mutable_policy());
  api::v1::FleetStatus& status = *out.mutable_status();
  show_totals(view.state, fleet.name, status);
  const Result<RolloutId> id = RolloutId::parse(fleet.rollout);
  const auto rollout = id ? view.state.rollouts.find(*id) : view.state.rollouts.end();
  if (rollout == view.state.rollouts.end()) return;
  status.set_rollout(fleet.rollout);
  status.set_rollout_phase(std::string(to_string(rollout->second.phase)));
  status.set_rollout_line(rollout_line(rollout->second));
}

Answer answer_fleets(const api::v1::ListRequest& in, const ApiView& view, WallTime now) {
  KELPIE_TRY(const std::size_t size, page_size(in.page_size()));
  KELPIE_TRY(check_no_filter(in, "fleets"));
  auto out = std::make_shared<api::v1::FleetList>();
  head(*out, "FleetList");
  out->set_next_page_token(
      show_page(view.state.fleets, in.page_token(), size, *out,
                [&](const auto& row, api::v1::Fleet& item) { show_fleet(view, row.second, item); }));
  set_time(*out->mutable_as_of(), now);
  return out;
}

Answer answer_fleet(const std::string& name, const ApiView& view) {
  const auto at = view.state.fleets.find(name);
  if (at == view.state.fleets.end()) return fail(unknown("fleet", name));
  auto out = std::make_shared<api::v1::Fleet>();
  show_fleet(view, at->second, *out);
  return out;
}

}  // namespace kelpie::hub
