#include "device-agent/microk8s/carry_out.h"

#include <type_traits>

#include "device-agent/microk8s/access.h"
#include "device-agent/microk8s/preflight.h"
#include "device-agent/microk8s/steps.h"

namespace kelpie::agent {
namespace {

Tried<CallResult> carry_out_step(const StepCall& call, const Work& work) {
  if (call.phase == Phase::Prepare) {
    KELPIE_TRY(require_access(call.step, work));
    KELPIE_TRY(require_space(work, call.disk_free_bytes));
  }
  return std::visit(
      [&](const auto& step) -> Tried<CallResult> {
        using Kind = std::decay_t<decltype(step)>;
        if constexpr (std::is_same_v<Kind, InstallStep>) return carry_out_install(step, call, work);
        if constexpr (std::is_same_v<Kind, StartStep>) return carry_out_start(step, call, work);
        if constexpr (std::is_same_v<Kind, StopStep>) return carry_out_stop(call, work);
        if constexpr (std::is_same_v<Kind, ImagesStep>) return carry_out_images(step, call, work);
        if constexpr (std::is_same_v<Kind, AddonsStep>) return carry_out_addons(step, call, work);
        if constexpr (std::is_same_v<Kind, RemoveStep>) return carry_out_remove(step, call, work);
        if constexpr (std::is_same_v<Kind, DeployStep>) return carry_out_deploy(step, call, work);
        if constexpr (std::is_same_v<Kind, InspectStep>) return carry_out_inspect(step, call, work);
        if constexpr (std::is_same_v<Kind, CertsStep>) return carry_out_certs(step, call, work);
        if constexpr (std::is_same_v<Kind, SnapshotStep>) return carry_out_snapshot(step, call, work);
        if constexpr (std::is_same_v<Kind, MirrorsStep>) return carry_out_mirrors(step, call, work);
      },
      call.step);
}

Tried<CallResult> carry_out_facts(const FactsCall& call, const Work& work) {
  CallResult result = satisfied("");
  result.facts = gather_facts(call, work);
  return result;
}

}  // namespace

CallResult carry_out(const Call& call, Host& host) {
  const Work work(host, call.limit);
  Tried<CallResult> result;
  if (const auto* const step = std::get_if<StepCall>(&call.what)) result = carry_out_step(*step, work);
  if (const auto* const checks = std::get_if<ChecksCall>(&call.what)) result = carry_out_checks(checks->checks, work);
  if (const auto* const facts = std::get_if<FactsCall>(&call.what)) result = carry_out_facts(*facts, work);
  return result ? std::move(*result) : failed(result.error());
}

}  // namespace kelpie::agent
