// All commands, from the files that have them. A new noun is a line here.
#pragma once

#include <vector>

#include "tools/kelpie/command.h"

namespace kelpie::cli {

[[nodiscard]] std::vector<Command> all_commands();

// One function a file, in the order help lists them.
[[nodiscard]] std::vector<Command> status_commands();
[[nodiscard]] std::vector<Command> hub_commands();
[[nodiscard]] std::vector<Command> own_commands();  // help, version, completion

}  // namespace kelpie::cli
