// Facts as a report carries them: cut to the limits of report.proto, and UTF-8 whatever programs printed.
#pragma once

#include <string>
#include <string_view>

#include "device-agent/core/facts.h"
#include "proto/base/clock.h"

namespace kelpie::v1 {
class Facts;
}

namespace kelpie::agent {

inline constexpr std::size_t kTextBytesMax = 256;  // the walker's cap where report.proto gives none

/// What commands print may be anything; the hub refuses a report that is not UTF-8 or too long.
[[nodiscard]] std::string clean(std::string_view text, std::size_t bytes_max = kTextBytesMax);
void write_facts(const Facts& facts, WallTime now, v1::Facts& out);

}  // namespace kelpie::agent
