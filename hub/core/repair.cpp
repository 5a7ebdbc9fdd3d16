#include "hub/core/repair.h"

#include <algorithm>

#include <fmt/ranges.h>

#include "hub/core/query.h"
#include "hub/core/rollout/target.h"
#include "hub/core/rollout/wave.h"

namespace kelpie::hub {
namespace {

constexpr Duration kPause = std::chrono::hours(1);      // R23: at most one repair of a field in it
constexpr Duration kLoopTime = std::chrono::hours(24);  // and so many in this are a loop
constexpr std::size_t kLoopRepairs = 3;                 // chosen: two may be chance
constexpr Duration kLookAgain = std::chrono::minutes(1);
constexpr std::uint32_t kShare = 10;  // R6: a tenth of a fleet at once, one at least

void look_again(Turn& turn, const Device& device, WallTime at) {
  turn.state.due.insert({at, DueKey::Kind::Repair, device.id.hex()});
}

/// Empty: nothing holds a repair up.
void hold(Turn& turn, Device& device, const std::string& why) {
  if (device.repairs.held == why) return;
  device.repairs.held = why;
  touch(turn, DeviceKey{device.id});
  if (why.empty()) {
    turn.state.repairs_held.erase(device.id);
    return;
  }
  turn.state.repairs_held.insert(device.id);
  feed(turn, {.type = "device.repair-held",
              .object = "device/" + device.name,
              .reason = release_name(turn.state, device.proved_release),
              .message = why,
              .rollout = {},
              .device = device.name});
}

const Fleet* repairing_fleet(const HubState& state, const Device& device) {
  const auto name = state.fleet_of.find(device.id);
  if (name == state.fleet_of.end()) return nullptr;
  const Fleet& fleet = state.fleets.at(name->second);
  const bool is_wanted = fleet.policy.drift == DriftRule::Repair && !fleet.release_digest.is_zero() &&
                         fleet.release_digest == device.proved_release;
  return is_wanted ? &fleet : nullptr;
}

/// What an operator's command took away is the operator's will.
std::vector<std::string> repairable(const Device& device) {
  std::vector<std::string> fields;
  for (const auto& [field, moved] : device.drift.moved) {
    if (!moved.is_by_command) fields.push_back(field);
  }
  return fields;
}

/// All waves are through: what still runs are late devices, and repairs.
bool is_through(const Rollout& rollout) {
  return rollout.open_wave >= rollout.waves.size() &&
         (rollout.phase == RolloutPhase::Succeeded || rollout.phase == RolloutPhase::Running);
}

/// The rollout whose plan gave the device its newest generation.
Rollout* permitting_rollout(HubState& state, const Device& device) {
  const auto assigned = device.assigned.find(kDeviceScope);
  if (assigned == device.assigned.end() || assigned->second.release != device.proved_release) return nullptr;
  for (auto at = state.rollouts.rbegin(); at != state.rollouts.rend(); ++at) {
    Rollout& rollout = at->second;
    const auto target = rollout.targets.find(device.id);
    if (target == rollout.targets.end() || rollout.scope != kDeviceScope) continue;
    return target->second.generation == assigned->second.generation ? &rollout : nullptr;
  }
  return nullptr;
}

bool is_fleet_busy(const HubState& state, const Fleet& fleet) {
  const Result<RolloutId> id = RolloutId::parse(fleet.rollout);
  const auto at = id ? state.rollouts.find(*id) : state.rollouts.end();
  return at != state.rollouts.end() && !is_terminal(at->second.phase) && !is_through(at->second);
}

bool is_full(const HubState& state, const Fleet& fleet, const Rollout& rollout) {
  const auto totals = state.fleet_totals.find(fleet.name);
  const std::uint32_t devices = totals == state.fleet_totals.end() ? 0 : totals->second.devices;
  const WaveMoves moves = moves_of(rollout);
  return moves.in_flight + moves.waiting >= std::max(1U, devices / kShare);
}

void forget_old(Device& device, WallTime now) {
  for (auto& [field, times] : device.repairs.tries) {
    std::erase_if(times, [&](WallTime at) { return now - at >= kLoopTime; });
  }
  std::erase_if(device.repairs.tries, [](const auto& entry) { return entry.second.empty(); });
}

/// Why nothing will be done however long one waits.
std::string objection(const Device& device, const Fleet& fleet, const Rollout* rollout,
                      const std::vector<std::string>& fields, WallTime now) {
  const std::string again = fmt::format("kelpie rollout start {} --fleet {}", fleet.release, fleet.name);
  if (rollout == nullptr) return fmt::format("no rollout that brought it {} can be repeated: {}", fleet.release, again);
  const std::string& id = rollout->id.text();
  if (is_terminal(rollout->phase) && rollout->phase != RolloutPhase::Succeeded) {
    return fmt::format("rollout {} was aborted: {}", id, again);
  }
  if (now >= rollout->deadline) {
    return fmt::format("what operators signed for rollout {} has run out: {}", id, again);
  }
  for (const std::string& field : fields) {
    const auto tries = device.repairs.tries.find(field);
    if (tries == device.repairs.tries.end() || tries->second.size() < kLoopRepairs) continue;
    return fmt::format("{} was repaired {} times within a day and moved again: find who moves it, then {}", field,
                       kLoopRepairs, again);
  }
  return {};
}

std::optional<WallTime> pause_until(const Device& device, const std::vector<std::string>& fields, WallTime now) {
  std::optional<WallTime> until;
  for (const std::string& field : fields) {
    const auto tries = device.repairs.tries.find(field);
    if (tries == device.repairs.tries.end()) continue;
    const WallTime end = tries->second.back() + kPause;
    if (end > now && (!until || end > *until)) until = end;
  }
  return until;
}

void repair(Turn& turn, Device& device, Rollout& rollout, const std::vector<std::string>& fields) {
  for (const std::string& field : fields) device.repairs.tries[field].push_back(turn.now);
  if (rollout.phase == RolloutPhase::Succeeded) {
    rollout.phase = RolloutPhase::Running;
    rollout.phase_reason.clear();
    rollout.phase_detail.clear();
    rollout.ended_at = {};
    turn.state.due.insert({rollout.deadline, DueKey::Kind::Rollout, rollout.id.text()});
  }
  touch_synced(turn, RolloutKey{rollout.id});
  touch_synced(turn, DeviceKey{device.id});
  const std::string what = fmt::format("{}", fmt::join(fields, ", "));
  audit(turn, {.action = "target.repair",
               .object = fmt::format("{}/{}", rollout.id.text(), device.id.hex()),
               .reason = "drift of " + what,
               .plan_hash = rollout.plan_hash.hex(),
               .frame_hash = {}});
  feed(turn, {.type = "device.repair",
              .object = "device/" + device.name,
              .reason = release_name(turn.state, rollout.release),
              .message = fmt::format("drift of {}: once more under the plan that {} signed", what, rollout.signed_by),
              .rollout = rollout.id.text(),
              .device = device.name});
  Target& target = rollout.targets.at(device.id);
  again(turn, rollout, target);
  move_on(turn, rollout, target);
}

/// The attempt before is over on both sides.
bool is_free(const Device& device, const Rollout& rollout) {
  const Target& target = rollout.targets.at(device.id);
  return device.connection == Connection::Online && !device.rollout && !device.lease && is_terminal(target.state) &&
         !target.is_attempt_open && !target.is_cancelling;
}

}  // namespace

void consider_repair(Turn& turn, Device& device) {
  const Fleet* const fleet = repairing_fleet(turn.state, device);
  const std::vector<std::string> fields = repairable(device);
  if (fleet == nullptr || fields.empty()) return hold(turn, device, {});
  forget_old(device, turn.now);
  Rollout* const rollout = permitting_rollout(turn.state, device);
  const std::string why = objection(device, *fleet, rollout, fields, turn.now);
  hold(turn, device, why);
  if (!why.empty()) {
    // A day later the loop may be over; the other reasons end with a rollout.
    return look_again(turn, device, turn.now + kPause);
  }
  if (is_fleet_busy(turn.state, *fleet) || !is_through(*rollout) || !is_free(device, *rollout)) {
    return look_again(turn, device, turn.now + kLookAgain);
  }
  if (const std::optional<WallTime> until = pause_until(device, fields, turn.now)) {
    return look_again(turn, device, *until);
  }
  if (is_full(turn.state, *fleet, *rollout)) return look_again(turn, device, turn.now + kLookAgain);
  repair(turn, device, *rollout, fields);
}

}  // namespace kelpie::hub
