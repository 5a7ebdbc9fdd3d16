// stop: containers gone, services inactive, and disabled across reboots. Pods get no grace (facts, microk8s 2.3).
#include <fmt/core.h>

#include "device-agent/microk8s/power.h"
#include "device-agent/microk8s/snap_changes.h"
#include "device-agent/microk8s/snapd.h"
#include "device-agent/microk8s/steps.h"

namespace kelpie::agent {
namespace {

Tried<CallResult> prepare(const Work& work) {
  KELPIE_TRY(const Power power, read_power(work));
  const bool is_ready = power == Power::Running && is_node_ready(work);
  return prepared(fmt::format("MicroK8s is {}", to_string(power)),
                  Json(Json::Object{{"power", to_string(power)}, {"ready", is_ready}}));
}

Tried<CallResult> prove(const Work& work) {
  Tried<void> proof = require_stopped(work);
  if (proof) return satisfied("stopped: no service is active");
  if (proof.error().reason == Reason::NodeRunning) return unmet(proof.error());
  return fail(std::move(proof.error()));
}

Tried<CallResult> undo(const StepCall& call, const Work& work) {
  KELPIE_TRY(resume_change(work, call.note));
  const Result<Json> restore = Json::parse(call.restore);
  if (!restore) return trouble(Reason::RestoreUnknown, "whether MicroK8s ran before is not known");
  if (restore->text("power") != to_string(Power::Running)) return satisfied("it was stopped before too");
  KELPIE_TRY(start_microk8s(work));
  if (!restore->at("ready").is_true()) {
    KELPIE_TRY(const Power power, read_power(work));
    if (power == Power::Running) return satisfied("started again; its node was not Ready before either");
    return trouble(Reason::NodeStopped, "its services do not run");
  }
  const Tried<std::string> proof = await_running(work);
  if (proof) return satisfied("started again: " + *proof);
  // A stop takes no image away: a node that lacks its sandbox image lacked it before.
  if (proof.error().reason != Reason::SandboxImageUnavailable) return fail(proof.error());
  return satisfied("started again: the API server answers; " + proof.error().detail);
}

}  // namespace

Tried<CallResult> carry_out_stop(const StepCall& call, const Work& work) {
  switch (call.phase) {
    case Phase::Prepare: return prepare(work);
    case Phase::Observe: return prove(work);
    case Phase::Run: {
      KELPIE_TRY(read_installed_snap(work));
      KELPIE_TRY(stop_microk8s(work));
      return satisfied("stop was asked for");
    }
    case Phase::Verify: return prove(work);
    case Phase::Undo: return undo(call, work);
  }
  KELPIE_ASSERT(false);
}

}  // namespace kelpie::agent
