// UTF-8, one character at a time, however broken.
#pragma once

#include <cstddef>
#include <string_view>

namespace kelpie::cli {

struct Character {
  char32_t code = 0;
  std::size_t bytes = 1;
  bool is_valid = true;
};
/// The first character of a text that is not empty. An invalid one is one byte long.
[[nodiscard]] Character first_character(std::string_view text);

}  // namespace kelpie::cli
