// The seam to the hub's memory of record: ordered keys, atomic batches.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/base/result.h"

namespace kelpie::hub {

struct Batch {
  struct Put {
    std::string key;
    std::string value;
  };
  std::vector<Put> puts;
  std::vector<std::string> deletes;
  bool must_sync = false;

  [[nodiscard]] bool is_empty() const { return puts.empty() && deletes.empty(); }
};

class KeyValueStore {
 public:
  virtual ~KeyValueStore() = default;
  /// Errors: Unavailable, DataLoss. Absent key: empty optional.
  [[nodiscard]] virtual Result<std::optional<std::string>> get(std::string_view key) const = 0;
  /// Rows whose key starts with prefix and is greater than after, in key order, until visit returns false.
  [[nodiscard]] virtual Result<void> scan(
      std::string_view prefix, std::string_view after,
      const std::function<bool(std::string_view key, std::string_view value)>& visit) const = 0;
  /// All or nothing; on stable storage before it returns when must_sync.
  [[nodiscard]] virtual Result<void> commit(const Batch& batch) = 0;
  /// For people and metrics; 0 for a store that is not on disk.
  [[nodiscard]] virtual std::uint64_t bytes_on_disk() const { return 0; }
};

// Key prefixes. Numbers are 16 hex digits so that they sort.
inline constexpr std::string_view kDevicePrefix = "d/";      // device hex → DeviceRecord
inline constexpr std::string_view kFactsPrefix = "f/";       // device hex → kelpie.v1.Facts as it came
inline constexpr std::string_view kFleetPrefix = "g/";       // name → FleetRecord
inline constexpr std::string_view kReleasePrefix = "s/";     // digest hex → ReleaseRecord
inline constexpr std::string_view kPlanPrefix = "p/";        // plan id → PlanRecord
inline constexpr std::string_view kAudiencePrefix = "q/";    // plan id → AudienceRecord
inline constexpr std::string_view kRolloutPrefix = "r/";     // rollout id → RolloutRecord (waves included)
inline constexpr std::string_view kTargetPrefix = "t/";      // rollout id / device hex → TargetRecord
inline constexpr std::string_view kAuditPrefix = "a/";       // number → AuditRecord
inline constexpr std::string_view kFeedPrefix = "e/";        // sequence → FeedRecord
inline constexpr std::string_view kRememberedPrefix = "i/";  // idempotency key → RememberedRecord
inline constexpr std::string_view kMetaPrefix = "m/";        // schema, audit peaks, installation id

}  // namespace kelpie::hub
