// The verdict on objects without pods that are not well by being there alone: a service that waits for an address, a
// claim without a volume, an Ingress that nobody serves, a definition that is not served yet. Pure.
#pragma once

#include <optional>

#include "device-agent/microk8s/json.h"
#include "device-agent/microk8s/reasons.h"

namespace kelpie::agent {

/// Service of type LoadBalancer, PersistentVolumeClaim, Ingress or CustomResourceDefinition.
[[nodiscard]] bool has_to_settle(const Json& object);

/// What they depend on.
struct Surroundings {
  Json::Array storage_classes;
  Json::Array ingress_classes;
  Json::Array pods;  // of the namespaces of the same manifest
};
/// Why an object is not well; nothing when it is. Claims that wait for their first pod are well until there is one.
[[nodiscard]] std::optional<Trouble> unsettled(const Json& object, const Surroundings& around);

}  // namespace kelpie::agent
