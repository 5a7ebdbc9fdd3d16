// `drift: repair` (R23): the hub takes a device back to the release that operators signed for it, with one more attempt
// under the very plan that brought it there. It signs nothing: when that plan has run out, it says so and waits.
#pragma once

#include "hub/core/turn.h"

namespace kelpie::hub {

/// Whether to repair this device now, later or not; call when it drifted, when its fleet changed, and when it is due.
void consider_repair(Turn& turn, Device& device);

}  // namespace kelpie::hub
