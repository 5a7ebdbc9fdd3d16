// What may be written to a terminal of a text that somebody else made.
#include <wchar.h>

#include <array>

#include <fmt/core.h>

#include "tools/kelpie/layout.h"
#include "tools/kelpie/utf8.h"

namespace kelpie::cli {
namespace {

struct Replacement {
  char32_t symbol;
  std::string_view text;
};
// Our own symbols, for terminals without UTF-8.
constexpr std::array kReplacements{
    Replacement{U'✔', "ok"}, Replacement{U'✖', "x"},  Replacement{U'⏸', "||"}, Replacement{U'●', "*"},
    Replacement{U'○', "o"},  Replacement{U'→', "->"}, Replacement{U'…', "..."},  Replacement{U'·', "."},
    Replacement{U'█', "#"},  Replacement{U'▒', "="},  Replacement{U'–', "-"},    Replacement{U'×', "x"},
    Replacement{U'±', "+-"}, Replacement{U'°', ""},
};

std::string_view replacement_of(char32_t code) {
  for (const Replacement& row : kReplacements) {
    if (row.symbol == code) return row.text;
  }
  return "?";
}

bool is_control(char32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0);
}

/// Marks that turn the order of what follows: a name could look like another one.
bool is_direction_mark(char32_t code) {
  return code == 0x200E || code == 0x200F || (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

std::size_t width_of(char32_t code) {
  const int width = wcwidth(static_cast<wchar_t>(code));
  return width < 0 ? 1 : static_cast<std::size_t>(width);  // unknown to the locale: most are one column
}

}  // namespace

std::string printable(std::string_view text, bool is_utf8) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Character next = first_character(text);
    const std::string_view bytes = text.substr(0, next.bytes);
    text.remove_prefix(next.bytes);
    if (next.code == U'\n' || next.code == U'\t') {
      out.push_back(' ');
    } else if (!next.is_valid || is_direction_mark(next.code)) {
      out.push_back('?');
    } else if (is_control(next.code)) {
      out.append(fmt::format("\\x{:02x}", static_cast<unsigned>(next.code)));
    } else if (next.code < 0x80 || is_utf8) {
      out.append(bytes);
    } else {
      out.append(replacement_of(next.code));
    }
  }
  return out;
}

std::size_t display_width(std::string_view text) {
  std::size_t out = 0;
  while (!text.empty()) {
    const Character next = first_character(text);
    out += width_of(next.code);
    text.remove_prefix(next.bytes);
  }
  return out;
}

std::string shortened(std::string_view text, std::size_t width, bool is_utf8) {
  if (display_width(text) <= width) return std::string(text);
  const std::string_view dots = is_utf8 ? "…" : "...";
  const std::size_t dots_width = is_utf8 ? 1 : 3;
  if (width < dots_width) return std::string(width, '.');
  std::size_t used = 0;
  std::string out;
  while (!text.empty()) {
    const Character next = first_character(text);
    used += width_of(next.code);
    if (used > width - dots_width) break;
    out.append(text.substr(0, next.bytes));
    text.remove_prefix(next.bytes);
  }
  return out.append(dots);
}

}  // namespace kelpie::cli
