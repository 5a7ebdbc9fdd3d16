// Changes that snapd is asked for: accepted, noted, waited for, by an id that outlives agent and snapd (facts, microk8s
// 3.6 and 3.7).
#pragma once

#include <functional>
#include <string>

#include "device-agent/microk8s/snapd_answer.h"

namespace kelpie::agent {

struct SnapWish {
  std::string method = "POST";
  std::string path = "/v2/snaps/microk8s";
  Json request;
  std::string doing;  // for people: "installing 1.32/stable"
  /// Asked before the request is repeated, as somebody else may have done it, or snapd before its answer was lost.
  std::function<Tried<bool>()> is_reached = {};
  /// Asks instead of method, path and request: with a file.
  std::function<Tried<SnapdAnswer>(const Work& work)> ask = {};
};
/// Asks and waits for the end; an action that has nothing to do is done. Waits out conflicts, running commands of the
/// snap and restarts of snapd. Trouble: as snapd refuses, or as the change ended, with the log of its tasks.
[[nodiscard]] Tried<void> change_snap(const Work& work, const SnapWish& wish);

/// The change that this step had begun before the agent restarted. Trouble: as it ended. Fine when nothing is noted, or
/// when snapd has forgotten it: what it left is looked at anyway.
[[nodiscard]] Tried<void> resume_change(const Work& work, const std::string& note);

/// Waits until no change of MicroK8s is in progress: somebody else's, or ours that nobody noted. How they end is seen
/// in what they leave.
[[nodiscard]] Tried<void> await_changes(const Work& work, std::string_view doing);
/// What is in progress: "41: Refresh "microk8s" snap"; empty: nothing.
[[nodiscard]] Tried<std::string> read_open_change(const Work& work);

}  // namespace kelpie::agent
