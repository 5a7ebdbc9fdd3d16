// What of new facts is news. Readings that never stand still are told when they moved far enough, or with something
// else; and after an hour in any case.
#include "device-agent/core/facts.h"

#include <algorithm>
#include <cstdlib>

namespace kelpie::agent {
namespace {

constexpr std::uint64_t kDiskShare = 100;     // one hundredth is news
constexpr std::uint64_t kInodesShare = 20;    // a twentieth
constexpr std::uint64_t kMemoryShare = 8;     // an eighth
constexpr std::int32_t kDegrees = 5;          // chosen: a fan's hysteresis
constexpr std::uint64_t kDatastoreShare = 8;  // an eighth of what it was

std::uint64_t gap(std::uint64_t a, std::uint64_t b) {
  return a > b ? a - b : b - a;
}

/// Keeps the old reading while the new one is close to it.
void hold(std::uint64_t old, std::uint64_t step, std::uint64_t& reading) {
  if (gap(old, reading) < step) reading = old;
}

void hold_temperature(const Facts& old, Facts& next) {
  if (!old.temperature_c || !next.temperature_c) return;
  if (std::abs(*old.temperature_c - *next.temperature_c) < kDegrees) next.temperature_c = old.temperature_c;
}

void hold_checkup(const Facts& old, Facts& next) {
  if (!old.checkup || !next.checkup) return;
  const Checkup& before = *old.checkup;
  hold(before.datastore_bytes, std::max<std::uint64_t>(before.datastore_bytes / kDatastoreShare, 1),
       next.checkup->datastore_bytes);
}

}  // namespace

bool is_news(const Facts& old, Facts next) {
  hold(old.disk_free_bytes, next.disk_bytes / kDiskShare, next.disk_free_bytes);
  hold(old.disk_inodes_free, next.disk_inodes / kInodesShare, next.disk_inodes_free);
  hold(old.memory_available_bytes, next.memory_bytes / kMemoryShare, next.memory_available_bytes);
  hold_temperature(old, next);
  hold_checkup(old, next);
  return next != old;
}

}  // namespace kelpie::agent
