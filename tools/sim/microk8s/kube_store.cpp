// Kinds that the API server knows, and objects as they come in.
#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/core.h>

#include "proto/base/digest.h"
#include "tools/sim/microk8s/kube.h"
#include "tools/sim/microk8s/parts.h"

namespace kelpie::sim {
namespace {

constexpr std::array kKinds{
    KubeKind{"Namespace", "namespaces", "ns", "", "v1", false},
    KubeKind{"Node", "nodes", "no", "", "v1", false},
    KubeKind{"Pod", "pods", "po", "", "v1"},
    KubeKind{"Service", "services", "svc", "", "v1"},
    KubeKind{"ConfigMap", "configmaps", "cm", "", "v1"},
    KubeKind{"Secret", "secrets", "", "", "v1"},
    KubeKind{"ServiceAccount", "serviceaccounts", "sa", "", "v1"},
    KubeKind{"PersistentVolumeClaim", "persistentvolumeclaims", "pvc", "", "v1"},
    KubeKind{"PersistentVolume", "persistentvolumes", "pv", "", "v1", false},
    KubeKind{"Event", "events", "ev", "", "v1"},
    KubeKind{"Deployment", "deployments", "deploy", "apps", "v1"},
    KubeKind{"DaemonSet", "daemonsets", "ds", "apps", "v1"},
    KubeKind{"StatefulSet", "statefulsets", "sts", "apps", "v1"},
    KubeKind{"ReplicaSet", "replicasets", "rs", "apps", "v1"},
    KubeKind{"Job", "jobs", "", "batch", "v1"},
    KubeKind{"CronJob", "cronjobs", "cj", "batch", "v1"},
    KubeKind{"Ingress", "ingresses", "ing", "networking.k8s.io", "v1"},
    KubeKind{"IngressClass", "ingressclasses", "", "networking.k8s.io", "v1", false},
    KubeKind{"NetworkPolicy", "networkpolicies", "netpol", "networking.k8s.io", "v1"},
    KubeKind{"Role", "roles", "", "rbac.authorization.k8s.io", "v1"},
    KubeKind{"RoleBinding", "rolebindings", "", "rbac.authorization.k8s.io", "v1"},
    KubeKind{"ClusterRole", "clusterroles", "", "rbac.authorization.k8s.io", "v1", false},
    KubeKind{"ClusterRoleBinding", "clusterrolebindings", "", "rbac.authorization.k8s.io", "v1", false},
    KubeKind{"StorageClass", "storageclasses", "sc", "storage.k8s.io", "v1", false},
    KubeKind{"HorizontalPodAutoscaler", "horizontalpodautoscalers", "hpa", "autoscaling", "v2"},
    KubeKind{"PodDisruptionBudget", "poddisruptionbudgets", "pdb", "policy", "v1"},
    KubeKind{"APIService", "apiservices", "", "apiregistration.k8s.io", "v1", false},
    KubeKind{"CustomResourceDefinition", "customresourcedefinitions", "crd", "apiextensions.k8s.io", "v1", false},
    KubeKind{"IPAddressPool", "ipaddresspools", "", "metallb.io", "v1beta1"},
    KubeKind{"L2Advertisement", "l2advertisements", "", "metallb.io", "v1beta1"},
};

constexpr int kNodePortFirst = 30'000;
constexpr int kNodePortCount = 2'768;

std::string lower(std::string_view text) {
  std::string low(text);
  std::transform(low.begin(), low.end(), low.begin(), [](unsigned char c) { return std::tolower(c); });
  return low;
}

std::uint64_t number_from(const DeviceState& state, std::string_view text) {
  const std::string bytes = blake2b_128(fmt::format("{}/{}", state.seed, text)).bytes();
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < 8; ++i) number = (number << 8U) | static_cast<unsigned char>(bytes[i]);
  return number;
}

bool is_port_taken(const DeviceState& state, std::int64_t port) {
  return std::any_of(state.objects.begin(), state.objects.end(), [&](const auto& entry) {
    return entry.second.kind == "Service" && node_port_of(entry.second) == port;
  });
}

std::int64_t free_node_port(const DeviceState& state, std::string_view of) {
  std::int64_t port = kNodePortFirst + static_cast<std::int64_t>(number_from(state, of) % kNodePortCount);
  while (is_port_taken(state, port)) port = kNodePortFirst + (port + 1 - kNodePortFirst) % kNodePortCount;
  return port;
}

/// What the API server fills in, the same again when the object comes a second time.
void fill_in_service(const DeviceState& state, Json& object, const Json& before, std::string_view key) {
  Json& spec = object["spec"];
  if (spec.at("type").is_null()) spec["type"] = "ClusterIP";
  if (spec.at("clusterIP").is_null()) {
    const std::uint64_t host = number_from(state, key) % 250 + 2;
    spec["clusterIP"] =
        before.at("clusterIP").is_null() ? Json(fmt::format("10.152.183.{}", host)) : before.at("clusterIP");
  }
  if (spec.at("type").text() == "ClusterIP") return;
  Json::Array ports = spec.at("ports").items();
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (!ports[i].at("nodePort").is_null()) continue;
    const Json::Array& old = before.at("ports").items();
    const bool has_old = i < old.size() && !old[i].at("nodePort").is_null();
    ports[i]["nodePort"] = has_old ? old[i].at("nodePort") : Json(free_node_port(state, fmt::format("{}#{}", key, i)));
  }
  spec["ports"] = std::move(ports);
}

