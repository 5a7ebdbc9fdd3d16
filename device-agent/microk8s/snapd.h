// What snapd knows about MicroK8s, over its socket (facts, microk8s 3.6 to 3.8: the CLI says 0 when it did not switch
// the channel, and has no ids that survive a restart).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "device-agent/microk8s/work.h"

namespace kelpie::agent {

struct Snap {
  bool is_installed = false;
  std::string channel;  // tracking
  std::string revision;
  std::string version;
  std::string confinement;
  bool is_active = false;
  bool is_held = false;               // for ever, by its own hold or by ours of all snaps
  std::string system_hold;            // until when refreshes of all snaps are held; not read when its own are
  std::string blocked;                // why its health is blocked; empty when it is not
  std::vector<std::string> services;  // that are active
  bool is_kubelite_enabled = false;   // so that it starts with the device
  /// Kubernetes runs when kubelite does; etcd, flanneld and the proxy are inactive by design.
  [[nodiscard]] bool is_running() const;
};

struct SnapdSystem {
  std::string version;
  std::string architecture;  // amd64, arm64
  bool is_on_classic = true;
};

/// From snapd 2.58 on.
[[nodiscard]] bool can_hold_one_snap(const std::string& version);
[[nodiscard]] Tried<SnapdSystem> read_system(const Work& work);
/// Not installed is an answer, not trouble.
[[nodiscard]] Tried<Snap> read_snap(const Work& work);
/// As read_snap; trouble when it is not installed.
[[nodiscard]] Tried<Snap> read_installed_snap(const Work& work);

/// What the store has in a channel for this device.
struct StoreChannel {
  std::string version;
  std::string confinement;  // empty: the store does not say
  std::uint64_t bytes = 0;
};
/// Trouble: StoreUnreachable, SnapNotFound, ChannelUnknown.
[[nodiscard]] Tried<StoreChannel> find_channel(const Work& work, const std::string& channel);

[[nodiscard]] Tried<void> start_services(const Work& work);
[[nodiscard]] Tried<void> stop_services(const Work& work);

/// The newest change of MicroK8s that snapd remembers (it forgets after a day): "42 Refresh "microk8s" snap, Done".
struct SnapChanges {
  bool is_one_under_way = false;
  std::string newest;
};
[[nodiscard]] Tried<SnapChanges> read_changes(const Work& work);

/// Holds automatic refreshes for ever, or lets go of such a hold. Before snapd 2.58 there is only an option of the
/// system, for all snaps: one that somebody else has set is left alone unless it must become longer.
enum class Hold { On, Off };
[[nodiscard]] Tried<void> hold_refreshes(const Work& work, Hold hold);
/// As they were: its own hold, and the system's option.
[[nodiscard]] Tried<void> restore_holds(const Work& work, bool is_held, const std::string& system_hold);

}  // namespace kelpie::agent
