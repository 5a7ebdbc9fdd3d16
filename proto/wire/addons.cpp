#include "proto/wire/addons.h"

#include <algorithm>
#include <array>

#include <fmt/core.h>

namespace kelpie::wire {
namespace {

constexpr int kLongScript = 500;      // facts, microk8s 5.6: they loop until their controllers answer
constexpr int kNvidiaScript = 1'500;  // facts, microk8s 5.3: what upstream's own tests wait

// Tracks are those of the scripts' branches 1.24 to 1.35 and main.
constexpr std::array kRows{
    AddonRow{.name = "cert-manager",
             .arguments = "from 1.33: -r URL, -V VERSION",
             .proof = "deployments cert-manager, cert-manager-cainjector, cert-manager-webhook available",
             .internet = "its chart",
             .internet_since = 33,
             .loss = "every certificate it keeps",
             .brings = {"dns"},
             .first_minor = 25,
             .script_limit_s = kLongScript},
    AddonRow{.name = "cis-hardening",
             .refused = "rewrites the arguments of every Kubernetes program of the node, which nothing on it proves or "
                        "takes back: apply it by hand to the image the devices are made from"},
    AddonRow{.name = "community",
             .refused = "clones a repository from the internet and runs its scripts as root; nobody signs them: deploy "
                        "what you need of it as a workload"},
    AddonRow{.name = "dashboard",
             .arguments = "from 1.33: -r URL, -V VERSION",
             .proof = "to 1.32: deployment kube-system/kubernetes-dashboard available; from 1.33: deployments "
                      "kubernetes-dashboard-api and -web of namespace kubernetes-dashboard available",
             .internet = "its chart",
             .internet_since = 33,
             .brings = {"metrics-server"},
             .last_minor = 35},
    AddonRow{.name = "dns",
             .arguments = "SERVER[,SERVER…], from 1.28 CLUSTER-IP, from 1.33 DOMAIN",
             .proof = "deployment kube-system/coredns available"},
    AddonRow{.name = "gpu", .stands_for = "nvidia"},
    AddonRow{.name = "ha-cluster",
             .refused = "is on in every MicroK8s; switching it on one node replaces the datastore and destroys what is "
                        "in it: leave it out"},
    AddonRow{.name = "helm", .proof = "is part of every MicroK8s", .is_always_on = true},
    AddonRow{.name = "helm3", .proof = "is part of every MicroK8s", .is_always_on = true},
    AddonRow{.name = "host-access",
             .arguments = "ip=ADDRESS; 10.0.1.1 unless given",
             .proof = "lock file with the address, and the kernel has it"},
    AddonRow{.name = "hostpath-storage",
             .arguments = "from 1.25: --reclaim-policy=Delete|Retain; from 1.29: --default-class=true|false",
             .proof = "deployment kube-system/hostpath-provisioner available, storage class microk8s-hostpath",
             .loss = "the class that workloads claim volumes of; Kelpie leaves the volumes on the disk"},
    AddonRow{.name = "ingress",
             .arguments = "default-ssl-certificate=NAMESPACE/SECRET; from 1.35 also -V VERSION, -r URL, -g VERSION",
             .proof = "to 1.34: daemon set ingress/nginx-ingress-microk8s-controller available; from 1.35: ingress "
                      "class public, traefik available",
             .internet = "Traefik's chart and the Gateway API's definitions",
             .internet_since = kTraefikSinceMinor},
    AddonRow{.name = "kube-ovn",
             .refused = "takes the network of the running node away and gives it another, with --force: no pod keeps "
                        "its address, and nothing takes it back",
             .is_classic_only = true},
    AddonRow{.name = "mayastor",
             .refused = "needs huge pages and a kernel module on three nodes; a device here is a node of its own: use "
                        "hostpath-storage",
             .loss = "every volume in it"},
    AddonRow{.name = "metallb",
             .arguments = "FIRST-LAST or NETWORK/BITS, several with commas; needed",
             .proof = "metallb-system: deployment controller and daemon set speaker available, pool "
                      "default-addresspool with these addresses",
             .first_minor = 25,
             .script_limit_s = kLongScript},
    AddonRow{.name = "metrics-server", .proof = "API service v1beta1.metrics.k8s.io available"},
    AddonRow{.name = "minio",
             .refused = "is given up: newer MicroK8s only print so. Deploy MinIO as a workload",
             .loss = "everything stored in it"},
    AddonRow{.name = "nvidia",
             .arguments = "--gpu-operator-driver=auto|host|operator, --gpu-operator-version=VERSION",
             .proof = "status lists it, and every workload of the node is ready",
             .internet = "NVIDIA's charts and drivers",
             .advice = "takes up to 25 minutes: give its rollout policy.timeouts.step of 30m and attempt of 60m",
             .first_minor = 29,
             .architecture = "amd64",
             .is_classic_only = true,
             .script_limit_s = kNvidiaScript},
    AddonRow{.name = "observability",
             .arguments = "from 1.27: --without-tempo, --kube-prometheus-stack-version=, --loki-stack-version=, "
                          "--tempo-version=",
             .proof = "observability: stateful sets prometheus-kube-prom-stack-kube-prome-prometheus and loki ready",
             .internet = "the charts of Prometheus, Loki and Tempo",
             .loss = "every metric and log it keeps",
             .brings = {"dns", "hostpath-storage"},
             .advice = "takes more than 1 GiB of memory: not for a Raspberry Pi of 4 GB and less",
             .first_minor = 25,
             .script_limit_s = kLongScript},
    AddonRow{.name = "prometheus", .stands_for = "observability"},
    AddonRow{.name = "rbac", .proof = "the API server's arguments say --authorization-mode=RBAC,Node, and it answers"},
    AddonRow{.name = "registry",
             .arguments = "from 1.25: --size=NGi, 20Gi and up, and --storageclass=NAME",
             .proof = "deployment container-registry/registry available, GET /v2/ answers, node port 32000",
             .loss = "every image pushed to it",
             .brings = {"hostpath-storage"},
             .survives_reset = false},
    AddonRow{.name = "rook-ceph",
             .refused = "needs disks of its own, and its script says done whatever became of it: use hostpath-storage",
             .loss = "every volume in it"},
    AddonRow{.name = "storage", .stands_for = "hostpath-storage"},
};

constexpr std::array<std::string_view, 34> kCommunity{"amd",
                                                      "argocd",
                                                      "cilium",
                                                      "cloudnative-pg",
                                                      "dashboard-ingress",
                                                      "easyhaproxy",
                                                      "falco",
                                                      "fluentd",
                                                      "forgejo",
                                                      "gopaddle",
                                                      "inaccel",
                                                      "istio",
                                                      "jaeger",
                                                      "kata",
                                                      "keda",
                                                      "knative",
                                                      "kubearmor",
                                                      "kwasm",
                                                      "linkerd",
                                                      "microcks",
                                                      "multus",
                                                      "nfs",
                                                      "ngrok",
                                                      "openebs",
                                                      "openfaas",
                                                      "osm-edge",
                                                      "parking",
                                                      "portainer",
                                                      "shifu",
                                                      "sosivio",
                                                      "sriov-device-plugin",
                                                      "stunner",
                                                      "traefik",
                                                      "trivy"};

static_assert(std::is_sorted(kCommunity.begin(), kCommunity.end()));
static_assert(std::is_sorted(kRows.begin(), kRows.end(),
                             [](const AddonRow& a, const AddonRow& b) { return a.name < b.name; }));

const AddonRow* row_named(std::string_view name) {
  const auto at = std::find_if(kRows.begin(), kRows.end(), [&](const AddonRow& row) { return row.name == name; });
  return at == kRows.end() ? nullptr : &*at;
}

}  // namespace

std::span<const AddonRow> addon_rows() {
  return kRows;
}

std::span<const std::string_view> community_addons() {
  return kCommunity;
}

const AddonRow* find_addon(std::string_view name) {
  const AddonRow* const row = row_named(name);
  return row == nullptr || row->stands_for.empty() ? row : row_named(row->stands_for);
}

std::string misplaced(const AddonRow& row, const AddonPlace& place) {
  if (place.minor && *place.minor > row.last_minor) {
    return fmt::format("add-on {} left MicroK8s with 1.{}", row.name, row.last_minor + 1);
  }
  if (place.minor && *place.minor < row.first_minor) {
    return fmt::format("add-on {} came to MicroK8s with 1.{}", row.name, row.first_minor);
  }
  if (row.is_classic_only && place.is_strict.value_or(false)) {
    return fmt::format("add-on {} needs a classic track, not a strict one", row.name);
  }
  if (!row.architecture.empty() && !place.architecture.empty() && place.architecture != row.architecture) {
    return fmt::format("add-on {} is for {}, not for {}", row.name, row.architecture, place.architecture);
  }
  return {};
}

}  // namespace kelpie::wire
