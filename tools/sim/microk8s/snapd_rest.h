// One request on snapd's socket.
#pragma once

#include <string_view>

#include "device-agent/host/host.h"
#include "tools/sim/microk8s/device_state.h"

namespace kelpie::sim {

struct SnapdRequest {
  std::string_view method;
  std::string_view path;  // with query
  std::string_view body;
};
[[nodiscard]] agent::SnapdReply answer_snapd(DeviceState& state, const World& world, const SnapdRequest& request,
                                             SteadyTime now);

}  // namespace kelpie::sim
