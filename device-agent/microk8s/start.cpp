// start: services enabled and active, API server answering, node Ready.
#include <fmt/core.h>

#include "device-agent/microk8s/power.h"
#include "device-agent/microk8s/steps.h"

namespace kelpie::agent {
namespace {

constexpr Duration kComingUp = std::chrono::seconds(120);  // chosen: within what the core gives an observation

Tried<CallResult> prepare(const Work& work) {
  KELPIE_TRY(const Power power, read_power(work));
  return prepared(fmt::format("MicroK8s is {}", to_string(power)), Json(Json::Object{{"power", to_string(power)}}));
}

Tried<CallResult> observe(const Work& work) {
  KELPIE_TRY(const Power power, read_power(work));
  if (power == Power::Absent) return unmet({.reason = Reason::NotInstalled, .detail = {}, .output = {}});
  if (power == Power::Stopped) return unmet({.reason = Reason::NodeStopped, .detail = {}, .output = {}});
  // Coming up by itself, after an install or a reboot: there is nothing to do but to wait.
  const Tried<Node> node = await_node(work.part(kComingUp));
  if (!node) return unmet(node.error());
  return satisfied(ready_text(*node));
}

Tried<CallResult> verify(const Work& work) {
  Tried<std::string> proof = await_running(work);
  if (!proof) return unmet(proof.error());
  return satisfied(*proof);
}

Tried<CallResult> undo(const std::string& restore_text, const Work& work) {
  const Result<Json> restore = Json::parse(restore_text);
  if (!restore) return trouble(Reason::RestoreUnknown, "whether MicroK8s ran before is not known");
  // One that was not installed is taken away by the install step's own undo.
  if (restore->text("power") != to_string(Power::Stopped)) return satisfied("it ran before too");
  KELPIE_TRY(stop_microk8s(work));
  KELPIE_TRY(require_stopped(work));
  return satisfied("stopped again");
}

}  // namespace

Tried<CallResult> carry_out_start(const StepCall& call, const Work& work) {
  switch (call.phase) {
    case Phase::Prepare: return prepare(work);
    case Phase::Observe: return observe(work);
    case Phase::Run: {
      KELPIE_TRY(start_microk8s(work));
      return satisfied("services started");
    }
    case Phase::Verify: return verify(work);
    case Phase::Undo: return undo(call.restore, work);
  }
  KELPIE_ASSERT(false);
}

}  // namespace kelpie::agent
