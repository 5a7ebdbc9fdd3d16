// One run of kelpie: parse, settings, command, screen, exit code.
#pragma once

#include <string>
#include <vector>

namespace kelpie::cli {

[[nodiscard]] int run_program(const std::vector<std::string>& arguments);

}  // namespace kelpie::cli
