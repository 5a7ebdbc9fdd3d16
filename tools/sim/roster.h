// Who is in a simulated fleet: names, labels and keys, the same for the same count and seed on every machine.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "proto/wire/keys.h"

namespace kelpie::sim {

using Labels = std::map<std::string, std::string>;

struct RosterEntry {
  std::string name;  // pi-turin-01
  Labels labels;     // site, tier, model, and what the caller adds
  std::uint64_t number = 0;
};

// chosen: above what the simulator is built for; the guarded memory of a device's key takes four of the 65,530 mappings
// that Linux lets a process have (vm.max_map_count).
inline constexpr std::size_t kDevicesMax = 15'000;

/// Sites in turn; every fourth device of a site is a NUC.
[[nodiscard]] std::vector<RosterEntry> make_roster(std::size_t count, const Labels& more_labels);
[[nodiscard]] wire::SigningKey key_of(std::uint64_t seed, const RosterEntry& entry);
/// {"name":…,"key":…,"labels":{…}}: one line of what kelpie device add --from reads.
[[nodiscard]] std::string to_json_line(const RosterEntry& entry, std::uint64_t seed);

}  // namespace kelpie::sim
