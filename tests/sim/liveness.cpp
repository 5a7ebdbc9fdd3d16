#include "tests/sim/liveness.h"

#include <fmt/core.h>

#include "hub/core/rollout/target.h"

namespace kelpie::test {
namespace {

using hub::RolloutPhase;
using hub::TargetState;

bool is_reachable(World& world, const DeviceId& id) {
  for (const auto& device : world.devices()) {
    if (device->id == id) return device->agent != nullptr;
  }
  return false;
}

std::string open_target(World& world, const hub::Rollout& rollout) {
  for (const auto& [id, target] : rollout.targets) {
    if (!world.state().devices.contains(id) || !is_reachable(world, id)) continue;
    const bool is_stuck = target.is_cancelling || target.state == TargetState::Unknown;
    if (is_stuck)
      return fmt::format("{} is {}{}", to_string(hub::attempt_of(target)), to_string(target.state),
                         target.is_cancelling ? ", cancelling" : "");
  }
  return {};
}

}  // namespace

std::string still_open(World& world) {
  if (!world.is_hub_up()) return "the hub is away";
  for (const auto& [id, rollout] : world.state().rollouts) {
    const bool is_settled = hub::is_terminal(rollout.phase) || rollout.phase == RolloutPhase::Paused;
    if (!is_settled) return fmt::format("rollout {} is {}", id.text(), to_string(rollout.phase));
    if (std::string open = open_target(world, rollout); !open.empty()) return open;
  }
  for (const auto& device : world.devices()) {
    if (!device->agent) continue;
    const agent::Telling& telling = device->agent->memory().telling;
    if (telling.final_since > telling.acknowledged) return device->name + " waits for its last word to be taken";
    if (device->agent->memory().is_unwritable) return device->name + " cannot write its card";
  }
  return {};
}

}  // namespace kelpie::test
