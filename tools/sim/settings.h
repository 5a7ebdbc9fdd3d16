// The arguments of kelpie-sim.
#pragma once

#include <string>
#include <vector>

#include "tools/sim/simulator.h"

namespace kelpie::sim {

enum class Doing { Run, List, Help, Version };

struct Settings {
  Doing doing = Doing::Run;
  SimulatorOptions fleet;
  std::string trust_file;
};

/// Errors: InvalidArgument that lists every problem.
[[nodiscard]] Result<Settings> read_settings(const std::vector<std::string>& arguments);
[[nodiscard]] std::string help();

}  // namespace kelpie::sim
