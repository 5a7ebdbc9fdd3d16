#include "tools/kelpie/utf8.h"

#include <array>

namespace kelpie::cli {
namespace {

struct Lead {
  unsigned char mask;
  unsigned char bits;
  std::size_t bytes;
  char32_t least;  // shorter forms exist below: an overlong encoding
};
constexpr std::array kLeads{Lead{0x80, 0x00, 1, 0}, Lead{0xE0, 0xC0, 2, 0x80}, Lead{0xF0, 0xE0, 3, 0x800},
                            Lead{0xF8, 0xF0, 4, 0x10000}};
constexpr Character kInvalid{.code = U'?', .bytes = 1, .is_valid = false};

bool is_scalar(char32_t code) {
  return code < 0xD800 || (code > 0xDFFF && code <= 0x10FFFF);
}

}  // namespace

Character first_character(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  for (const Lead& lead : kLeads) {
    if ((first & lead.mask) != lead.bits) continue;
    if (text.size() < lead.bytes) return kInvalid;
    char32_t code = first & static_cast<unsigned char>(~lead.mask);
    for (std::size_t i = 1; i < lead.bytes; ++i) {
      const auto next = static_cast<unsigned char>(text[i]);
      if ((next & 0xC0U) != 0x80U) return kInvalid;
      code = (code << 6U) | (next & 0x3FU);
    }
    if (code < lead.least || !is_scalar(code)) return kInvalid;
    return {.code = code, .bytes = lead.bytes};
  }
  return kInvalid;
}

}  // namespace kelpie::cli
