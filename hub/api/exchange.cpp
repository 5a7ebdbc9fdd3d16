#include "hub/api/exchange.h"

#include <algorithm>
#include <cstddef>

#include <fmt/core.h>

namespace kelpie::hub {
namespace {

constexpr std::size_t kQueryPairsMax = 64;  // chosen: no rpc has more than ten fields

std::size_t utf8_length(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead < 0xE0) return 2;
  if (lead >= 0xE0 && lead < 0xF0) return 3;
  if (lead >= 0xF0 && lead < 0xF5) return 4;
  return 0;
}

bool is_clean_text(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = utf8_length(lead);
    if (lead < 0x20 || lead == 0x7F || length == 0 || i + length > text.size()) return false;
    for (std::size_t k = 1; k < length; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xC0U) != 0x80U) return false;
    }
    i += length;
  }
  return true;
}

int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

}  // namespace

std::string_view HttpRequest::header(const std::string& lower_case_name) const {
  const auto found = headers.find(lower_case_name);
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

void set_target(HttpRequest& request, std::string_view target) {
  const std::size_t mark = target.find('?');
  request.path = target.substr(0, mark);
  request.query = mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
}

Result<std::string> percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
    if (high < 0 || low < 0) return fail(Code::InvalidArgument, "a percent sign is not followed by two hex digits");
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  if (!is_clean_text(out)) return fail(Code::InvalidArgument, "the address holds a control character or is no UTF-8");
  return out;
}

Result<Pairs> parse_query(std::string_view query) {
  Pairs out;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    std::string part(query.substr(0, end));
    query.remove_prefix(std::min(end + 1, query.size()));
    if (part.empty()) continue;
    if (out.size() == kQueryPairsMax) {
      return fail(Code::InvalidArgument, fmt::format("more than {} query parameters", kQueryPairsMax));
    }
    std::replace(part.begin(), part.end(), '+', ' ');
    const std::size_t equals = std::min(part.find('='), part.size());
    KELPIE_TRY(std::string key, percent_decode(std::string_view(part).substr(0, equals)));
    KELPIE_TRY(std::string value,
               percent_decode(equals == part.size() ? std::string_view() : std::string_view(part).substr(equals + 1)));
    out.emplace_back(std::move(key), std::move(value));
  }
  return out;
}

HttpAnswer text_answer(int status, std::string text) {
  return {.status = status, .content_type = "text/plain; charset=utf-8", .body = std::move(text)};
}

}  // namespace kelpie::hub
