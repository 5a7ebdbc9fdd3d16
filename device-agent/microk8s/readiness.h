// Waiting until workloads are ready, with one deadline for all of them, and giving up early when waiting is no use.
#pragma once

#include <optional>

#include "device-agent/microk8s/health.h"
#include "device-agent/microk8s/work.h"

namespace kelpie::agent {

struct Readiness {
  bool is_ready = true;
  std::int64_t ready = 0;
  std::int64_t wanted = 0;
  std::int64_t restarts = 0;
  std::optional<Trouble> trouble;  // the first, when not ready
  bool is_hopeless = false;
  FailingContainer failing;
  [[nodiscard]] std::string text() const;  // "3/4 pods ready"
};

/// One look at those of these objects that have a health, and at those that have to settle. What is not there is not
/// ready: WorkloadMissing.
[[nodiscard]] Tried<Readiness> look_at(const Work& work, const Json::Array& objects);
/// Trouble: the first failing container's with its last log lines and events, WorkloadNotReady,
/// SandboxImageUnavailable.
[[nodiscard]] Tried<Readiness> await_ready(const Work& work, const Json::Array& objects);
/// Ready at one moment says little of the next: watches for half a minute that they stay ready and that no container
/// starts again. Trouble: WorkloadCrashing, WorkloadNotReady.
[[nodiscard]] Tried<Readiness> soak(const Work& work, const Json::Array& objects);

}  // namespace kelpie::agent
