// MicroK8s' add-ons: which Kelpie takes, which it refuses and why, and what each needs, proves and destroys. One table
// for the CLI that signs, the device that carries out and `kelpie schema release.addons`. Source: facts, microk8s 5.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace kelpie::wire {

/// Where an add-on is meant for. What is not known refuses nothing.
struct AddonPlace {
  std::optional<int> minor;       // 32 of track 1.32
  std::optional<bool> is_strict;  // else classic
  std::string architecture;       // snapd's word: amd64, arm64
};

inline constexpr int kAnyMinor = 1'000;  // of tracks that have it to this day
inline constexpr int kNoMinor = 0;
inline constexpr int kTraefikSinceMinor = 35;  // ingress was nginx before (facts, microk8s 1)

struct AddonRow {
  std::string_view name;
  std::string_view stands_for = {};             // of an older name: the present one
  std::string_view refused = {};                // why it is neither enabled nor disabled; empty: it is taken
  std::string_view arguments = {};              // how they are written; empty: it takes none
  std::string_view proof = {};                  // what must be seen on the device
  std::string_view internet = {};               // what its script fetches besides images
  int internet_since = 0;                       // minor of the first track that does
  std::string_view loss = {};                   // what disabling it destroys
  std::array<std::string_view, 2> brings = {};  // other add-ons that its script enables first; empty: none
  std::string_view advice = {};                 // what a person should know before
  int first_minor = kNoMinor;                   // tracks 1.first to 1.last have it
  int last_minor = kAnyMinor;
  std::string_view architecture = {};  // the only one that has it
  bool is_classic_only = false;
  bool is_always_on = false;   // nothing is run for it; it cannot be taken out
  bool survives_reset = true;  // disabled and enabled again it still has what it held
  int script_limit_s = 300;    // facts, microk8s 5.6: upstream's own budget
};

/// Of the core repository, by name; older names among them.
[[nodiscard]] std::span<const AddonRow> addon_rows();
/// Of the community repository, by name: known, so that they are refused with the right reason.
[[nodiscard]] std::span<const std::string_view> community_addons();
inline constexpr std::string_view kCommunityRefused =
    "comes from the community repository, whose scripts are cloned from the internet, run as root and signed by "
    "nobody: deploy it as a workload";

/// Under its present name; nullptr for what is not in the core repository.
[[nodiscard]] const AddonRow* find_addon(std::string_view name);

/// Why it cannot be on a device of that place; empty: it can.
[[nodiscard]] std::string misplaced(const AddonRow& row, const AddonPlace& place);

}  // namespace kelpie::wire
