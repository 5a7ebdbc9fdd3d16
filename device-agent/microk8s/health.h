// The verdict on one workload object from what the API server says of it and its pods (facts, microk8s 7.4). Pure.
#pragma once

#include <optional>
#include <string>

#include "device-agent/microk8s/json.h"
#include "device-agent/microk8s/reasons.h"

namespace kelpie::agent {

struct Health {
  bool is_ready = false;
  std::int64_t ready = 0;
  std::int64_t wanted = 0;
  std::optional<Trouble> trouble;  // first failing container's, or of the object itself
  bool is_hopeless = false;        // waiting longer changes nothing
};

/// Deployment, DaemonSet, StatefulSet, Job or Pod; other kinds have no health.
[[nodiscard]] bool has_health(std::string_view kind);
/// pods: those of the object's namespace; the object's own are picked out.
[[nodiscard]] Health judge(const Json& object, const Json::Array& pods);
/// "ImagePullBackOff", the word of the container that fails first; empty when none does.
[[nodiscard]] std::string trouble_word(const Json& object, const Json::Array& pods);

}  // namespace kelpie::agent
