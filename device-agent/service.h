// The agent as a service: its adapters made, its loop turned until a signal comes.
#pragma once

#include "device-agent/config.h"

namespace kelpie::agent {

/// Returns after SIGTERM or SIGINT. Errors: what could not be opened.
[[nodiscard]] Result<void> serve(const Config& config);

/// What the state folder says of this device, for people. Errors: those of load_identity.
[[nodiscard]] Result<std::string> describe(const Config& config);

}  // namespace kelpie::agent
