// One function per step kind; each carries out any phase and says what is proved. Trouble means that the phase could
// not be carried out; "not so" is a result.
#pragma once

#include "device-agent/core/call.h"
#include "device-agent/microk8s/work.h"

namespace kelpie::agent {

[[nodiscard]] Tried<CallResult> carry_out_install(const InstallStep& step, const StepCall& call, const Work& work);
[[nodiscard]] Tried<CallResult> carry_out_start(const StartStep& step, const StepCall& call, const Work& work);
[[nodiscard]] Tried<CallResult> carry_out_stop(const StepCall& call, const Work& work);
[[nodiscard]] Tried<CallResult> carry_out_images(const ImagesStep& step, const StepCall& call, const Work& work);
[[nodiscard]] Tried<CallResult> carry_out_addons(const AddonsStep& step, const StepCall& call, const Work& work);
[[nodiscard]] Tried<CallResult> carry_out_remove(const RemoveStep& step, const StepCall& call, const Work& work);
[[nodiscard]] Tried<CallResult> carry_out_deploy(const DeployStep& step, const StepCall& call, const Work& work);
[[nodiscard]] Tried<CallResult> carry_out_inspect(const StepCall& call, const Work& work);

[[nodiscard]] Tried<CallResult> carry_out_checks(const std::vector<Check>& checks, const Work& work);
/// Never in trouble: what cannot be read stays empty.
[[nodiscard]] Facts gather_facts(const FactsCall& call, const Work& work);

}  // namespace kelpie::agent
