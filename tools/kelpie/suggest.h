// Did you mean …? For commands, flags, columns and names of things.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace kelpie::cli {

/// Least number of letters inserted, removed, replaced or swapped with their neighbour.
[[nodiscard]] std::size_t distance(std::string_view a, std::string_view b);
/// The candidate a person most likely meant; empty when none is close.
[[nodiscard]] std::string closest(std::string_view text, const std::vector<std::string>& candidates);
/// ". Did you mean \"device\"?", or nothing: to be put after a message.
[[nodiscard]] std::string did_you_mean(std::string_view text, const std::vector<std::string>& candidates);

}  // namespace kelpie::cli
