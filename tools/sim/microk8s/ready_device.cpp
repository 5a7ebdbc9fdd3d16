// Devices to begin a story with.
#include "tools/sim/microk8s/device_state.h"

#include "proto/wire/tracks.h"
#include "tools/sim/microk8s/kube.h"
#include "tools/sim/microk8s/parts.h"
#include "tools/sim/microk8s/sim_microk8s.h"

namespace kelpie::sim {

DeviceState running_device(const World& world, const std::string& channel, SteadyTime now) {
  DeviceState state;
  const auto found = world.channels.find(channel);
  KELPIE_ASSERT(found != world.channels.end());
  state.snap = {.is_installed = true, .is_active = true, .now = found->second, .before = {}, .hold = {}};
  state.snap.now.channel = channel;
  state.bases = {{"snapd", "23545"}, {std::string(wire::base_of_track(minor_of(state))), "2434"}};
  ship_settings(state);
  state.kubernetes.are_services_enabled = true;
  const SteadyTime long_ago = now + -std::chrono::hours(24);
  start_services(state, long_ago);
  add_first_objects(state, long_ago);
  add_addon(state, "dns", {}, long_ago);
  settle(state, world, now);
  return state;
}

void reboot(DeviceState& state, SteadyTime now) {
  stop_services(state);
  if (state.snap.is_active && state.kubernetes.are_services_enabled) start_services(state, now);
}

}  // namespace kelpie::sim
