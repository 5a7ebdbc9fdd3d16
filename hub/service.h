// The hub as a service: its adapters made, its loop turned until a signal comes.
#pragma once

#include "hub/config.h"

namespace kelpie::hub {

/// Returns after SIGTERM or SIGINT. Errors: what could not be opened, or the commit that failed.
[[nodiscard]] Result<void> serve(const Config& config);

}  // namespace kelpie::hub
