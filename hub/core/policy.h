// How a rollout goes about it: what an operator writes below `policy`, as integers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/base/clock.h"

namespace kelpie::hub {

inline constexpr std::uint32_t kBasisPoints = 10'000;  // 100 %

enum class OnFail { Pause, Abort };
enum class DriftRule { Report, Repair, Ignore };  // R23
[[nodiscard]] std::string_view to_string(DriftRule rule);

struct WaveSpec {
  std::string name;
  std::uint32_t size = 0;                    // devices; 0: up_to_bp counts
  std::uint32_t up_to_bp = 0;                // cumulative share of all targets, 1..10000
  std::optional<Duration> soak;              // absent: 30 min for the first of several waves, else 10 min (R25)
  std::optional<std::uint32_t> failure_bp;   // absent: policy's; the first of several waves: 0
  std::optional<std::uint32_t> deferred_bp;  // absent: policy's; the first of several waves: 0
  std::optional<std::uint32_t> min_successes;
  friend bool operator==(const WaveSpec&, const WaveSpec&) = default;
};

struct Thresholds {
  std::uint32_t failure_bp = 500;     // R4: 5 %
  std::uint32_t deferred_bp = 2'000;  // R4: 20 %
  std::uint32_t min_successes = 1;
  friend bool operator==(const Thresholds&, const Thresholds&) = default;
};

/// R11's defaults.
struct Timeouts {
  Duration prepare = std::chrono::hours(6);
  Duration grant = std::chrono::minutes(10);
  Duration step = std::chrono::minutes(15);
  Duration attempt = std::chrono::minutes(45);
  Duration verify = std::chrono::minutes(10);
  Duration report_grace = std::chrono::minutes(15);
  Duration offline_grace = std::chrono::minutes(30);
  Duration wave = std::chrono::hours(24);
  Duration rollout = std::chrono::hours(24 * 14);
  friend bool operator==(const Timeouts&, const Timeouts&) = default;
};

/// R12: transient failures only; health and permanent ones wait for an operator.
struct Retry {
  std::uint32_t transient = 3;
  std::vector<Duration> backoff{std::chrono::minutes(1), std::chrono::minutes(5), std::chrono::minutes(20)};
  friend bool operator==(const Retry&, const Retry&) = default;
};

struct Policy {
  std::vector<WaveSpec> waves;  // empty: R25's by fleet size
  Thresholds thresholds;
  OnFail on_fail = OnFail::Pause;
  Timeouts timeouts;
  Retry retry;
  DriftRule drift = DriftRule::Report;  // of the fleet, not of a rollout
  friend bool operator==(const Policy&, const Policy&) = default;
};

}  // namespace kelpie::hub
