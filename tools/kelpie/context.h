// Contexts: named hubs of one user, a file each in CONFIG/contexts, and the name of the one in use.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proto/base/result.h"

namespace kelpie::cli {

struct Context {
  std::string hub;
  std::string token_file;
  std::string sign_key;  // an operator's key file
  std::string confirm;   // "always": asks before every change; empty: only before destruction
};

/// $XDG_CONFIG_HOME/kelpie or ~/.config/kelpie; empty when neither is known.
[[nodiscard]] std::string config_folder();

/// As seen from any folder, without "." and ".."; empty stays empty.
[[nodiscard]] std::string absolute_path(const std::string& path);

/// Sorted. A folder that is not there holds none.
[[nodiscard]] std::vector<std::string> context_names(const std::string& config_dir);
/// Errors: NotFound (CONTEXT_UNKNOWN, with the nearest name); InvalidArgument with the line.
[[nodiscard]] Result<Context> load_context(const std::string& config_dir, const std::string& name);
/// Errors: Unavailable.
[[nodiscard]] Result<void> save_context(const std::string& config_dir, const std::string& name, const Context& context);
[[nodiscard]] Result<void> remove_context(const std::string& config_dir, const std::string& name);

/// Empty: none is in use.
[[nodiscard]] std::string current_context(const std::string& config_dir);
[[nodiscard]] Result<void> use_context(const std::string& config_dir, const std::string& name);

}  // namespace kelpie::cli
