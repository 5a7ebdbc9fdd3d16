// What a device says about itself, as values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

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
struct Facts {
  std::string hostname;
  std::string os;
  std::string arch;
  std::string model;
  std::uint64_t memory_bytes = 0;
  std::uint64_t disk_bytes = 0;
  std::uint64_t disk_free_bytes = 0;
  std::string snapd_version;
  bool has_microk8s = false;
  SnapFact microk8s;
  std::string kubernetes_version;  // empty when the API server does not answer
  std::string node_state;          // running, stopped, not-ready, worker, low-memory, not-installed
  bool is_ready = false;
  bool is_cordoned = false;
  std::vector<std::string> addons;         // all of them ready
  std::vector<std::string> addons_absent;  // nothing of them there
  bool has_objects = false;                // add-ons and workloads could be read, and are all there are
  std::vector<ImageFact> images;
  std::vector<WorkloadFact> workloads;
  friend bool operator==(const Facts&, const Facts&) = default;
};

}  // namespace kelpie::agent
