#include "tools/sim/roster.h"

#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "proto/base/digest.h"
#include "proto/base/ids.h"
#include "proto/base/log.h"

namespace kelpie::sim {
namespace {

constexpr std::array<std::string_view, 20> kSites{"turin", "oslo",   "bern",    "lyon",  "porto",  "gent",  "graz",
                                                  "brno",  "malmo",  "tartu",   "delft", "kassel", "siena", "vigo",
                                                  "cork",  "aarhus", "leipzig", "split", "kaunas", "turku"};
constexpr std::size_t kDevicesPerSite = 8;  // 24 devices: three sites
constexpr std::size_t kNucEvery = 4;

}  // namespace

std::vector<RosterEntry> make_roster(std::size_t count, const Labels& more_labels) {
  const std::size_t sites = std::clamp<std::size_t>(count / kDevicesPerSite, 1, kSites.size());
  const std::size_t digits = count / sites + 1 > 99 ? 4 : 2;
  std::vector<RosterEntry> out;
  out.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view site = kSites[i % sites];
    const std::size_t in_site = i / sites + 1;
    const bool is_nuc = in_site % kNucEvery == 0;
    RosterEntry& entry = out.emplace_back();
    entry.number = i;
    entry.name = fmt::format("{}-{}-{:0{}}", is_nuc ? "nuc" : "pi", site, in_site, digits);
    entry.labels = {
        {"site", std::string(site)}, {"tier", is_nuc ? "gateway" : "edge"}, {"model", is_nuc ? "nuc" : "pi-4"}};
    for (const auto& [key, value] : more_labels) entry.labels[key] = value;
  }
  return out;
}

wire::SigningKey key_of(std::uint64_t seed, const RosterEntry& entry) {
  std::string text = "kelpie-sim key";
  append_le64(text, seed);
  append_le64(text, entry.number);
  SeededEntropy entropy(read_le64(blake2b_128(text).view()));
  return wire::SigningKey::generate(entropy);
}

std::string to_json_line(const RosterEntry& entry, std::uint64_t seed) {
  std::string labels;
  for (const auto& [key, value] : entry.labels) {
    labels += fmt::format(R"({}"{}":"{}")", labels.empty() ? "" : ",", log::escape(key), log::escape(value));
  }
  const DeviceId id = wire::device_id_of(key_of(seed, entry).public_key());
  return fmt::format(R"({{"name":"{}","key":"{}","labels":{{{}}}}})", entry.name, fingerprint(id.view()), labels);
}

}  // namespace kelpie::sim
