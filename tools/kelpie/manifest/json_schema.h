// The tables of manifests as JSON Schema, for editors and for `kelpie schema`.
#pragma once

#include <string>
#include <string_view>

#include "proto/base/result.h"

namespace kelpie::cli {

/// path: "release", "fleet.policy.waves"; kinds in any case. Errors: NotFound with a suggestion.
[[nodiscard]] Result<std::string> json_schema_of(std::string_view path);

}  // namespace kelpie::cli
