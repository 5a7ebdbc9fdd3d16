// What a device says about itself, as values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proto/base/digest.h"

namespace kelpie::agent {

struct SnapFact {
  std::string channel;  // tracking
  std::string revision;
  std::string version;
  bool is_held = false;
  bool is_active = false;
  friend bool operator==(const SnapFact&, const SnapFact&) = default;
};
struct ImageFact {
  std::string ref;
  std::string digest;
  bool is_pinned = false;
  friend bool operator==(const ImageFact&, const ImageFact&) = default;
};
struct WorkloadFact {
  std::string name;
  std::string name_space;
  std::string kind;
  std::uint32_t ready = 0;
  std::uint32_t wanted = 0;
  std::vector<std::uint32_t> node_ports;
  std::string trouble;  // first failing container's reason; empty when well
  friend bool operator==(const WorkloadFact&, const WorkloadFact&) = default;
};
struct PodFact {
  std::string name;
  std::string name_space;
  std::string trouble;
  std::uint32_t restarts = 0;
  friend bool operator==(const PodFact&, const PodFact&) = default;
};
struct CertificateFact {
  std::string name;  // server.crt
  std::int64_t not_after_unix_s = 0;
  friend bool operator==(const CertificateFact&, const CertificateFact&) = default;
};
/// A field of the release that is not as the release left it.
struct Moved {
  std::string field;  // Deployment/default/nodered replicas
  std::string wanted;
  std::string found;
  std::string by;  // empty: not known
  friend bool operator==(const Moved&, const Moved&) = default;
};
/// What costs more than a minute is worth: looked at every few minutes, and after what changes.
struct Checkup {
  std::uint64_t datastore_bytes = 0;
  std::uint32_t pods = 0;
  std::uint32_t pods_not_ready = 0;
  std::uint32_t restarts = 0;  // of all pods' containers
  std::vector<PodFact> ill_pods;
  std::vector<CertificateFact> certificates;
  std::vector<Moved> moved;
  Digest watched;  // the release they are moved from; zero: none, or it could not be compared
  friend bool operator==(const Checkup&, const Checkup&) = default;
};
struct Facts {
  std::string hostname;
  std::string os;
  std::string arch;
  std::string model;
  std::string kernel;
  std::uint64_t memory_bytes = 0;
  std::uint64_t memory_available_bytes = 0;
  std::uint64_t disk_bytes = 0;
  std::uint64_t disk_free_bytes = 0;
  std::uint64_t disk_inodes = 0;
  std::uint64_t disk_inodes_free = 0;
  std::optional<std::int32_t> temperature_c;  // of the hottest zone
  std::optional<std::uint32_t> throttled;     // a Raspberry Pi's get_throttled, bit for bit
  std::optional<bool> is_clock_synchronised;  // empty: the kernel does not say
  std::vector<std::string> addresses;         // "eth0 192.168.7.2"
  std::string route;                          // default: "192.168.7.1 eth0"; empty: none
  std::string address;                        // its own on that interface
  std::string snapd_version;
  bool has_microk8s = false;
  SnapFact microk8s;
  std::string snap_change;            // snapd's newest of microk8s: "42 Refresh …, Done"
  std::vector<std::string> services;  // of the snap, that run
  std::string kubernetes_version;     // empty when the API server does not answer
  std::string node_state;  // running, starting, stopped, not-ready, worker, low-memory, not-installed, unknown
  bool is_ready = false;
  bool is_cordoned = false;
  std::string node_why;                    // not ready: the kubelet's own words
  std::vector<std::string> pressures;      // conditions of the node that hold and should not
  std::vector<std::string> addons;         // all of them ready
  std::vector<std::string> addons_absent;  // nothing of them there
  bool has_objects = false;                // add-ons and workloads could be read, and are all there are
  bool has_images = false;                 // images could be read: one that is asked for and not here is gone
  std::vector<ImageFact> images;
  std::vector<WorkloadFact> workloads;
  std::optional<Checkup> checkup;
  friend bool operator==(const Facts&, const Facts&) = default;
};

/// Whether the hub should hear of `next` after `old`.
[[nodiscard]] bool is_news(const Facts& old, Facts next);

}  // namespace kelpie::agent
