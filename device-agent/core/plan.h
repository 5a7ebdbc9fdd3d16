// A release as values: what inbound makes of verified bytes, what the core walks through and the step kinds carry out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proto/base/digest.h"

namespace kelpie::agent {

/// A snap and its assertions as files on the device, each by the 64 hex digits of its sha256.
struct SnapFile {
  std::string name;  // snapd, core20, microk8s
  std::string snap;
  std::string assertions;
  friend bool operator==(const SnapFile&, const SnapFile&) = default;
};
struct InstallStep {
  std::string channel;  // 1.32/stable or 1.32-strict/stable
  bool hold = true;
  std::vector<SnapFile> files = {};  // without the store, in this order; none: from the store
  bool proves_node = false;          // nothing later in the release does: neither start nor images
  friend bool operator==(const InstallStep&, const InstallStep&) = default;
};
struct StartStep {
  bool images_follow = false;  // in the same release: the node may not get Ready before them
  friend bool operator==(const StartStep&, const StartStep&) = default;
};
struct StopStep {
  friend bool operator==(const StopStep&, const StopStep&) = default;
};
struct InspectStep {
  bool wants_archive = false;  // of what is seen, sent to the hub
  friend bool operator==(const InspectStep&, const InspectStep&) = default;
};
struct CertsStep {
  std::uint32_t renew_before_s = 30 * 86'400;
  bool start_follows = false;  // in the same release: a stopped MicroK8s may be started for it
  friend bool operator==(const CertsStep&, const CertsStep&) = default;
};
struct SnapshotStep {
  std::string before_channel;  // of the install step after it, which may find nothing to do; empty: it was asked for
  friend bool operator==(const SnapshotStep&, const SnapshotStep&) = default;
};
struct MirrorHost {
  std::string url;
  std::vector<std::string> capabilities;  // empty: pull and resolve
  bool override_path = false;
  std::string ca;  // PEM; empty: the system's authorities
  friend bool operator==(const MirrorHost&, const MirrorHost&) = default;
};
struct Mirror {
  std::string registry;  // HOST or HOST:PORT; inbound lets nothing else pass, a folder is named after it
  std::vector<MirrorHost> hosts;
  std::string server;  // asked last; empty: the registry itself
  friend bool operator==(const Mirror&, const Mirror&) = default;
};
struct MirrorsStep {
  std::vector<Mirror> mirrors;
  friend bool operator==(const MirrorsStep&, const MirrorsStep&) = default;
};
struct Image {
  std::string ref;          // full name Kubernetes asks for
  std::string digest;       // "sha256:<64 hex>"
  std::string from;         // pulled from there and tagged to ref; empty: pulled as ref
  std::string archive;      // 64 hex digits of the sha256 of an archive on the device: imported instead of pulled
  std::uint64_t bytes = 0;  // compressed; 0: not known
  friend bool operator==(const Image&, const Image&) = default;
};
struct ImagesStep {
  std::vector<Image> images;
  std::vector<Mirror> mirrors;  // of the same release: PREPARE pulls through them before kubelet's files change
  bool follows_start = false;   // in the same release: proves the node Ready, which the start may have left open
  friend bool operator==(const ImagesStep&, const ImagesStep&) = default;
};
struct Addon {
  std::string name;
  std::vector<std::string> args;
  bool is_absent = false;
  friend bool operator==(const Addon&, const Addon&) = default;
};
struct AddonsStep {
  std::vector<Addon> addons;
  friend bool operator==(const AddonsStep&, const AddonsStep&) = default;
};
struct Workload {
  std::string name;
  std::string name_space;
  std::string manifest;  // canonical JSON, {"apiVersion":"v1","items":[…],"kind":"List"}
  friend bool operator==(const Workload&, const Workload&) = default;
};
struct DeployStep {
  std::vector<Workload> workloads;
  bool prune = false;
  friend bool operator==(const DeployStep&, const DeployStep&) = default;
};
struct RemoveStep {
  std::vector<std::string> workloads;
  friend bool operator==(const RemoveStep&, const RemoveStep&) = default;
};

using Step = std::variant<InstallStep, StartStep, StopStep, ImagesStep, AddonsStep, RemoveStep, DeployStep, InspectStep,
                          CertsStep, SnapshotStep, MirrorsStep>;

/// install, start, stop, images, addons, remove, deploy, inspect, certs, snapshot, mirrors
[[nodiscard]] std::string_view kind_of(const Step& step);

struct NodeReadyCheck {
  friend bool operator==(const NodeReadyCheck&, const NodeReadyCheck&) = default;
};
struct WorkloadReadyCheck {
  std::string workload;
  std::uint32_t within_s = 300;
  friend bool operator==(const WorkloadReadyCheck&, const WorkloadReadyCheck&) = default;
};
using Check = std::variant<NodeReadyCheck, WorkloadReadyCheck>;

struct Release {
  Digest digest;
  std::string name;
  std::string version;
  std::string scope;  // "device" or "adhoc"
  std::vector<Step> steps;
  std::vector<Check> checks;
  std::uint64_t disk_free_bytes = 0;  // preflight; 0: the built-in floor of each step
  std::vector<std::string> dangers;   // why its plan must be of class dangerous; empty: change is enough

  friend bool operator==(const Release&, const Release&) = default;
};

}  // namespace kelpie::agent
