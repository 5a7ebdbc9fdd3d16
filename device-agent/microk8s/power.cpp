#include "device-agent/microk8s/power.h"

#include <fmt/core.h>

#include "device-agent/microk8s/access.h"
#include "device-agent/microk8s/commands.h"
#include "device-agent/microk8s/snapd.h"

namespace kelpie::agent {
namespace {

using std::chrono::seconds;

constexpr Duration kStopLimit = seconds(300);  // facts, microk8s 8
constexpr Duration kLookEvery = seconds(2);

}  // namespace

std::string_view to_string(Power power) {
  switch (power) {
    case Power::Absent: return "absent";
    case Power::Stopped: return "stopped";
    case Power::Running: return "running";
  }
  return "absent";
}

Tried<Power> read_power(const Work& work) {
  KELPIE_TRY(const Snap snap, read_snap(work));
  if (!snap.is_installed) return Power::Absent;
  KELPIE_TRY(require_startable(work));
  const bool is_stopped = read_lock(work) == Lock::Stopped || !snap.is_running();
  return is_stopped ? Power::Stopped : Power::Running;
}

Tried<void> start_microk8s(const Work& work) {
  KELPIE_TRY(const Snap snap, read_installed_snap(work));
  KELPIE_TRY(require_startable(work));
  // Services of the strict snap stay off until its interfaces are connected (facts, microk8s 3.9).
  if (!snap.blocked.empty()) return trouble(Reason::SnapBlocked, snap.blocked);
  // Not `microk8s start`: it calls sudo, and its 0 says nothing (facts, microk8s 2.2).
  return start_services(work);
}

Tried<std::string> await_running(const Work& work) {
  while (read_lock(work) == Lock::Stopped) {
    if (work.is_over()) return trouble(Reason::NodeStopped, "the lock of a stopped MicroK8s is still there");
    work.say("waiting for kubelite to take its lock away");
    KELPIE_TRY(work.wait(kLookEvery));
  }
  KELPIE_TRY(const Node node, await_node(work));
  return ready_text(node);
}

Tried<void> stop_microk8s(const Work& work) {
  work.say("stopping MicroK8s");
  // Through snapd its containers run on until the next start or reboot, and no lock is written (facts, microk8s 2.3).
  KELPIE_TRY(const Access access, read_access(work));
  if (access == Access::SnapdOnly) return stop_services(work);
  KELPIE_TRY(const Exit exit, run_microk8s(work, {.arguments = {"stop"}, .limit = kStopLimit}));
  if (exit.code == 0) return {};
  return trouble(Reason::NodeRunning, fmt::format("microk8s stop ended with {}: {}", exit.code, last_line(exit.err)),
                 exit.out + exit.err);
}

Tried<void> require_stopped(const Work& work) {
  KELPIE_TRY(const Snap snap, read_installed_snap(work));
  if (!snap.services.empty()) {
    return trouble(Reason::NodeRunning, fmt::format("still running: {}", joined(snap.services)));
  }
  KELPIE_TRY(const Access access, read_access(work));
  if (access == Access::SnapdOnly || read_lock(work) == Lock::Stopped) return {};
  // Through snapd alone: containers run on, and what is enabled starts at the next boot (facts, microk8s 2.3).
  return trouble(Reason::NodeRunning,
                 "its services are stopped, but not by MicroK8s: containers may still run, and its lock is missing");
}

}  // namespace kelpie::agent
