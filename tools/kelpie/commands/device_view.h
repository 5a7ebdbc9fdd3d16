// One device on the screen: what it should run beside what it runs, its cluster, and why they differ.
#pragma once

#include <kelpie/api/v1/api.pb.h>

#include "proto/base/clock.h"
#include "tools/kelpie/view.h"

namespace kelpie::cli {

[[nodiscard]] View show_device(api::v1::Device device, WallTime now);

}  // namespace kelpie::cli
