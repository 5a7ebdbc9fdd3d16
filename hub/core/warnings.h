// What of a device's readings a person should look at before it becomes a failure. Judged when they come, kept by kind.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/base/clock.h"

namespace kelpie::hub {

struct CertificateSeen {
  std::string name;
  WallTime not_after;
};
struct Readings {
  std::uint64_t memory_bytes = 0;
  std::uint64_t memory_available_bytes = 0;
  std::uint64_t disk_bytes = 0;
  std::uint64_t disk_free_bytes = 0;
  std::uint64_t inodes = 0;
  std::uint64_t inodes_free = 0;
  std::optional<std::int32_t> temperature_c;
  std::optional<std::uint32_t> throttled;  // a Raspberry Pi's get_throttled
  std::vector<std::string> pressures;
  WallTime device_time;  // zero: it does not say
  std::uint64_t datastore_bytes = 0;
  std::uint32_t pods_not_ready = 0;
  std::string first_ill_pod;  // "kube-system/calico-node-x: CrashLoopBackOff"
  std::vector<CertificateSeen> certificates;
};

/// A sentence by kind: certificates, clock, datastore, disk, inodes, memory, node, pods, power, temperature.
using Warnings = std::map<std::string, std::string, std::less<>>;
[[nodiscard]] const std::vector<std::string_view>& warning_kinds();
[[nodiscard]] Warnings warnings_of(const Readings& readings, WallTime now);

}  // namespace kelpie::hub
