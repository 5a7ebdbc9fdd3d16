// The verdict on one workload object from what the API server says of it and its pods (facts, microk8s 7.4). Pure.
#pragma once

#include <optional>
#include <string>

#include "device-agent/microk8s/json.h"
#include "device-agent/microk8s/reasons.h"

namespace kelpie::agent {

/// Where a container fails; empty names when it is no container's fault.
struct FailingContainer {
  std::string name_space;
  std::string pod;
  std::string container;
  bool has_run = false;  // so that it may have said something
};

struct Health {
  bool is_ready = false;
  std::int64_t ready = 0;
  std::int64_t wanted = 0;
  std::int64_t restarts = 0;       // of the containers of its pods
  std::optional<Trouble> trouble;  // first failing container's, or of the object itself
  bool is_hopeless = false;        // waiting longer changes nothing
  std::string word;                // Kubernetes' own of that container: ImagePullBackOff
  FailingContainer failing;
};

/// Deployment, DaemonSet, StatefulSet, Job or Pod; other kinds have no health.
[[nodiscard]] bool has_health(std::string_view kind);
/// pods: those of the object's namespace; the object's own are picked out.
[[nodiscard]] Health judge(const Json& object, const Json::Array& pods);
/// Of the same namespace, by selector or name, and not on its way out.
[[nodiscard]] bool is_pod_of(const Json& object, const Json& pod);
[[nodiscard]] bool is_pod_ready(const Json& pod);

}  // namespace kelpie::agent
