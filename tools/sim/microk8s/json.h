// The agent's JSON value, here to read manifests and to write answers, and the way kubectl prints it.
#pragma once

#include <string>

#include "device-agent/microk8s/json.h"

namespace kelpie::sim {

using agent::Json;

/// Broken into lines, with this many blanks for each step inwards.
[[nodiscard]] std::string pretty(const Json& value, int indent);

}  // namespace kelpie::sim
