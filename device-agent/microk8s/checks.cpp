// The checks of a release: after its steps, and again and again while it soaks.
#include <fmt/core.h>

#include "device-agent/microk8s/access.h"
#include "device-agent/microk8s/node.h"
#include "device-agent/microk8s/objects.h"
#include "device-agent/microk8s/readiness.h"
#include "device-agent/microk8s/steps.h"

namespace kelpie::agent {
namespace {

constexpr Duration kNodePatience = std::chrono::seconds(120);  // facts, microk8s 5.6: add-ons restart the API server

Tried<std::string> check(const NodeReadyCheck&, const Work& work) {
  KELPIE_TRY(require_control_plane(work));
  KELPIE_TRY(const Node node, await_node(work.part(kNodePatience)));
  return fmt::format("node {} Ready", node.name);
}

Tried<std::string> check(const WorkloadReadyCheck& wanted, const Work& work) {
  KELPIE_TRY(require_control_plane(work));
  const Work within = work.part(std::chrono::seconds(wanted.within_s));
  KELPIE_TRY(await_api(within));
  KELPIE_TRY(const Json::Array own, labelled_objects(within, wanted.workload));
  if (own.empty()) {
    return trouble(Reason::WorkloadMissing, fmt::format("no workload {} of a release is there", wanted.workload));
  }
  KELPIE_TRY(const Readiness readiness, await_ready(within, own));
  return fmt::format("{}: {}", wanted.workload, readiness.text());
}

}  // namespace

Tried<CallResult> carry_out_checks(const std::vector<Check>& checks, const Work& work) {
  KELPIE_TRY(const Access access, read_access(work));
  if (access == Access::SnapdOnly && !checks.empty()) {
    return unmet(
        {.reason = Reason::CommandUnreachable,
         .detail = fmt::format("{}: a release for it has checks: []", row_of(Reason::CommandUnreachable).sentence),
         .output = {}});
  }
  std::vector<std::string> evidence;
  for (const Check& one : checks) {
    Tried<std::string> proof = std::visit([&](const auto& wanted) { return check(wanted, work); }, one);
    if (!proof) return unmet(proof.error());
    evidence.push_back(std::move(*proof));
  }
  return satisfied(joined(evidence, "; "));
}

}  // namespace kelpie::agent
