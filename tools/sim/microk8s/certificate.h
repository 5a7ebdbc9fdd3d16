// A certificate as MicroK8s keeps them, for the model's files: whose it is, who signed it and what it says are nobody's
// business here, only from when to when it is good.
#pragma once

#include <string>

#include "proto/base/clock.h"

namespace kelpie::sim {

/// PEM, to the second.
[[nodiscard]] std::string certificate_pem(WallTime not_before, WallTime not_after);

}  // namespace kelpie::sim
