// What a release wants that a device's facts can deny, and what they deny. The proof of a release is its success; facts
// only take it away, and only for what they show to be absent, not for what they do not show.
#pragma once

#include <compare>
#include <string>
#include <vector>

namespace kelpie::hub {

struct WorkloadName {
  std::string name_space;
  std::string name;
  std::string kind;  // Deployment, DaemonSet, StatefulSet: what stays there when it has done its work
  friend auto operator<=>(const WorkloadName&, const WorkloadName&) = default;
  friend bool operator==(const WorkloadName&, const WorkloadName&) = default;
};

/// Add-ons by their own names, never by an alias.
struct Wants {
  bool is_running = false;
  std::string channel;  // empty: any
  std::vector<std::string> addons;
  std::vector<std::string> addons_absent;
  std::vector<WorkloadName> workloads;
  friend bool operator==(const Wants&, const Wants&) = default;
};

struct Sight {
  std::string node_state;  // running, stopped, not-ready, worker, low-memory, not-installed
  std::string channel;
  bool has_objects = false;  // what follows was read, and is all there is
  std::vector<std::string> addons;
  std::vector<std::string> addons_absent;  // nothing of them is there; an add-on may be in neither list
  std::vector<WorkloadName> workloads;
};

/// One line for people each. Objects are only seen on a node that answers: what was denied before stays denied then.
struct Drift {
  std::vector<std::string> node;
  std::vector<std::string> objects;
  [[nodiscard]] bool is_empty() const { return node.empty() && objects.empty(); }
  [[nodiscard]] std::vector<std::string> lines() const;
  friend bool operator==(const Drift&, const Drift&) = default;
};

/// The drift after these facts, from what it was before them.
[[nodiscard]] Drift drift_after(Drift before, const Wants& wants, const Sight& sight);

}  // namespace kelpie::hub
