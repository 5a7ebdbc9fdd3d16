// What a device can tell about what is wrong with it, into a bundle: by reading only, each part with a limit of its
// own, and what fails is a line in missing.txt. Chosen field by field where secrets are near (Kubernetes objects); the
// rest passes through redact.
#pragma once

#include "device-agent/diagnostics/bundle.h"
#include "device-agent/microk8s/work.h"

namespace kelpie::agent {

/// Most telling first: what does not fit any more is of the end. Never in trouble.
void collect(const Work& work, Bundle& bundle);

// Its parts.
void collect_summary(const Work& work, Bundle& bundle);
void collect_machine(const Work& work, Bundle& bundle);
void collect_snapd(const Work& work, Bundle& bundle);
void collect_kubernetes(const Work& work, Bundle& bundle);
void collect_arguments(const Work& work, Bundle& bundle);
void collect_logs(const Work& work, Bundle& bundle);

}  // namespace kelpie::agent
