// Help pages, made from the command table; topics are texts of their own.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "tools/kelpie/command.h"

namespace kelpie::cli {

/// Of a command, a noun ("device"), a topic, or everything when it is empty. Errors: NotFound with the nearest name.
[[nodiscard]] Result<View> help_for(std::span<const Command> commands, const std::string& what);
[[nodiscard]] std::vector<std::string> help_topics();

}  // namespace kelpie::cli
