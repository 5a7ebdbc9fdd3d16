// Words in manifests that mean numbers.
#pragma once

#include <cstdint>
#include <string_view>

#include "proto/base/clock.h"

namespace kelpie::cli {

/// "5%", "2.5%", "0.25%" in basis points. Errors: InvalidArgument that says how to write it.
[[nodiscard]] Result<std::uint32_t> parse_percent(std::string_view text);
/// "500MiB", "2GiB", "10GB", "4096" in bytes. Errors: as above.
[[nodiscard]] Result<std::uint64_t> parse_size(std::string_view text);
/// A whole number from 0 to 4294967295.
[[nodiscard]] Result<std::uint32_t> parse_count(std::string_view text);
/// Whole seconds: what the hub and the devices count in.
[[nodiscard]] Result<Duration> parse_seconds(std::string_view text);

}  // namespace kelpie::cli
