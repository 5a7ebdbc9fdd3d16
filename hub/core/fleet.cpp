// Fleets: a selector, the release its devices should run, a policy. A device belongs to at most one.
#include <fmt/core.h>

#include "hub/core/registry.h"
#include "hub/core/selector.h"

namespace kelpie::hub {
namespace {

Result<void> check_overlap(const HubState& state, const std::string& name, const Selector& selector) {
  for (const auto& [id, device] : state.devices) {
    if (!selector.matches(device.labels)) continue;
    const auto other = state.fleet_of.find(id);
    if (other == state.fleet_of.end() || other->second == name) continue;
    return fail(
        {.code = Code::FailedPrecondition,
         .message = fmt::format("device {} would be in fleet {} and in fleet {}; a device belongs to at most one",
                                device.name, other->second, name),
         .reason = "FLEET_OVERLAP",
         .hint = fmt::format("kelpie fleet show {}", other->second)});
  }
  return {};
}

/// What somebody looked at is still what is there.
Result<void> check_revision(const HubState& state, const std::string& name, std::optional<std::uint32_t> revision) {
  const auto at = state.fleets.find(name);
  if (!revision || (at != state.fleets.end() && at->second.revision == *revision)) return {};
  return fail({.code = Code::Conflict,
               .message = fmt::format("fleet {} is not at revision {}", name, *revision),
               .reason = "STALE",
               .hint = fmt::format("kelpie fleet show {}", name)});
}

void place_devices(HubState& state, const std::string& name, const Selector* selector) {
  for (const auto& [id, device] : state.devices) {
    const bool is_member = selector != nullptr && selector->matches(device.labels);
    const auto at = state.fleet_of.find(id);
    const bool was_member = at != state.fleet_of.end() && at->second == name;
    if (is_member || was_member) place_in_fleet(state, device, is_member ? name : std::string{});
  }
}

/// The fleet's rule about drift may be another now.
void look_at_drift(Turn& turn, const std::string& name) {
  const auto members = turn.state.fleet_pages.find(name);
  if (members == turn.state.fleet_pages.end()) return;
  for (const auto& [device, id] : members->second) {
    if (turn.state.devices.at(id).drift.is_empty()) continue;
    turn.state.due.insert({turn.now, DueKey::Kind::Repair, id.hex()});
  }
}

}  // namespace

Result<std::string> apply_fleet(Turn& turn, const ApplyFleet& apply, bool is_dry_run) {
  Fleet fleet = apply.fleet;
  if (!is_name(fleet.name)) {
    return fail(Code::InvalidArgument,
                fmt::format("\"{}\" is not a name: use 1 to 63 lower-case letters, digits and dashes", fleet.name));
  }
  KELPIE_TRY(const Selector selector, Selector::parse(fleet.selector));
  fleet.release_digest = {};
  if (!fleet.release.empty()) {
    const auto release = turn.state.release_names.find(fleet.release);
    if (release == turn.state.release_names.end()) {
      return fail({.code = Code::NotFound,
                   .message = fmt::format("fleet {}: there is no release \"{}\"", fleet.name, fleet.release),
                   .reason = "RELEASE_UNKNOWN",
                   .hint = "kelpie release list"});
    }
    fleet.release_digest = release->second;
  }
  KELPIE_TRY(check_overlap(turn.state, fleet.name, selector));
  const std::string object = "fleet/" + fleet.name;
  const auto old = turn.state.fleets.find(fleet.name);
  KELPIE_TRY(check_revision(turn.state, fleet.name, apply.if_revision));
  if (old != turn.state.fleets.end()) {
    const bool is_same = old->second.selector == fleet.selector && old->second.release == fleet.release &&
                         old->second.policy == fleet.policy;
    if (is_same || is_dry_run) return object;
    fleet.revision = old->second.revision + 1;
    fleet.created_at = old->second.created_at;
    fleet.rollout = old->second.rollout;
  } else {
    if (is_dry_run) return object;
    fleet.revision = 1;
    fleet.created_at = turn.now;
    fleet.rollout.clear();
  }
  const std::string name = fleet.name;
  const std::uint32_t revision = fleet.revision;
  turn.state.fleets[name] = std::move(fleet);
  place_devices(turn.state, name, &selector);
  look_at_drift(turn, name);
  touch_synced(turn, FleetKey{name});
  audit(turn, {.action = "fleet.apply",
               .object = object,
               .reason = fmt::format("revision {}", revision),
               .plan_hash = {},
               .frame_hash = {}});
  feed(turn, {.type = "fleet.applied",
              .object = object,
              .reason = {},
              .message = fmt::format("revision {} by {}", revision, turn.actor),
              .rollout = {},
              .device = {}});
  return object;
}

Result<std::string> delete_fleet(Turn& turn, const DeleteFleet& gone, bool is_dry_run) {
  const auto at = turn.state.fleets.find(gone.name);
  if (at == turn.state.fleets.end()) {
    return fail({.code = Code::NotFound,
                 .message = fmt::format("there is no fleet \"{}\"", gone.name),
                 .reason = "FLEET_UNKNOWN",
                 .hint = "kelpie fleet list"});
  }
  KELPIE_TRY(check_revision(turn.state, gone.name, gone.if_revision));
  if (!at->second.rollout.empty()) {
    const Result<RolloutId> id = RolloutId::parse(at->second.rollout);
    const auto rollout = id ? turn.state.rollouts.find(*id) : turn.state.rollouts.end();
    if (rollout != turn.state.rollouts.end() && !is_terminal(rollout->second.phase)) {
      return fail({.code = Code::FailedPrecondition,
                   .message = fmt::format("fleet {} has an unfinished rollout {}", gone.name, id->text()),
                   .reason = "ROLLOUT_ACTIVE",
                   .hint = fmt::format("kelpie rollout abort {}", id->text())});
    }
  }
  if (is_dry_run) return std::string{};
  place_devices(turn.state, gone.name, nullptr);
  turn.state.fleets.erase(at);
  turn.state.fleet_totals.erase(gone.name);
  touch_synced(turn, FleetKey{gone.name});
  audit(turn,
        {.action = "fleet.delete", .object = "fleet/" + gone.name, .reason = {}, .plan_hash = {}, .frame_hash = {}});
  feed(turn, {.type = "fleet.deleted",
              .object = "fleet/" + gone.name,
              .reason = {},
              .message = fmt::format("by {}", turn.actor),
              .rollout = {},
              .device = {}});
  return std::string{};
}

}  // namespace kelpie::hub
