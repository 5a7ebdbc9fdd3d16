// snapd's half of the device: changes that go on with time, and what starts them. Behind both the socket and `snap`.
#pragma once

#include <string>

#include "tools/sim/microk8s/device_state.h"
#include "tools/sim/microk8s/json.h"

namespace kelpie::sim {

inline constexpr std::uint64_t kSnapBytes = 180ULL << 20U;  // facts, microk8s 3.1: "180MB"

/// What a snap's file says of itself.
struct SnapPackage {
  std::string name;
  std::string revision;
  std::string version;
  std::string confinement;
  std::string base;  // empty: none, as a base itself
};

struct SnapWish {
  // install, refresh, revert, remove, switch, enable, disable, hold, unhold, start, stop, restart, sideload
  std::string action;
  std::string channel;
  std::string revision;
  std::string hold_until;  // "forever" or RFC 3339
  bool is_classic = false;
  bool is_enabling = false;  // start and stop: also at the next boot
  bool ignores_running = false;
  bool is_purging = false;   // remove: without a snapshot of the data first
  SnapPackage package = {};  // sideload
  std::string file_name = {};
};

struct SnapRefusal {
  int status = 0;  // 0: none
  std::string message;
  std::string kind;
  Json value;
};

/// Why it is refused at once; status 0: it is not. Uses up faults that strike here.
[[nodiscard]] SnapRefusal refusal_of(DeviceState& state, const World& world, const SnapWish& wish);

/// Accepted: a change is under way and its id is in `change`. Refused: nothing happened.
struct SnapAnswer {
  SnapRefusal refusal;
  std::string change;
};
[[nodiscard]] SnapAnswer begin_change(DeviceState& state, const World& world, const SnapWish& wish, SteadyTime now);

/// Ends what is due.
void settle_changes(DeviceState& state, SteadyTime now);
/// As GET /v2/changes/ID answers.
[[nodiscard]] Json change_json(const SnapChange& change, SteadyTime now);
/// As GET /v2/snaps/microk8s answers.
[[nodiscard]] Json snap_json(const DeviceState& state);

}  // namespace kelpie::sim
