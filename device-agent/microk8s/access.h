// What the agent can do on this device: on Ubuntu Core it is a confined snap, which reaches snapd and no other snap's
// commands (facts, microk8s 3.9).
#pragma once

#include "device-agent/core/plan.h"
#include "device-agent/microk8s/work.h"

namespace kelpie::agent {

enum class Access { Everything, SnapdOnly };
[[nodiscard]] Tried<Access> read_access(const Work& work);
/// For PREPARE. Trouble: CommandUnreachable when the step needs more than snapd and there is no more.
[[nodiscard]] Tried<void> require_access(const Step& step, const Work& work);

}  // namespace kelpie::agent
