// What a fleet's manifest would change at the hub, in lines for people. Pure.
#pragma once

#include <vector>

#include <kelpie/api/v1/api.pb.h>

#include "proto/base/result.h"
#include "tools/kelpie/signing/release_diff.h"

namespace kelpie::cli {

/// Defaults count as written: the hub shows them all. Errors: InvalidArgument when a policy is none the hub takes.
[[nodiscard]] Result<std::vector<DiffLine>> fleet_diff(const api::v1::FleetSpec& from, const api::v1::FleetSpec& to);

}  // namespace kelpie::cli
