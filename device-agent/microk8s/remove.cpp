// remove: no object with the own label of these workloads is left. What others made is not touched.
#include <fmt/core.h>

#include "device-agent/microk8s/capture.h"
#include "device-agent/microk8s/node.h"
#include "device-agent/microk8s/objects.h"
#include "device-agent/microk8s/steps.h"

namespace kelpie::agent {
namespace {

constexpr Duration kApiBackLimit = std::chrono::seconds(120);

Tried<Json::Array> objects_of(const RemoveStep& step, const Work& work) {
  Json::Array all;
  for (const std::string& workload : step.workloads) {
    KELPIE_TRY(const Json::Array own, own_objects(work, workload));
    all.insert(all.end(), own.begin(), own.end());
  }
  return all;
}

Tried<CallResult> prepare(const RemoveStep& step, const Work& work) {
  KELPIE_TRY(const Reach reach, read_reach(work));
  if (reach == Reach::NothingThere) return prepared("no Kubernetes yet", empty_capture());
  if (reach == Reach::Stopped) return prepared("MicroK8s is stopped: no way back is known", unknown_capture());
  KELPIE_TRY(const Json::Array own, objects_of(step, work));
  KELPIE_TRY(const Json restore, capture(work, own, {}));
  return prepared(fmt::format("{} objects to remove", own.size()), restore);
}

Tried<CallResult> prove(const RemoveStep& step, const Work& work) {
  KELPIE_TRY(require_control_plane(work));
  KELPIE_TRY(await_api(work.part(kApiBackLimit)));
  KELPIE_TRY(const Json::Array own, objects_of(step, work));
  if (own.empty()) return satisfied("none is there: " + joined(step.workloads));
  std::vector<std::string> names;
  for (const Json& object : own) names.push_back(name_of(object));
  return unmet({.reason = Reason::WorkloadStillThere, .detail = "still there: " + joined(names), .output = {}});
}

Tried<CallResult> run(const RemoveStep& step, const Work& work) {
  KELPIE_TRY(require_control_plane(work));
  KELPIE_TRY(await_api(work.part(kApiBackLimit)));
  KELPIE_TRY(const Json::Array own, objects_of(step, work));
  work.say(fmt::format("removing {}", joined(step.workloads)));
  KELPIE_TRY(delete_objects(work, own));
  return satisfied(fmt::format("{} objects removed", own.size()));
}

Tried<CallResult> undo(const std::string& restore, const Work& work) {
  KELPIE_TRY(await_api(work.part(kApiBackLimit)));
  KELPIE_TRY(put_back(work, restore, {}));
  return satisfied("workloads as before");
}

}  // namespace

Tried<CallResult> carry_out_remove(const RemoveStep& step, const StepCall& call, const Work& work) {
  switch (call.phase) {
    case Phase::Prepare: return prepare(step, work);
    case Phase::Observe:
    case Phase::Verify: return prove(step, work);
    case Phase::Run: return run(step, work);
    case Phase::Undo: return undo(call.restore, work);
  }
  KELPIE_ASSERT(false);
}

}  // namespace kelpie::agent
