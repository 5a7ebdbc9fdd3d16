#include "device-agent/microk8s/settled.h"

#include <algorithm>

#include <fmt/core.h>

namespace kelpie::agent {
namespace {

constexpr std::string_view kDefaultStorage = "storageclass.kubernetes.io/is-default-class";
constexpr std::string_view kDefaultIngress = "ingressclass.kubernetes.io/is-default-class";

const std::string& name_in(const Json& object) {
  return object.at({"metadata", "name"}).text();
}

Trouble not_ready(std::string detail) {
  return {.reason = Reason::WorkloadNotReady, .detail = std::move(detail), .output = {}};
}

/// Of that name, or the default one when no name is asked for.
const Json* class_of(const Json::Array& classes, const std::string& name, std::string_view default_mark) {
  const auto at = std::find_if(classes.begin(), classes.end(), [&](const Json& one) {
    if (!name.empty()) return name_in(one) == name;
    return one.at({"metadata", "annotations"}).text(default_mark) == "true";
  });
  return at == classes.end() ? nullptr : &*at;
}

bool is_mounted(const Json::Array& pods, const Json& claim) {
  return std::any_of(pods.begin(), pods.end(), [&](const Json& pod) {
    if (pod.at({"metadata", "namespace"}) != claim.at({"metadata", "namespace"})) return false;
    const Json::Array& volumes = pod.at({"spec", "volumes"}).items();
    return std::any_of(volumes.begin(), volumes.end(), [&](const Json& volume) {
      return volume.at({"persistentVolumeClaim", "claimName"}).text() == name_in(claim);
    });
  });
}

std::optional<Trouble> judge_service(const Json& service) {
  if (!service.at({"status", "loadBalancer", "ingress"}).items().empty()) return std::nullopt;
  return not_ready(
      fmt::format("service {} waits for an address, which nothing on the device gives out: add-on metallb with a range "
                  "does, or expose: NodePort",
                  name_in(service)));
}

std::optional<Trouble> judge_claim(const Json& claim, const Surroundings& around) {
  const std::string& phase = claim.at({"status", "phase"}).text();
  if (phase == "Bound") return std::nullopt;
  if (phase == "Lost") return not_ready(fmt::format("claim {} has lost its volume", name_in(claim)));
  const std::string& wanted = claim.at({"spec", "storageClassName"}).text();
  if (wanted.empty() && claim.at("spec").has("storageClassName")) {
    return not_ready(
        fmt::format("claim {} asks for a volume that somebody has made, and there is none", name_in(claim)));
  }
  const Json* const storage = class_of(around.storage_classes, wanted, kDefaultStorage);
  if (storage == nullptr) {
    return not_ready(
        fmt::format("claim {} gets no volume: the device has no {}; add-on hostpath-storage brings "
                    "microk8s-hostpath",
                    name_in(claim), wanted.empty() ? "default storage class" : "storage class " + wanted));
  }
  const bool waits_for_pod = storage->text("volumeBindingMode") == "WaitForFirstConsumer";
  if (waits_for_pod && !is_mounted(around.pods, claim)) return std::nullopt;
  return not_ready(fmt::format("claim {} waits for a volume of {}", name_in(claim), name_in(*storage)));
}

std::optional<Trouble> judge_ingress(const Json& ingress, const Surroundings& around) {
  const bool is_served = !ingress.at({"status", "loadBalancer", "ingress"}).items().empty();
  // How classes were named before there were any: only its controller knows.
  if (is_served || ingress.at({"metadata", "annotations"}).has("kubernetes.io/ingress.class")) return std::nullopt;
  const std::string& wanted = ingress.at({"spec", "ingressClassName"}).text();
  if (class_of(around.ingress_classes, wanted, kDefaultIngress) != nullptr) return std::nullopt;
  // Without a name nginx of MicroK8s takes what is there, default or not.
  if (wanted.empty() && !around.ingress_classes.empty()) return std::nullopt;
  return not_ready(fmt::format("Ingress {} is served by nobody: the device has no {}; add-on ingress brings public",
                               name_in(ingress), wanted.empty() ? "ingress class" : "ingress class " + wanted));
}

std::optional<Trouble> judge_definition(const Json& definition) {
  for (const Json& one : definition.at({"status", "conditions"}).items()) {
    if (one.text("type") == "Established" && one.text("status") == "True") return std::nullopt;
    if (one.text("type") == "NamesAccepted" && one.text("status") == "False") {
      return not_ready(fmt::format("definition {}: {}", name_in(definition), one.text("message")));
    }
  }
  return not_ready(fmt::format("definition {} is not served yet", name_in(definition)));
}

}  // namespace

bool has_to_settle(const Json& object) {
  const std::string& kind = object.text("kind");
  if (kind == "Service") return object.at({"spec", "type"}).text() == "LoadBalancer";
  return kind == "PersistentVolumeClaim" || kind == "Ingress" || kind == "CustomResourceDefinition";
}

std::optional<Trouble> unsettled(const Json& object, const Surroundings& around) {
  const std::string& kind = object.text("kind");
  if (kind == "Service") return judge_service(object);
  if (kind == "PersistentVolumeClaim") return judge_claim(object, around);
  if (kind == "Ingress") return judge_ingress(object, around);
  return judge_definition(object);
}

}  // namespace kelpie::agent
