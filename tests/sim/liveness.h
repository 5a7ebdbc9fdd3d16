// When nothing fails any more, everything must come to an end.
#pragma once

#include <string>

#include "tests/sim/world.h"

namespace kelpie::test {

/// Empty when every rollout has ended or is paused with a reason, every cancel is closed, no device that answers is
/// unknown, and every device's last word is acknowledged; otherwise what is still open.
[[nodiscard]] std::string still_open(World& world);

}  // namespace kelpie::test
