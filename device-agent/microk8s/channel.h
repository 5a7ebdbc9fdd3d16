// A snap channel as far as the rules of tracks need it (facts, microk8s 1 and 3.3).
#pragma once

#include <optional>
#include <string>

#include "device-agent/microk8s/snapd.h"

namespace kelpie::agent {

struct Channel {
  std::optional<int> minor;  // 32 of 1.32/stable; none of latest/…
  bool is_strict = false;
};
/// Trouble: ChannelInvalid when it is not TRACK/RISK or TRACK/RISK/BRANCH.
[[nodiscard]] Tried<Channel> parse_channel(const std::string& text);
/// v1.32.3 → 32
[[nodiscard]] std::optional<int> minor_of(const std::string& version);
/// Whether snapd may take this snap to that channel. Trouble: ConfinementChange, TrackSkipsMinor, TrackDowngrade.
[[nodiscard]] Tried<void> require_reachable(const Snap& snap, const Channel& wanted, const std::string& name);
/// The same by minor versions alone, for a channel whose name says none. Trouble: TrackSkipsMinor, TrackDowngrade.
[[nodiscard]] Tried<void> require_next_minor(const Snap& snap, std::optional<int> wanted, const std::string& name);

}  // namespace kelpie::agent
