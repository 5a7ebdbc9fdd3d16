// Carries out one call on the local MicroK8s and says what is proved. One file per step kind stands behind it.
#pragma once

#include "device-agent/core/call.h"
#include "device-agent/host/host.h"

namespace kelpie::agent {

/// Blocks for at most call.limit (plus the grace of a kill). Never throws; everything that can go wrong is a verdict.
[[nodiscard]] CallResult carry_out(const Call& call, Host& host);

}  // namespace kelpie::agent
