// Help topics: what no single command explains.
#pragma once

#include <span>
#include <string_view>

namespace kelpie::cli {

struct Topic {
  std::string_view name;
  std::string_view summary;
  std::string_view text;  // lines
};
[[nodiscard]] std::span<const Topic> topics();

}  // namespace kelpie::cli
