// Time as values, and the seam that reads it. Nothing below the seams may ask the operating system.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "proto/base/result.h"

namespace kelpie {

using Duration = std::chrono::milliseconds;

/// Milliseconds since 1970-01-01 UTC. May jump: never proof of order.
struct WallTime {
  std::int64_t unix_ms = 0;
  friend auto operator<=>(const WallTime&, const WallTime&) = default;
  friend bool operator==(const WallTime&, const WallTime&) = default;
};
inline WallTime operator+(WallTime time, Duration by) {
  return {time.unix_ms + by.count()};
}
inline WallTime operator-(WallTime time, Duration by) {
  return {time.unix_ms - by.count()};
}
inline Duration operator-(WallTime a, WallTime b) {
  return Duration(a.unix_ms - b.unix_ms);
}

/// Milliseconds of a clock that never steps and counts suspend (CLOCK_BOOTTIME). Means nothing after a reboot.
struct SteadyTime {
  std::int64_t ms = 0;
  friend auto operator<=>(const SteadyTime&, const SteadyTime&) = default;
  friend bool operator==(const SteadyTime&, const SteadyTime&) = default;
};
inline SteadyTime operator+(SteadyTime time, Duration by) {
  return {time.ms + by.count()};
}
inline Duration operator-(SteadyTime a, SteadyTime b) {
  return Duration(a.ms - b.ms);
}

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual WallTime wall() = 0;
  [[nodiscard]] virtual SteadyTime steady() = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] WallTime wall() override;
  [[nodiscard]] SteadyTime steady() override;
};

/// RFC 3339 in UTC with milliseconds: 2026-11-22T09:14:03.123Z
[[nodiscard]] std::string to_rfc3339(WallTime time);
/// "90s", "5m", "2h30m", "14d", "250ms". Errors: InvalidArgument that says how to write it.
[[nodiscard]] Result<Duration> parse_duration(std::string_view text);
/// The shortest form parse_duration reads back: 90s, 5m, 2h30m, 14d.
[[nodiscard]] std::string to_string(Duration duration);

}  // namespace kelpie
