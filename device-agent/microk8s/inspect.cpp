// inspect: looks and changes nothing. Not `microk8s inspect`, whose archive holds secrets and fills disks.
#include <fmt/core.h>

#include "device-agent/microk8s/steps.h"

namespace kelpie::agent {
namespace {

CallResult look(const Work& work) {
  const Facts facts = gather_facts({}, work);
  if (!facts.has_microk8s) return satisfied("MicroK8s is not installed");
  return satisfied(fmt::format("{} {} ({}), node {}{}, {} add-ons, {} workloads, {} free", facts.microk8s.channel,
                               facts.microk8s.version, facts.microk8s.revision, facts.node_state,
                               facts.is_cordoned ? ", cordoned" : "", facts.addons.size(), facts.workloads.size(),
                               in_mebibytes(facts.disk_free_bytes)));
}

}  // namespace

Tried<CallResult> carry_out_inspect(const StepCall& call, const Work& work) {
  switch (call.phase) {
    case Phase::Prepare: return prepared("nothing to prepare", Json{Json::Object{}});
    case Phase::Observe:
    case Phase::Run:
    case Phase::Verify: return look(work);
    case Phase::Undo: return satisfied("nothing to take back");
  }
  KELPIE_ASSERT(false);
}

}  // namespace kelpie::agent
