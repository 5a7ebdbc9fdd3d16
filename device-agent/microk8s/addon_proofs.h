// How the effect of an add-on is proved: by its own workloads, never by `microk8s status`, which calls a pending pod
// enabled (facts, microk8s 5.6). Files stand in where an add-on has no workload.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "device-agent/microk8s/work.h"
#include "proto/wire/addons.h"

namespace kelpie::agent {

struct AddonState {
  bool is_there = false;  // some of its effect is
  bool is_ready = false;  // all of it is
  std::string what;       // evidence, or what is missing
  std::optional<Trouble> trouble;
};
/// minor: of the track, 32 of 1.32; tracks differ in what an add-on makes. Not known: the newest.
/// Trouble: what makes the API server unreadable.
[[nodiscard]] Tried<AddonState> read_addon(const Work& work, const wire::AddonRow& row, std::optional<int> minor);
/// metallb's own addresses; null when there are none.
[[nodiscard]] Tried<Json> read_pool(const Work& work);
/// What its lock file says; empty without one.
[[nodiscard]] std::string host_access_address(const Work& work);
/// Names as `microk8s status --format short` lists them; its words only, not proof.
[[nodiscard]] Tried<std::vector<std::string>> listed_addons(const Work& work);

/// One look for all, for the facts. An add-on that is half there, or cannot be told, is in neither list.
struct AddonsSeen {
  std::vector<std::string> ready;   // all its workloads are among these deployments and daemon sets, and ready
  std::vector<std::string> absent;  // none is
};
[[nodiscard]] AddonsSeen see_addons(const Work& work, const Json::Array& workloads, std::optional<int> minor);

/// Whether this MicroK8s has the add-on at all; true when its list cannot be read.
[[nodiscard]] bool is_known_addon(const Work& work, const std::string& name);

}  // namespace kelpie::agent
