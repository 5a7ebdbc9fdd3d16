// What a release wants that a device's facts can deny, and what they deny. The proof of a release is its success; facts
// only take it away, and only for what they show to be otherwise, not for what they do not show.
#pragma once

#include <compare>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "proto/base/clock.h"
#include "proto/base/digest.h"

namespace kelpie::hub {

struct WorkloadName {
  std::string name_space;
  std::string name;
  std::string kind;  // Deployment, DaemonSet, StatefulSet: what stays there when it has done its work
  friend auto operator<=>(const WorkloadName&, const WorkloadName&) = default;
  friend bool operator==(const WorkloadName&, const WorkloadName&) = default;
};
struct ImageName {
  std::string ref;
  std::string digest;
  friend bool operator==(const ImageName&, const ImageName&) = default;
};

/// Add-ons by their own names, never by an alias.
struct Wants {
  bool is_running = false;
  std::string channel;          // empty: any
  std::optional<bool> is_held;  // automatic refreshes; empty: as they are
  std::vector<std::string> addons;
  std::vector<std::string> addons_absent;
  std::vector<ImageName> images;
  std::vector<WorkloadName> workloads;
  friend bool operator==(const Wants&, const Wants&) = default;
};

struct ImageSeen {
  std::string digest;
  bool is_pinned = false;
};
/// What the device itself found changed of the release it watches.
struct FieldSeen {
  std::string field;
  std::string wanted;
  std::string found;
  std::string by;
};
struct Sight {
  std::string node_state;  // running, starting, stopped, not-ready, worker, low-memory, not-installed, unknown
  std::string channel;
  std::optional<bool> is_held;
  std::string snap_change;   // snapd's newest of microk8s
  bool has_objects = false;  // what follows was read, and is all there is
  std::vector<std::string> addons;
  std::vector<std::string> addons_absent;  // nothing of them is there; an add-on may be in neither list
  std::vector<WorkloadName> workloads;
  bool has_images = false;
  std::map<std::string, ImageSeen> images;  // by reference
  Digest watched;                           // the release that the device compared itself with; zero: none
  std::vector<FieldSeen> fields;
};

/// Which part of a sight decides on a field. What was not read stays as it was last seen.
enum class Evidence { Node, Objects, Images, Watch };
struct Moved {
  std::string wanted;
  std::string found;
  std::string by;  // empty: not known
  bool is_by_command = false;
  WallTime since;  // noticed
  Evidence evidence = Evidence::Node;
  friend bool operator==(const Moved&, const Moved&) = default;
};

/// By field: node, channel, hold, addons/dns, images/REF, workloads/NAMESPACE/NAME, and what devices name themselves.
struct Drift {
  std::map<std::string, Moved, std::less<>> moved;
  [[nodiscard]] bool is_empty() const { return moved.empty(); }
  /// One for people each, at most 16.
  [[nodiscard]] std::vector<std::string> lines() const;
  friend bool operator==(const Drift&, const Drift&) = default;
};
[[nodiscard]] std::string line_of(const std::string& field, const Moved& moved);

struct Look {
  Digest release;  // the proved one
  WallTime now;
  std::string command;  // that the device was carrying out; empty: none
};
/// The drift after these facts, from what it was before them.
[[nodiscard]] Drift drift_after(Drift before, const Wants& wants, const Sight& sight, const Look& look);

}  // namespace kelpie::hub
