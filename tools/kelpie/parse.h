// From words on the command line to a command and what was typed for it. The only includer of CLI11, whose texts never
// reach a user.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "tools/kelpie/command.h"

namespace kelpie::cli {

struct Parsed {
  const Command* command = nullptr;  // null: only help is wanted
  std::string help_for;              // with -h: the path, or as much of it as there is
  bool is_help = false;
  Typed typed;
};

/// Errors: InvalidArgument with the nearest command or flag, or the line of usage.
[[nodiscard]] Result<Parsed> parse(std::span<const Command> commands, const std::vector<std::string>& arguments);

/// Flags every command has.
[[nodiscard]] std::span<const Flag> global_flags();
/// "kelpie device show NAME [flags]"
[[nodiscard]] std::string usage_of(const Command& command);
/// First word of paths, or the words that follow one: what may stand next.
[[nodiscard]] std::vector<std::string> next_words(std::span<const Command> commands, std::string_view path);

}  // namespace kelpie::cli
