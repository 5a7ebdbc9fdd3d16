// The add-ons of repository core: which there are, and what each brings along. Source: facts, microk8s 5.3, 5.6, 10.
#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "tools/sim/microk8s/kube.h"
#include "tools/sim/microk8s/parts.h"

namespace kelpie::sim {
namespace {

constexpr std::array kAddons{
    AddonKind{"cert-manager", "Cloud native certificate management", "1.14.5"},
    AddonKind{"cis-hardening", "Apply CIS K8s hardening", "1.24"},
    AddonKind{"community", "The community addons repository", ""},
    AddonKind{"dashboard", "The Kubernetes dashboard", "2.7.0"},
    AddonKind{"dns", "CoreDNS", "1.10.1"},
    AddonKind{"gpu", "Alias to nvidia add-on", "24.6.2"},
    AddonKind{"ha-cluster", "Configure high availability on the current node", "0.1.0", true},
    AddonKind{"helm", "Helm - the package manager for Kubernetes", "3.16.3", true},
    AddonKind{"helm3", "Helm 3 - the package manager for Kubernetes", "3.16.3", true},
    AddonKind{"host-access", "Allow Pods connecting to Host services smoothly", "1.0.0"},
    AddonKind{"hostpath-storage", "Storage class; allocates storage from host directory", "1.5.0"},
    AddonKind{"ingress", "Ingress controller for external access", "1.11.2"},
    AddonKind{"kube-ovn", "An advanced network fabric for Kubernetes", "1.10.0"},
    AddonKind{"mayastor", "OpenEBS MayaStor", "2.0.0"},
    AddonKind{"metallb", "Loadbalancer for your Kubernetes cluster", "0.13.3"},
    AddonKind{"metrics-server", "K8s Metrics Server for API access to service metrics", "0.6.3"},
    AddonKind{"minio", "MinIO object storage", "4.5.1"},
    AddonKind{"nvidia", "NVIDIA hardware (GPU and network) support", "24.6.2"},
    AddonKind{"observability", "A lightweight observability stack for logs, traces and metrics", "0.2.0"},
    AddonKind{"prometheus", "Prometheus operator for monitoring and logging", "45.5.0"},
    AddonKind{"rbac", "Role-Based Access Control for authorisation", ""},
    AddonKind{"registry", "Private image registry exposed on localhost:32000", "2.8.1"},
    AddonKind{"rook-ceph", "Distributed Ceph storage using Rook", "1.11.9"},
    AddonKind{"storage", "Alias to hostpath-storage add-on, deprecated", "1.5.0"},
};
constexpr std::string_view kKubeSystem = "kube-system";
constexpr int kTraefikSince = 35;         // facts, microk8s 1
constexpr int kDashboardChartSince = 33;  // branches of the add-ons' repository

/// The first object that makes status say "enabled"; what has none is remembered by name.
std::string proof_of(const DeviceState& state, std::string_view name) {
  if (name == "dns") return object_key("Deployment", kKubeSystem, "coredns");
  if (name == "hostpath-storage" || name == "storage")
    return object_key("Deployment", kKubeSystem, "hostpath-provisioner");
  if (name == "registry") return object_key("Deployment", "container-registry", "registry");
  if (name == "metrics-server") return object_key("Deployment", kKubeSystem, "metrics-server");
  if (name == "ingress") {
    return minor_of(state) >= kTraefikSince ? object_key("DaemonSet", "ingress", "traefik")
                                            : object_key("DaemonSet", "ingress", "nginx-ingress-microk8s-controller");
  }
  if (name == "metallb") return object_key("DaemonSet", "metallb-system", "speaker");
  if (name == "rbac") return object_key("ClusterRole", "", "cluster-admin");
  if (name == "dashboard") {
    return minor_of(state) >= kDashboardChartSince
               ? object_key("Deployment", "kubernetes-dashboard", "kubernetes-dashboard-web")
               : object_key("Deployment", kKubeSystem, "kubernetes-dashboard");
  }
  if (name == "observability" || name == "prometheus") {
    return object_key("StatefulSet", "observability", "prometheus-kube-prom-stack-kube-prome-prometheus");
  }
  if (name == "cert-manager") return object_key("Deployment", "cert-manager", "cert-manager");
  return {};
}

/// What stands behind KEY= in the arguments.
std::string argument(const std::vector<std::string>& args, std::string_view key, std::string_view otherwise) {
  for (const std::string& arg : args) {
    const std::size_t at = arg.find(fmt::format("{}=", key));
    if (at != std::string::npos && arg.find_first_not_of('-') == at) return arg.substr(at + key.size() + 1);
  }
  return std::string(otherwise);
}

struct AddonWriter {
  DeviceState& state;
  std::string_view addon;
  SteadyTime now;

