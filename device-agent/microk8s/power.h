// Starting and stopping MicroK8s, each with its proof: the start and stop steps undo each other.
#pragma once

#include <string>

#include "device-agent/microk8s/node.h"

namespace kelpie::agent {

enum class Power { Absent, Stopped, Running };
/// Running: services active and no lock, whatever Kubernetes says.
[[nodiscard]] Tried<Power> read_power(const Work& work);
[[nodiscard]] std::string_view to_string(Power power);

/// Asks snapd to start the services; proof is await_running's.
[[nodiscard]] Tried<void> start_microk8s(const Work& work);
/// Waits for lock, API server and node Ready. Trouble: NodeStopped, ApiNotReady, NodeNotReady, SandboxImageUnavailable.
[[nodiscard]] Tried<std::string> await_running(const Work& work);

[[nodiscard]] Tried<void> stop_microk8s(const Work& work);
/// Trouble: NodeRunning, saying what still runs.
[[nodiscard]] Tried<void> require_stopped(const Work& work);

}  // namespace kelpie::agent
