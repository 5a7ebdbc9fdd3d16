// The release of deploy/examples/getting-started as the CLI renders it, and registries that have its images.
#pragma once

#include <kelpie/v1/release.pb.h>

#include "tools/sim/microk8s/device_state.h"

namespace kelpie::test {

[[nodiscard]] v1::Release getting_started();
[[nodiscard]] sim::World world_of(const v1::Release& release);

}  // namespace kelpie::test
