// A Fleet document to the request that stores it.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include <kelpie/api/v1/api.pb.h>

#include "proto/base/result.h"
#include "tools/kelpie/manifest/yaml_tree.h"

namespace kelpie::cli {

/// Empty when the document has problems; they are reported.
[[nodiscard]] std::optional<api::v1::ApplyFleetRequest> read_fleet(const YamlNode& document, Report& report);

/// "1,10%,50%,rest" as waves: counts and cumulative shares, the last takes what is left.
/// Errors: InvalidArgument that says how to write it.
[[nodiscard]] Result<std::vector<api::v1::Wave>> parse_waves(std::string_view text);

}  // namespace kelpie::cli
