#include "hub/core/warnings.h"

#include <algorithm>

#include <fmt/format.h>

namespace kelpie::hub {
namespace {

constexpr std::uint64_t kMebi = 1U << 20U;
constexpr std::uint64_t kDiskLow = 4096 * kMebi;   // facts, microk8s 9: kubelet evicts at 1 GiB; warned of earlier
constexpr std::uint64_t kDiskShare = 15;           // per cent, when that is less: small cards
constexpr std::uint64_t kInodesShare = 5;          // per cent, chosen
constexpr std::uint64_t kMemoryLow = 150 * kMebi;  // facts, microk8s 1: hard eviction below 100 MiB
constexpr std::int32_t kHot = 80;                  // degrees: a Raspberry Pi slows down from there
constexpr std::uint64_t kDatastoreLarge = 1024 * kMebi;             // chosen: microk8s issue 2167 began there
constexpr Duration kCertificateSoon = std::chrono::hours(24) * 30;  // facts, microk8s 9
constexpr Duration kClockOff = std::chrono::minutes(1);             // chosen: more than a slow line makes

// get_throttled: what is, and from bit 16 what was since the device began.
constexpr std::uint32_t kUnderVoltage = 1U << 0U;
constexpr std::uint32_t kSlowed = 1U << 1U | 1U << 2U | 1U << 3U;
constexpr std::uint32_t kWas = 16;

constexpr std::uint64_t kPerCent = 100;

std::string mebibytes(std::uint64_t bytes) {
  constexpr std::uint64_t kGibi = 1024;
  const std::uint64_t mebi = bytes / kMebi;
  return mebi < 10 * kGibi ? fmt::format("{} MiB", mebi) : fmt::format("{} GiB", mebi / kGibi);
}

void judge_space(const Readings& in, Warnings& out) {
  const std::uint64_t low = std::min(kDiskLow, in.disk_bytes / kPerCent * kDiskShare);
  if (in.disk_bytes != 0 && in.disk_free_bytes < low) {
    out["disk"] =
        fmt::format("disk nearly full: {} free of {}", mebibytes(in.disk_free_bytes), mebibytes(in.disk_bytes));
  }
  if (in.inodes != 0 && in.inodes_free < in.inodes / kPerCent * kInodesShare) {
    out["inodes"] = fmt::format("disk nearly out of inodes: {} free of {}", in.inodes_free, in.inodes);
  }
  if (in.memory_available_bytes != 0 && in.memory_available_bytes < kMemoryLow) {
    out["memory"] = fmt::format("memory nearly used up: {} available of {}", mebibytes(in.memory_available_bytes),
                                mebibytes(in.memory_bytes));
  }
  if (in.datastore_bytes > kDatastoreLarge) {
    out["datastore"] = fmt::format("the datastore takes {}: it should stay below {}", mebibytes(in.datastore_bytes),
                                   mebibytes(kDatastoreLarge));
  }
}

void judge_board(const Readings& in, Warnings& out) {
  if (in.temperature_c && *in.temperature_c >= kHot) out["temperature"] = fmt::format("hot: {} °C", *in.temperature_c);
  if (!in.throttled) return;
  if ((*in.throttled & kUnderVoltage) != 0) {
    out["power"] = "undervoltage now: it damages the datastore; use the supply made for the board";
  } else if ((*in.throttled & kUnderVoltage << kWas) != 0) {
    out["power"] = "undervoltage seen since the device began: use the supply made for the board";
  } else if ((*in.throttled & kSlowed) != 0) {
    out["power"] = "the board slows itself down";
  }
}

void judge_clock(const Readings& in, WallTime now, Warnings& out) {
  if (in.device_time == WallTime{}) return;
  const bool is_ahead = in.device_time > now;
  const Duration gap = is_ahead ? in.device_time - now : now - in.device_time;
  if (gap < kClockOff) return;
  out["clock"] = fmt::format("its clock is {} {} the hub's", to_string(gap), is_ahead ? "ahead of" : "behind");
}

void judge_certificates(const Readings& in, WallTime now, Warnings& out) {
  const auto first = std::ranges::min_element(in.certificates, {}, &CertificateSeen::not_after);
  if (first == in.certificates.end() || first->not_after - now > kCertificateSoon) return;
  constexpr auto kDay = std::chrono::hours(24);
  const auto days = (first->not_after - now) / std::chrono::duration_cast<Duration>(kDay);
  out["certificates"] = first->not_after <= now ? fmt::format("certificate {} has expired", first->name)
                                                : fmt::format("certificate {} expires in {} {}", first->name, days,
                                                              days == 1 ? "day" : "days");
}

}  // namespace

const std::vector<std::string_view>& warning_kinds() {
  static const std::vector<std::string_view> kinds{"certificates", "clock", "datastore", "disk",  "inodes",
                                                   "memory",       "node",  "pods",      "power", "temperature"};
  return kinds;
}

Warnings warnings_of(const Readings& readings, WallTime now) {
  Warnings out;
  judge_space(readings, out);
  judge_board(readings, out);
  judge_clock(readings, now, out);
  judge_certificates(readings, now, out);
  if (!readings.pressures.empty()) {
    out["node"] = fmt::format("the node is under {}", fmt::join(readings.pressures, ", "));
  }
  if (readings.pods_not_ready > 0) {
    out["pods"] = fmt::format("{} {} not ready: {}", readings.pods_not_ready,
                              readings.pods_not_ready == 1 ? "pod is" : "pods are", readings.first_ill_pod);
  }
  return out;
}

}  // namespace kelpie::hub
