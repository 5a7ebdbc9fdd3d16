// start: services enabled and active, API server answering, node Ready; with images after it in the release the node
// need only be registered, and the images step proves it Ready.
#include <fmt/core.h>

#include "device-agent/microk8s/access.h"
#include "device-agent/microk8s/containerd.h"
#include "device-agent/microk8s/node.h"
#include "device-agent/microk8s/power.h"
#include "device-agent/microk8s/snap_changes.h"
#include "device-agent/microk8s/steps.h"

namespace kelpie::agent {
namespace {

constexpr Duration kLookEvery = std::chrono::seconds(2);
constexpr Duration kComingUp = std::chrono::seconds(120);      // chosen: within what the core gives an observation
constexpr Duration kReadyPatience = std::chrono::seconds(60);  // chosen: who is not Ready by then waits for images

Tried<CallResult> prepare(const Work& work) {
  KELPIE_TRY(const Power power, read_power(work));
  return prepared(fmt::format("MicroK8s is {}", to_string(power)), Json(Json::Object{{"power", to_string(power)}}));
}

/// A node that is not Ready when its images are still to come. The trouble stays one when the node is not registered or
/// containerd could not take them.
Tried<std::string> prove_registered(const Trouble& why, const Work& work) {
  if (why.reason != Reason::NodeNotReady && why.reason != Reason::SandboxImageUnavailable) return fail(why);
  KELPIE_TRY(const Node node, read_node(work));
  KELPIE_TRY(read_images(work));
  const bool lacks_image = why.reason == Reason::SandboxImageUnavailable;
  return fmt::format("API server answers; node {} not Ready {}: {}", node.name,
                     lacks_image ? "until its images are here" : "yet, to be proved with the images", why.detail);
}

/// What a confined agent can see of it.
Tried<std::string> await_services(const Work& work) {
  while (true) {
    KELPIE_TRY(const Snap snap, read_installed_snap(work));
    if (!snap.blocked.empty()) return trouble(Reason::SnapBlocked, snap.blocked);
    if (snap.is_running()) return fmt::format("services active: {}; its node is out of reach", joined(snap.services));
    if (work.is_over()) return trouble(Reason::NodeStopped, "its services do not run");
    work.say("waiting for its services");
    KELPIE_TRY(work.wait(kLookEvery));
  }
}

Tried<std::string> prove(const StartStep& step, const Work& work) {
  KELPIE_TRY(const Access access, read_access(work));
  if (access == Access::SnapdOnly) return await_services(work);
  if (!step.images_follow) return await_running(work);
  while (true) {
    KELPIE_TRY(await_api(work));
    const Tried<std::string> ready = await_running(work.part(kReadyPatience));
    if (ready) return *ready;
    if (work.is_over()) return fail(ready.error());
    Tried<std::string> registered = prove_registered(ready.error(), work);
    if (registered || registered.error().reason != Reason::NodeNotReady) return registered;
  }
}

Tried<CallResult> observe(const StartStep& step, const Work& work) {
  KELPIE_TRY(const Power power, read_power(work));
  if (power == Power::Absent) return unmet({.reason = Reason::NotInstalled, .detail = {}, .output = {}});
  if (power == Power::Stopped) return unmet({.reason = Reason::NodeStopped, .detail = {}, .output = {}});
  // Coming up by itself, after an install or a reboot: there is nothing to do but to wait.
  const Tried<std::string> proof = prove(step, work.part(kComingUp));
  if (!proof) return unmet(proof.error());
  return satisfied(*proof);
}

Tried<CallResult> verify(const StartStep& step, const Work& work) {
  const Tried<std::string> proof = prove(step, work);
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

Tried<CallResult> carry_out_start(const StartStep& step, const StepCall& call, const Work& work) {
  switch (call.phase) {
    case Phase::Prepare: return prepare(work);
    case Phase::Observe: return observe(step, work);
    case Phase::Run: {
      KELPIE_TRY(resume_change(work, call.note));
      KELPIE_TRY(start_microk8s(work));
      return satisfied("services started");
    }
    case Phase::Verify: return verify(step, work);
    case Phase::Undo: return undo(call.restore, work);
  }
  KELPIE_ASSERT(false);
}

}  // namespace kelpie::agent
