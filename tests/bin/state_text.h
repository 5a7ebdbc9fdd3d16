// DeviceState and World as JSON text: what the doubles keep in their folder.
#pragma once

#include <string>
#include <string_view>

#include "proto/base/result.h"
#include "tools/sim/microk8s/device_state.h"

namespace kelpie::test {

[[nodiscard]] std::string to_text(const sim::DeviceState& state);
[[nodiscard]] std::string to_text(const sim::World& world);
/// Errors: InvalidArgument when it is no JSON. What is missing keeps its default.
[[nodiscard]] Result<sim::DeviceState> state_from_text(std::string_view text);
[[nodiscard]] Result<sim::World> world_from_text(std::string_view text);

}  // namespace kelpie::test
