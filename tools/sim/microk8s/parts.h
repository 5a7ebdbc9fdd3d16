// What the files of the model share: small questions to a DeviceState.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tools/sim/microk8s/device_state.h"

namespace kelpie::sim {

/// Writes down what was done to the device.
void add_effect(DeviceState& state, std::string effect);
/// The fault that waits for this occasion, if any; taken one off its times.
[[nodiscard]] bool strikes(DeviceState& state, FaultKind kind, std::string_view subject = {});
/// As long as it takes on this device.
[[nodiscard]] Duration paced(const DeviceState& state, Duration usual);

/// The device's clock in whole seconds: 2025-11-25T00:42:00Z.
[[nodiscard]] std::string wall_text(SteadyTime time);
[[nodiscard]] std::string seconds_text(WallTime time);
[[nodiscard]] CertificateTimes certificate_times(const DeviceState& state, std::string_view file);
[[nodiscard]] bool is_refreshing(const DeviceState& state);
[[nodiscard]] bool is_api_up(const DeviceState& state, SteadyTime now);
[[nodiscard]] bool is_node_ready(const DeviceState& state, SteadyTime now);
/// 32 for v1.32.3.
[[nodiscard]] int minor_of(const DeviceState& state);
/// Of the device's own registry architecture: linux/arm64.
[[nodiscard]] std::string platform_of(const DeviceState& state);

/// registry/path without tag and digest.
[[nodiscard]] std::string repository_of(std::string_view ref);
/// As containerd writes it: docker.io/library/app:1.0 for app:1.0.
[[nodiscard]] std::string full_reference(std::string_view ref);
/// What kubelet needs for every pod. Source: facts, microk8s 1.
[[nodiscard]] std::string sandbox_image(const DeviceState& state);
/// An image of that name, or of that digest in the same repository, complete.
[[nodiscard]] const Image* find_image(const DeviceState& state, const std::string& ref);

enum class PullEnd { Done, NotFound, Unreachable, Unauthorized, DiskFull };
struct Pull {
  PullEnd end = PullEnd::Done;
  RegistryImage image;
  Duration takes{};
};
/// One attempt on the registry, through the mirrors in hosts_folder (empty: none); takes faults, changes no image.
[[nodiscard]] Pull try_pull(DeviceState& state, const World& world, const std::string& ref,
                            std::string_view hosts_folder);
/// What a registry's refusal reads like after "failed to resolve reference …: ".
[[nodiscard]] std::string pull_error(const Pull& pull, const std::string& ref);

[[nodiscard]] std::string object_key(std::string_view kind, std::string_view name_space, std::string_view name);
[[nodiscard]] bool is_workload(std::string_view kind);
/// The files that a fresh $SNAP_DATA has and others change.
void ship_settings(DeviceState& state);
/// Services go up: everything that runs on them starts anew.
void start_services(DeviceState& state, SteadyTime now);
void stop_services(DeviceState& state);

}  // namespace kelpie::sim
