// Checks of single fields that several requests have.
#include <algorithm>

#include <fmt/core.h>

#include "hub/api/writes.h"

namespace kelpie::hub {

Error wrong_field(std::string_view path, std::string_view what) {
  return {.code = Code::InvalidArgument, .message = fmt::format("{}: {}", path, what), .reason = {}, .hint = {}};
}

Result<void> check_name_field(std::string_view path, std::string_view text) {
  if (is_name(text)) return {};
  return fail(
      wrong_field(path, fmt::format("\"{}\" is not a name: use 1 to 63 lower-case letters, digits and dashes", text)));
}

Result<void> check_line(std::string_view path, std::string_view text, std::size_t bytes_max) {
  if (text.size() > bytes_max) {
    return fail(wrong_field(path, fmt::format("{} bytes are too many: at most {}", text.size(), bytes_max)));
  }
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
  if (std::any_of(text.begin(), text.end(), is_control)) {
    return fail(wrong_field(path, "holds a control character; write one line"));
  }
  return {};
}

bool is_version(std::string_view text) {
  const auto is_letter_or_digit = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  const auto is_fine = [&](char c) { return is_letter_or_digit(c) || c == '.' || c == '-' || c == '+' || c == '_'; };
  constexpr std::size_t kVersionBytesMax = 63;  // release.proto
  return !text.empty() && text.size() <= kVersionBytesMax && is_letter_or_digit(text.front()) &&
         std::all_of(text.begin(), text.end(), is_fine);
}

Result<void> check_release_ref(std::string_view path, std::string_view text) {
  const std::size_t at = text.find('@');
  if (at != std::string_view::npos && is_name(text.substr(0, at)) && is_version(text.substr(at + 1))) return {};
  return fail(wrong_field(path, fmt::format("\"{}\" is not a release: write name@version", text)));
}

}  // namespace kelpie::hub
