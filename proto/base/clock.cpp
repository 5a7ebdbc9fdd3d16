#include "proto/base/clock.h"

#include <array>
#include <charconv>
#include <ctime>
#include <limits>

#include <fmt/core.h>

namespace kelpie {
namespace {

struct Unit {
  std::string_view suffix;
  std::int64_t ms;
};
// Largest first: to_string walks it, and parse_duration demands this order.
constexpr std::array<Unit, 5> kUnits = {{{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::int64_t kDurationMaxMs = 3'650LL * 86'400'000;  // chosen: ten years; guards the arithmetic

std::int64_t read_clock_ms(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

}  // namespace

WallTime SystemClock::wall() {
  return {read_clock_ms(CLOCK_REALTIME)};
}
SteadyTime SystemClock::steady() {
  return {read_clock_ms(CLOCK_BOOTTIME)};
}

std::string to_rfc3339(WallTime time) {
  std::int64_t seconds = time.unix_ms / 1000;
  std::int64_t ms = time.unix_ms % 1000;
  if (ms < 0) {
    ms += 1000;
    --seconds;
  }
  const std::time_t value = seconds;
  std::tm utc{};
  gmtime_r(&value, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                     utc.tm_hour, utc.tm_min, utc.tm_sec, ms);
}

Result<Duration> parse_duration(std::string_view text) {
  const auto wrong = [&] {
    return fail(Code::InvalidArgument, fmt::format("\"{}\" is not a duration. Write 90s, 5m, 2h30m or 14d", text));
  };
  if (text.empty()) return wrong();
  std::int64_t total = 0;
  std::size_t unit_at = 0;
  std::string_view rest = text;
  while (!rest.empty()) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (error != std::errc{} || number < 0) return wrong();
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    const std::size_t suffix_length = std::min(rest.find_first_of("0123456789"), rest.size());
    const std::string_view suffix = rest.substr(0, suffix_length);
    while (unit_at < kUnits.size() && kUnits[unit_at].suffix != suffix) ++unit_at;
    if (unit_at == kUnits.size() || number > kDurationMaxMs / kUnits[unit_at].ms) return wrong();
    total += number * kUnits[unit_at].ms;
    ++unit_at;
    rest.remove_prefix(suffix_length);
  }
  if (total > kDurationMaxMs) return wrong();
  return Duration(total);
}

std::string to_string(Duration duration) {
  std::int64_t left = duration.count();
  if (left == 0) return "0s";
  std::string out = left < 0 ? "-" : "";
  if (left < 0) left = -left;
  for (const Unit& unit : kUnits) {
    if (left >= unit.ms) out += fmt::format("{}{}", left / unit.ms, unit.suffix);
    left %= unit.ms;
  }
  return out;
}

}  // namespace kelpie