std::vector<Container> containers_of(const Json& object) {
  std::vector<Container> containers;
  const Json& pod = object.at({"spec", "template", "spec"});
  for (const bool is_init : {true, false}) {
    for (const Json& item : pod.at(is_init ? "initContainers" : "containers").items()) {
      containers.push_back({.name = item.at("name").text(),
                            .image = item.at("image").text(),
                            .pull_policy = item.at("imagePullPolicy").text(),
                            .is_init = is_init});
    }
  }
  return containers;
}

void begin_rollout(const DeviceState& state, KubeObject& object, const Json& now_json, const Json& before,
                   SteadyTime now) {
  const bool was_ready = object.ready_at && *object.ready_at <= now;
  if (object.kind == "Deployment" && was_ready) object.old_ready = object.replicas;
  if (!before.is_null()) {
    object.template_before = before.at({"spec", "template"}).dump();
    ++object.revision;
  }
  object.containers = containers_of(now_json);
  object.rolled_at = now;
  object.try_at = now + paced(state, std::chrono::seconds(1));
  object.ready_at.reset();
  object.pulled.clear();
  object.attempts = 0;
  object.restarts = 0;
  object.is_crashing = false;
  object.trouble = "ContainerCreating";
  object.trouble_message.clear();
}

}  // namespace

const KubeKind* find_kind(std::string_view name) {
  const std::string wanted = lower(name.substr(0, name.find('.')));
  for (const KubeKind& kind : kKinds) {
    if (wanted == lower(kind.kind) || wanted == kind.plural || (!kind.short_name.empty() && wanted == kind.short_name))
      return &kind;
  }
  return nullptr;
}

std::string resource_of(const KubeKind& kind) {
  return kind.group.empty() ? std::string(kind.plural) : fmt::format("{}.{}", kind.plural, kind.group);
}

std::string singular_of(const KubeKind& kind) {
  return kind.group.empty() ? lower(kind.kind) : fmt::format("{}.{}", lower(kind.kind), kind.group);
}

int node_port_of(const KubeObject& service) {
  const Result<Json> object = Json::parse(service.json);
  if (!object) return 0;
  for (const Json& port : object->at({"spec", "ports"}).items()) {
    if (const std::int64_t number = port.at("nodePort").number(); number != 0) return static_cast<int>(number);
  }
  return 0;
}

Applied store_object(DeviceState& state, const KubeKind& kind, std::string_view name_space, const Json& object,
                     std::string_view manager, SteadyTime now) {
  const std::string name = object.at({"metadata", "name"}).text();
  const std::string space = kind.is_namespaced ? std::string(name_space) : std::string();
  const std::string key = object_key(kind.kind, space, name);
  const auto found = state.objects.find(key);
  const bool is_new = found == state.objects.end();
  Json before;
  if (!is_new) before = Json::parse(found->second.json).value_or(Json());

  Json next = object;
  next.erase("status");
  Json& metadata = next["metadata"];
  if (!space.empty()) metadata["namespace"] = space;
  for (const std::string_view made : {"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields"})
    metadata.erase(made);
  if (kind.kind == "Service") fill_in_service(state, next, before.at("spec"), key);
  if (!is_new && next == before) {
    found->second.manager = manager;
    return Applied::Unchanged;
  }

  KubeObject& stored = state.objects[key];
  if (is_new) {
    stored.kind = kind.kind;
    stored.name_space = space;
    stored.name = name;
    stored.created_at = now;
    const std::string id = blake2b_128(fmt::format("{}/{}/{}", state.seed, key, ++state.objects_made)).hex();
    stored.uid = fmt::format("{}-{}-{}-{}-{}", id.substr(0, 8), id.substr(8, 4), id.substr(12, 4), id.substr(16, 4),
                             id.substr(20, 12));
  }
  stored.json = next.dump();
  stored.manager = manager;
  stored.version = ++state.objects_made;
  if (!is_new && next.at("spec") != before.at("spec")) ++stored.generation;
  if (is_workload(kind.kind)) {
    if (is_new || next.at({"spec", "template"}) != before.at({"spec", "template"}))
      begin_rollout(state, stored, next, before, now);
    stored.replicas = kind.kind == "DaemonSet" ? 1 : next.at({"spec", "replicas"}).number(1);
  }
  return is_new ? Applied::Created : Applied::Configured;
}

}  // namespace kelpie::sim
