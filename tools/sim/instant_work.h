// Carries out an agent's call at once over the modelled MicroK8s: waiting only moves the model's clock, and what comes
// back says how long it would have taken and what progress was shown when.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "device-agent/core/call.h"
#include "tools/sim/microk8s/sim_microk8s.h"

namespace kelpie::sim {

struct WorkDone {
  agent::CallResult result;
  Duration took{};
  std::vector<std::pair<Duration, std::string>> progress;  // since the call began
};

/// begun: by the device's own clock, which the state's times are of too.
[[nodiscard]] WorkDone carry_out_at_once(const agent::Call& call, StateCell& cell, const World& world,
                                         SteadyTime begun);

}  // namespace kelpie::sim
