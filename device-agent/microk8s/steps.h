// One function per step kind; each carries out any phase and says what is proved. Trouble means that the phase could
// not be carried out; "not so" is a result.
#pragma once

#include "device-agent/core/call.h"
#include "device-agent/microk8s/work.h"

namespace kelpie::agent {

[[nodiscard]] Tried<CallResult> carry_out_install(const InstallStep& step, const StepCall& call, const Work& work);
[[nodiscard]] Tried<CallResult> carry_out_start(const StartStep& step, const StepCall& call, const Work& work);
[[nodiscard]] Tried<CallResult> carry_out_stop(const StepCall& call, const Work& work);
[[nodiscard]] Tried<CallResult> carry_out_mirrors(const MirrorsStep& step, const StepCall& call, const Work& work);
[[nodiscard]] Tried<CallResult> carry_out_images(const ImagesStep& step, const StepCall& call, const Work& work);
[[nodiscard]] Tried<CallResult> carry_out_addons(const AddonsStep& step, const StepCall& call, const Work& work);
[[nodiscard]] Tried<CallResult> carry_out_remove(const RemoveStep& step, const StepCall& call, const Work& work);
[[nodiscard]] Tried<CallResult> carry_out_deploy(const DeployStep& step, const StepCall& call, const Work& work);
[[nodiscard]] Tried<CallResult> carry_out_inspect(const InspectStep& step, const StepCall& call, const Work& work);
[[nodiscard]] Tried<CallResult> carry_out_certs(const CertsStep& step, const StepCall& call, const Work& work);
[[nodiscard]] Tried<CallResult> carry_out_snapshot(const SnapshotStep& step, const StepCall& call, const Work& work);

[[nodiscard]] Tried<CallResult> carry_out_checks(const std::vector<Check>& checks, const Work& work);
/// Never in trouble: what cannot be read stays empty.
[[nodiscard]] Facts gather_facts(const FactsCall& call, const Work& work);
/// What a look of every few minutes adds; without Kubernetes, and then with it.
[[nodiscard]] Checkup look_deeper(const FactsCall& call, const Work& work);
void look_at_objects(const FactsCall& call, const Work& work, Checkup& checkup);
/// The release this device proved, compared with what is there. Trouble: it could not be read.
[[nodiscard]] Tried<std::vector<Moved>> watch_deploy(const DeployStep& step, const Work& work);

}  // namespace kelpie::agent
