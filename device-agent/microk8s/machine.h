// The machine below MicroK8s, as the kernel and its sensors describe it. What cannot be read stays empty.
#pragma once

#include "device-agent/core/facts.h"
#include "device-agent/microk8s/work.h"

namespace kelpie::agent {

void add_machine(const Work& work, Facts& facts);
/// Since the kernel began. Empty: it does not say.
[[nodiscard]] std::optional<Duration> read_uptime(const Work& work);

}  // namespace kelpie::agent
