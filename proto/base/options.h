// Flags and configuration files of the two services, from one table: each option is bound once to its flag, its line in
// the file and its help text. (The kelpie command has its own, richer parser.)
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/base/result.h"

namespace kelpie {

struct Option {
  std::string_view name;  // "data": --data VALUE, and "data = VALUE" in the file
  std::string* value;     // holds the default before, the answer after
  std::string_view unit;  // what the value is, for help: DIR, URL, HOST:PORT
  std::string_view what;  // for help; empty: not shown
};

inline constexpr std::size_t kConfigBytesMax = 64U << 10U;

/// Applies "name = value" lines; '#' starts a comment line. Errors: InvalidArgument listing every problem with its
/// line.
[[nodiscard]] Result<void> read_config(std::string_view text, std::span<const Option> options);
/// Applies --name VALUE and --name=VALUE; "--config FILE" is read first, wherever it stands. Errors: InvalidArgument
/// listing every problem; those of the file.
[[nodiscard]] Result<void> read_flags(const std::vector<std::string>& arguments, std::span<const Option> options);
/// One line per option that is shown, with its default.
[[nodiscard]] std::string help_of(std::span<const Option> options);

}  // namespace kelpie
