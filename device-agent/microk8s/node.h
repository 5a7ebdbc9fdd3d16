// How this device's Kubernetes is: locks, API server, node. Never `microk8s status`: its exit codes and its "ready" say
// something else (facts, microk8s 2.1).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "device-agent/microk8s/snapd.h"

namespace kelpie::agent {

enum class Lock { None, Worker, LowMemory, Stopped };
[[nodiscard]] Lock read_lock(const Work& work);
/// Trouble when a lock says that no control plane runs here, or none may.
[[nodiscard]] Tried<void> require_control_plane(const Work& work);
/// The same but for a stop, which a start ends.
[[nodiscard]] Tried<void> require_startable(const Work& work);

[[nodiscard]] Tried<bool> is_api_ready(const Work& work);
[[nodiscard]] Tried<void> await_api(const Work& work);
/// v1.32.3, of the server.
[[nodiscard]] Tried<std::string> read_server_version(const Work& work);

struct Node {
  std::string name;
  std::string kubelet_version;
  std::string address;  // of the device's network
  bool is_ready = false;
  bool is_cordoned = false;
  std::string why;                     // not Ready
  std::vector<std::string> pressures;  // MemoryPressure, DiskPressure, PIDPressure, NetworkUnavailable, when they hold
};
[[nodiscard]] Tried<Node> read_node(const Work& work);
/// One look, for restore points: going back owes no more than there was. What does not answer is not Ready.
[[nodiscard]] bool is_node_ready(const Work& work);
/// "node pi-01 Ready, v1.32.3, cordoned"
[[nodiscard]] std::string ready_text(const Node& node);
/// Waits for API server and node. Trouble: ApiNotReady, NodeNotReady, SandboxImageUnavailable as soon as it is seen.
[[nodiscard]] Tried<Node> await_node(const Work& work);

/// The trap of a site behind a firewall: without the pause image no pod starts, and nothing says so but an event
/// (facts, microk8s 6.5). The trouble names the image and the line of a release that brings it.
[[nodiscard]] std::optional<Trouble> find_sandbox_trap(const Work& work);

}  // namespace kelpie::agent
