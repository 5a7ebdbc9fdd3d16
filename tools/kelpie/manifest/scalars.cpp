#include "tools/kelpie/manifest/scalars.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include <fmt/core.h>

namespace kelpie::cli {
namespace {

template <typename Number>
bool read_number(std::string_view text, Number& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

}  // namespace

Result<std::uint32_t> parse_percent(std::string_view text) {
  constexpr std::uint32_t kWholeMax = 100;
  constexpr std::size_t kDecimalsMax = 2;  // basis points
  const auto wrong = [&] {
    return fail(Code::InvalidArgument, fmt::format("\"{}\" is not a share. Write 5% or 2.5%, up to 100%", text));
  };
  if (!text.ends_with('%')) return wrong();
  const std::string_view number = text.substr(0, text.size() - 1);
  const std::size_t dot = std::min(number.find('.'), number.size());
  std::uint32_t whole = 0;
  if (!read_number(number.substr(0, dot), whole) || whole > kWholeMax) return wrong();
  std::uint32_t basis_points = whole * 100;
  if (dot < number.size()) {
    std::string decimals(number.substr(dot + 1));
    if (decimals.empty() || decimals.size() > kDecimalsMax) return wrong();
    decimals.resize(kDecimalsMax, '0');
    std::uint32_t hundredths = 0;
    if (!read_number<std::uint32_t>(decimals, hundredths)) return wrong();
    basis_points += hundredths;
  }
  if (basis_points > kWholeMax * 100) return wrong();
  return basis_points;
}

Result<std::uint64_t> parse_size(std::string_view text) {
  struct Unit {
    std::string_view suffix;
    std::uint64_t bytes;
  };
  constexpr std::array<Unit, 7> kUnits = {{{"KiB", 1ULL << 10U},
                                           {"MiB", 1ULL << 20U},
                                           {"GiB", 1ULL << 30U},
                                           {"TiB", 1ULL << 40U},
                                           {"MB", 1'000'000},
                                           {"GB", 1'000'000'000},
                                           {"", 1}}};
  for (const Unit& unit : kUnits) {
    if (!text.ends_with(unit.suffix)) continue;
    std::uint64_t number = 0;
    const std::string_view digits = text.substr(0, text.size() - unit.suffix.size());
    if (read_number(digits, number) && number <= std::numeric_limits<std::int64_t>::max() / unit.bytes) {
      return number * unit.bytes;
    }
    break;
  }
  return fail(Code::InvalidArgument, fmt::format("\"{}\" is not a size. Write 500MiB or 2GiB", text));
}

Result<std::uint32_t> parse_count(std::string_view text) {
  std::uint32_t number = 0;
  if (read_number(text, number)) return number;
  return fail(Code::InvalidArgument, fmt::format("\"{}\" is not a whole number", text));
}

Result<Duration> parse_seconds(std::string_view text) {
  Result<Duration> out = parse_duration(text);
  if (!out) return fail(Code::InvalidArgument, fmt::format("\"{}\" is not a duration. Write 5m or 300s", text));
  if (out->count() % 1'000 != 0) {
    return fail(Code::InvalidArgument, fmt::format("\"{}\" is not in whole seconds. Write 5m or 300s", text));
  }
  return out;
}

}  // namespace kelpie::cli