  void add(std::string_view kind_name, std::string_view name_space, std::string_view name, Json spec,
           const Json::Object& more = {}) {
    const KubeKind* const kind = find_kind(kind_name);
    const std::string version =
        kind->group.empty() ? std::string(kind->version) : fmt::format("{}/{}", kind->group, kind->version);
    Json object =
        Json::Object{{"apiVersion", version},
                     {"kind", kind->kind},
                     {"metadata", Json::Object{{"name", name}, {"labels", Json::Object{{"k8s-app", addon}}}}}};
    if (!spec.is_null()) object["spec"] = std::move(spec);
    for (const auto& [key, value] : more) object[key] = value;
    store_object(state, *kind, name_space, object, "kubectl-client-side-apply", now);
  }
  void add_workload(std::string_view kind, std::string_view name_space, std::string_view name, std::string_view image,
                    std::string_view init_image = {}, const std::vector<std::string>& args = {}) {
    const Json labels = Json::Object{{"k8s-app", name}};
    Json container = Json::Object{{"name", name}, {"image", image}, {"imagePullPolicy", "IfNotPresent"}};
    for (const std::string& arg : args) container["args"].append(arg);
    Json containers;
    containers.append(std::move(container));
    Json pod = Json::Object{{"containers", std::move(containers)}};
    if (!init_image.empty()) pod["initContainers"].append(Json::Object{{"name", "install"}, {"image", init_image}});
    Json spec = Json::Object{
        {"selector", Json::Object{{"matchLabels", labels}}},
        {"template", Json::Object{{"metadata", Json::Object{{"labels", labels}}}, {"spec", std::move(pod)}}}};
    if (kind != "DaemonSet") spec["replicas"] = 1;
    add(kind, name_space, name, std::move(spec));
  }
  void add_service(std::string_view name_space, std::string_view name, std::string_view workload, std::int64_t port,
                   std::int64_t node_port) {
    Json one = Json::Object{{"port", port}, {"targetPort", port}, {"protocol", "TCP"}};
    if (node_port != 0) one["nodePort"] = node_port;
    Json ports;
    ports.append(std::move(one));
    add("Service", name_space, name,
        Json::Object{{"selector", Json::Object{{"k8s-app", workload}}},
                     {"ports", std::move(ports)},
                     {"type", node_port != 0 ? "NodePort" : "ClusterIP"}});
  }
};

std::string_view coredns_version(const DeviceState& state) {
  if (minor_of(state) >= kTraefikSince) return "1.13.1";
  return minor_of(state) >= 34 ? "1.12.3" : "1.10.1";
}

void add_dns(AddonWriter& to, const std::vector<std::string>& args) {
  std::string servers = args.empty() ? "/etc/resolv.conf" : args.front();
  std::replace(servers.begin(), servers.end(), ',', ' ');
  const std::string corefile = fmt::format(".:53 {{\n    forward . {}\n    cache 30\n}}\n", servers);
  to.add("ConfigMap", kKubeSystem, "coredns", {}, {{"data", Json::Object{{"Corefile", corefile}}}});
  to.add_workload("Deployment", kKubeSystem, "coredns", fmt::format("coredns/coredns:{}", coredns_version(to.state)));
  to.add_service(kKubeSystem, "kube-dns", "coredns", 53, 0);
}

void add_storage(AddonWriter& to, const std::vector<std::string>& args) {
  to.add_workload("Deployment", kKubeSystem, "hostpath-provisioner",
                  minor_of(to.state) >= 34 ? "cdkbot/hostpath-provisioner:1.6.0" : "cdkbot/hostpath-provisioner:1.5.0");
  to.add("StorageClass", "", "microk8s-hostpath", {},
         {{"provisioner", "microk8s.io/hostpath"},
          {"reclaimPolicy", argument(args, "reclaim-policy", "Delete")},
          {"volumeBindingMode", "WaitForFirstConsumer"}});
}

void add_metrics(AddonWriter& to) {
  to.add_workload("Deployment", kKubeSystem, "metrics-server",
                  minor_of(to.state) >= 34 ? "registry.k8s.io/metrics-server/metrics-server:v0.8.0"
                                           : "registry.k8s.io/metrics-server/metrics-server:v0.6.3");
  to.add_service(kKubeSystem, "metrics-server", "metrics-server", 443, 0);
  to.add("APIService", "", "v1beta1.metrics.k8s.io", Json::Object{{"group", "metrics.k8s.io"}, {"version", "v1beta1"}});
}

void add_ingress(AddonWriter& to, const std::vector<std::string>& args) {
  to.add("Namespace", "", "ingress", {});
  to.add("IngressClass", "", "public", Json::Object{{"controller", "k8s.io/ingress-nginx"}});
  if (minor_of(to.state) >= kTraefikSince) {
    to.add_workload("DaemonSet", "ingress", "traefik", "docker.io/library/traefik:v3.6.2");
    return;
  }
  const std::string certificate = argument(args, "default-ssl-certificate", " ");
  to.add_workload(
      "DaemonSet", "ingress", "nginx-ingress-microk8s-controller", "registry.k8s.io/ingress-nginx/controller:v1.13.8",
      {}, {"/nginx-ingress-controller", certificate == " " ? certificate : "--default-ssl-certificate=" + certificate});
}

void add_metallb(AddonWriter& to, const std::vector<std::string>& args) {
  to.add("Namespace", "", "metallb-system", {});
  to.add_workload("Deployment", "metallb-system", "controller", "quay.io/metallb/controller:v0.13.3");
  to.add_workload("DaemonSet", "metallb-system", "speaker", "quay.io/metallb/speaker:v0.13.3");
  Json ranges = Json::Array{};
  if (!args.empty()) ranges.append(args.front());
  to.add("IPAddressPool", "metallb-system", "default-addresspool", Json::Object{{"addresses", std::move(ranges)}});
}

void add_registry(AddonWriter& to, const std::vector<std::string>& args) {
  to.add("Namespace", "", "container-registry", {});
  const Json requests = Json::Object{{"storage", argument(args, "size", "20Gi")}};
  to.add("PersistentVolumeClaim", "container-registry", "registry-claim",
         Json::Object{{"resources", Json::Object{{"requests", requests}}}});
  to.add_workload("Deployment", "container-registry", "registry", "registry:2.8.1");
  to.add_service("container-registry", "registry", "registry", 5000, 32'000);
}

void add_dashboard(AddonWriter& to) {
  if (minor_of(to.state) < kDashboardChartSince) {
    to.add_workload("Deployment", kKubeSystem, "kubernetes-dashboard", "docker.io/kubernetesui/dashboard:v2.7.0");
    return;
  }
  constexpr std::string_view kSpace = "kubernetes-dashboard";
  to.add("Namespace", "", kSpace, {});
  to.add_workload("Deployment", kSpace, "kubernetes-dashboard-api", "docker.io/kubernetesui/dashboard-api:1.14.0");
  to.add_workload("Deployment", kSpace, "kubernetes-dashboard-web", "docker.io/kubernetesui/dashboard-web:1.7.0");
}

void add_cert_manager(AddonWriter& to) {
  to.add("Namespace", "", "cert-manager", {});
  for (const std::string_view part : {"cert-manager", "cert-manager-cainjector", "cert-manager-webhook"}) {
    to.add_workload("Deployment", "cert-manager", part, fmt::format("quay.io/jetstack/{}:v1.14.5", part));
  }
}

void add_observability(AddonWriter& to) {
  to.add("Namespace", "", "observability", {});
  to.add_workload("StatefulSet", "observability", "prometheus-kube-prom-stack-kube-prome-prometheus",
                  "quay.io/prometheus/prometheus:v2.45.0");
  to.add_workload("StatefulSet", "observability", "loki", "docker.io/grafana/loki:2.6.1");
}

/// What the script enables before it does its own work.
std::vector<std::string_view> needed_by(std::string_view addon) {
  if (addon == "registry") return {"hostpath-storage"};
  if (addon == "dashboard") return {"metrics-server"};
  if (addon == "observability") return {"dns", "hostpath-storage"};
  return {};
}

}  // namespace

std::vector<AddonKind> core_addons(const DeviceState& state) {
  std::vector<AddonKind> here;
  const bool is_strict = state.snap.now.confinement == "strict";
  for (const AddonKind& addon : kAddons) {
    const bool is_nvidia = addon.name == "gpu" || addon.name == "nvidia";
    if (is_nvidia && (is_strict || state.architecture != "amd64")) continue;
    if (addon.name == "kube-ovn" && is_strict) continue;
    if (addon.name == "dashboard" && minor_of(state) > kTraefikSince) continue;
    here.push_back(addon);
  }
  return here;
}

bool is_addon_enabled(const DeviceState& state, std::string_view name) {
  const auto always = std::find_if(kAddons.begin(), kAddons.end(),
                                   [&](const AddonKind& addon) { return addon.name == name && addon.is_always_on; });
  if (always != kAddons.end()) return true;
  const std::string proof = proof_of(state, name);
  return proof.empty() ? state.addons.contains(std::string(name)) : state.objects.contains(proof);
}

void add_addon(DeviceState& state, std::string_view name, const std::vector<std::string>& args, SteadyTime now) {
  AddonWriter to{.state = state, .addon = name, .now = now};
  std::string_view known = name;
  if (name == "storage") known = "hostpath-storage";
  if (name == "prometheus") known = "observability";
  for (const std::string_view other : needed_by(known)) {
    if (!is_addon_enabled(state, other)) add_addon(state, other, {}, now);
  }
  state.addons.insert(std::string(known));
  state.addon_args[std::string(known)] = args;
  if (known == "dns") return add_dns(to, args);
  if (known == "hostpath-storage") return add_storage(to, args);
  if (known == "metrics-server") return add_metrics(to);
  if (known == "ingress") return add_ingress(to, args);
  if (known == "metallb") return add_metallb(to, args);
  if (known == "registry") return add_registry(to, args);
  if (known == "rbac") return to.add("ClusterRole", "", "cluster-admin", {});
  if (known == "dashboard") return add_dashboard(to);
  if (known == "cert-manager") return add_cert_manager(to);
  if (known == "observability") return add_observability(to);
}

void remove_addon(DeviceState& state, std::string_view name) {
  const std::string known(name == "storage" ? "hostpath-storage" : name);
  state.addons.erase(known);
  state.addon_args.erase(known);
  std::erase_if(state.objects, [&](const auto& entry) {
    return Json::parse(entry.second.json).value_or(Json()).at({"metadata", "labels", "k8s-app"}).text() == known;
  });
}

void add_first_objects(DeviceState& state, SteadyTime now) {
  AddonWriter to{.state = state, .addon = "calico", .now = now};
  const std::string_view version = minor_of(state) >= 34 ? "v3.29.3" : "v3.28.1";
  for (const std::string_view space : {"default", "kube-node-lease", "kube-public", "kube-system"})
    to.add("Namespace", "", space, {});
  to.add_service("default", "kubernetes", "", 443, 0);
  to.add_workload("DaemonSet", kKubeSystem, "calico-node", fmt::format("docker.io/calico/node:{}", version),
                  fmt::format("docker.io/calico/cni:{}", version));
  to.add_workload("Deployment", kKubeSystem, "calico-kube-controllers",
                  fmt::format("docker.io/calico/kube-controllers:{}", version));
}

}  // namespace kelpie::sim
