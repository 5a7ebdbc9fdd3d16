// What snapd knows about MicroK8s, and changes it is asked for, over its socket (facts, microk8s 3.6 to 3.8: the CLI
// says 0 when it did not switch the channel, and has no ids that survive a restart).
#pragma once

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
  bool is_held = false;
  std::string blocked;                // why its health is blocked; empty when it is not
  std::vector<std::string> services;  // that are active
  /// Kubernetes runs when kubelite does; etcd, flanneld and the proxy are inactive by design.
  [[nodiscard]] bool is_running() const;
};

struct SnapdSystem {
  std::string version;
  std::string architecture;  // amd64, arm64
  bool is_on_classic = true;
};

[[nodiscard]] Tried<SnapdSystem> read_system(const Work& work);
/// Not installed is an answer, not trouble.
[[nodiscard]] Tried<Snap> read_snap(const Work& work);
/// As read_snap; trouble when it is not installed.
[[nodiscard]] Tried<Snap> read_installed_snap(const Work& work);
/// Whether the store has this channel for this device. Trouble: StoreUnreachable.
[[nodiscard]] Tried<bool> has_channel(const Work& work, const std::string& channel);

/// Waits until no change of MicroK8s is in progress: somebody else's, or ours before a restart. How they end is seen
/// in what they leave.
[[nodiscard]] Tried<void> await_changes(const Work& work, std::string_view doing);
/// Asks for a change and waits for its end; an action that has nothing to do is done. Waits out conflicts.
[[nodiscard]] Tried<void> change_snap(const Work& work, const Json& request, std::string_view doing);
[[nodiscard]] Tried<void> start_services(const Work& work);

/// Holds automatic refreshes for ever, or lets them go. Before snapd 2.58 only those of all snaps can be held.
enum class Hold { On, Off };
[[nodiscard]] Tried<void> hold_refreshes(const Work& work, Hold hold);

}  // namespace kelpie::agent
