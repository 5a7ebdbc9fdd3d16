// The cluster's half of the device: objects as they are stored, the answers controllers would add, and what add-ons
// bring along.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/sim/microk8s/device_state.h"
#include "tools/sim/microk8s/json.h"

namespace kelpie::sim {

struct KubeKind {
  std::string_view kind;        // Deployment
  std::string_view plural;      // deployments
  std::string_view short_name;  // deploy; may be empty
  std::string_view group;       // apps; empty: core
  std::string_view version;     // v1
  bool is_namespaced = true;
};
/// By kind, plural, singular or short name, with or without group: "deploy", "deployments.apps", "Deployment".
[[nodiscard]] const KubeKind* find_kind(std::string_view name);
/// deployments.apps
[[nodiscard]] std::string resource_of(const KubeKind& kind);
/// deployment.apps
[[nodiscard]] std::string singular_of(const KubeKind& kind);

enum class Applied { Created, Configured, Unchanged };
/// Stores an object as it was given; a changed pod template begins a new rollout.
Applied store_object(DeviceState& state, const KubeKind& kind, std::string_view name_space, const Json& object,
                     std::string_view manager, SteadyTime now);
/// The object with what the API server and the controllers add.
[[nodiscard]] Json rendered(const DeviceState& state, const KubeObject& object, SteadyTime now);
[[nodiscard]] Json rendered_node(const DeviceState& state, SteadyTime now);
[[nodiscard]] std::vector<Json> rendered_pods(const DeviceState& state, SteadyTime now);
/// Everything of a kind, stored or made by a controller.
[[nodiscard]] std::vector<Json> rendered_all(const DeviceState& state, const KubeKind& kind, SteadyTime now);

[[nodiscard]] int node_port_of(const KubeObject& service);
[[nodiscard]] bool has_ready_endpoint(const DeviceState& state, const KubeObject& service, SteadyTime now);

struct AddonKind {
  std::string_view name;
  std::string_view description;
  std::string_view version;
  bool is_always_on = false;  // helm, helm3, ha-cluster
};
/// Of repository core that this device may have, by name.
[[nodiscard]] std::vector<AddonKind> core_addons(const DeviceState& state);
[[nodiscard]] bool is_addon_enabled(const DeviceState& state, std::string_view name);
/// The effect of a script that works: its objects and files.
void add_addon(DeviceState& state, std::string_view name, const std::vector<std::string>& args, SteadyTime now);
void remove_addon(DeviceState& state, std::string_view name);
/// calico and what else a fresh install brings.
void add_first_objects(DeviceState& state, SteadyTime now);

}  // namespace kelpie::sim
