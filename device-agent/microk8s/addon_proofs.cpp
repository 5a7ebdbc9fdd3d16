#include "device-agent/microk8s/addon_proofs.h"

#include <algorithm>
#include <array>
#include <map>

#include <fmt/core.h>

#include "device-agent/microk8s/commands.h"
#include "device-agent/microk8s/health.h"
#include "device-agent/microk8s/readiness.h"

namespace kelpie::agent {
namespace {

constexpr Duration kStatusLimit = std::chrono::seconds(90);  // facts, microk8s 2.1: a hanging probe takes 32 s
constexpr int kChartOfDashboard = 33;                        // the first track whose dashboard comes from a chart

/// One object an add-on makes, on tracks 1.first to 1.last. Workloads must be ready, others must be there.
struct Part {
  std::string_view addon;
  std::string_view kind;      // as in JSON
  std::string_view resource;  // as kubectl's argument; only for what is no workload
  std::string_view name_space;
  std::string_view name;
  int first_minor = wire::kNoMinor;
  int last_minor = wire::kAnyMinor;
};
constexpr std::array kParts{
    Part{"dns", "Deployment", "", "kube-system", "coredns"},
    Part{"hostpath-storage", "Deployment", "", "kube-system", "hostpath-provisioner"},
    Part{"hostpath-storage", "StorageClass", "storageclasses", "", "microk8s-hostpath"},
    Part{"registry", "Deployment", "", "container-registry", "registry"},
    Part{"metrics-server", "APIService", "apiservices", "", "v1beta1.metrics.k8s.io"},
    Part{"metallb", "Deployment", "", "metallb-system", "controller"},
    Part{"metallb", "DaemonSet", "", "metallb-system", "speaker"},
    Part{"metallb", "IPAddressPool", "ipaddresspools.metallb.io", "metallb-system", "default-addresspool"},
    Part{"cert-manager", "Deployment", "", "cert-manager", "cert-manager"},
    Part{"cert-manager", "Deployment", "", "cert-manager", "cert-manager-cainjector"},
    Part{"cert-manager", "Deployment", "", "cert-manager", "cert-manager-webhook"},
    Part{"dashboard", "Deployment", "", "kube-system", "kubernetes-dashboard", wire::kNoMinor, kChartOfDashboard - 1},
    // Question for a real device: whether its chart still names them so.
    Part{"dashboard", "Deployment", "", "kubernetes-dashboard", "kubernetes-dashboard-api", kChartOfDashboard},
    Part{"dashboard", "Deployment", "", "kubernetes-dashboard", "kubernetes-dashboard-web", kChartOfDashboard},
    Part{"ingress", "DaemonSet", "", "ingress", "nginx-ingress-microk8s-controller", wire::kNoMinor,
         wire::kTraefikSinceMinor - 1},
    Part{"ingress", "DaemonSet", "", "ingress", "traefik", wire::kTraefikSinceMinor},
    Part{"ingress", "IngressClass", "ingressclasses", "", "public", wire::kTraefikSinceMinor},
    Part{"observability", "StatefulSet", "", "observability", "prometheus-kube-prom-stack-kube-prome-prometheus"},
    Part{"observability", "StatefulSet", "", "observability", "loki"},
};
// Its proof is the API it serves; the workload stands in where one listing must do.
constexpr Part kMetricsServer{"metrics-server", "Deployment", "", "kube-system", "metrics-server"};

bool is_on(const Part& part, std::optional<int> minor) {
  const int asked = minor.value_or(wire::kAnyMinor);
  return part.first_minor <= asked && asked <= part.last_minor;
}

std::vector<Part> parts_of(std::string_view name, std::optional<int> minor) {
  std::vector<Part> parts;
  std::copy_if(kParts.begin(), kParts.end(), std::back_inserter(parts),
               [&](const Part& part) { return part.addon == name && is_on(part, minor); });
  return parts;
}

bool is_condition_true(const Json& object, std::string_view type) {
  const Json::Array& conditions = object.at({"status", "conditions"}).items();
  return std::any_of(conditions.begin(), conditions.end(),
                     [&](const Json& one) { return one.text("type") == type && one.text("status") == "True"; });
}

std::string text_of(const Part& part) {
  std::string kind(part.kind);
  std::transform(kind.begin(), kind.end(), kind.begin(), [](char c) { return static_cast<char>(c | 0x20); });
  return part.name_space.empty() ? fmt::format("{} {}", kind, part.name)
                                 : fmt::format("{} {}/{}", kind, part.name_space, part.name);
}

Json reference(const Part& part) {
  Json object(Json::Object{{"kind", part.kind}});
  object["metadata"]["name"] = part.name;
  object["metadata"]["namespace"] = part.name_space;
  return object;
}

/// A kind that is not known to the API server has no objects.
Tried<Json> read_other(const Work& work, const Part& part) {
  std::vector<std::string> arguments{std::string(part.resource), std::string(part.name)};
  if (!part.name_space.empty()) arguments.insert(arguments.end(), {"-n", std::string(part.name_space)});
  Tried<Json> object = get_object(work, std::move(arguments));
  if (!object && has_any(object.error().output, {"doesn't have a resource type", "no matches for kind"})) return Json();
  return object;
}

void add(AddonState& state, const Part& part, bool is_there, bool is_ready, std::string_view found) {
  state.is_there = state.is_there || is_there;
  state.is_ready = state.is_ready && is_ready;
  if (!state.what.empty()) state.what += ", ";
  state.what += fmt::format("{} {}", text_of(part), found);
}

Tried<void> look_at_workload(const Work& work, const Part& part, AddonState& state) {
  KELPIE_TRY(Readiness readiness, look_at(work, {reference(part)}));
  const bool is_there = !readiness.trouble || readiness.trouble->reason != Reason::WorkloadMissing;
  add(state, part, is_there, readiness.is_ready, is_there ? readiness.text() : "is not there");
  if (is_there && readiness.trouble && !state.trouble) state.trouble = std::move(readiness.trouble);
  return {};
}

Tried<void> look_at_other(const Work& work, const Part& part, AddonState& state) {
  KELPIE_TRY(const Json object, read_other(work, part));
  const bool is_there = !object.is_null();
  const bool is_ready = is_there && (part.kind != "APIService" || is_condition_true(object, "Available"));
  add(state, part, is_there, is_ready, is_ready ? "is there" : is_there ? "is not available" : "is not there");
  return {};
}

Tried<AddonState> look_at_parts(const Work& work, const std::vector<Part>& parts) {
  AddonState state{.is_there = false, .is_ready = true, .what = {}, .trouble = {}};
  for (const Part& part : parts) {
    if (has_health(part.kind)) {
      KELPIE_TRY(look_at_workload(work, part, state));
    } else {
      KELPIE_TRY(look_at_other(work, part, state));
    }
  }
  return state;
}

AddonState of_file(bool is_there, std::string what) {
  return {.is_there = is_there, .is_ready = is_there, .what = std::move(what), .trouble = {}};
}

Tried<AddonState> read_rbac(const Work& work) {
  const Result<std::string> arguments = work.host().files.read(work.paths().snap_data + "/args/kube-apiserver");
  if (!arguments) return trouble(Reason::AnswerUnreadable, arguments.error().message);
  const bool is_authorising = has_any(*arguments, {"--authorization-mode=RBAC,Node"});
  return of_file(is_authorising,
                 is_authorising ? "the API server authorises by RBAC" : "the API server allows everything");
}

/// The address is on the loopback interface, where no listing of links is needed: the kernel answers for its own
/// addresses in one file.
bool is_own_address(const Work& work, const std::string& address) {
  const Result<std::string> table = work.host().files.read("/proc/net/fib_trie");
  if (!table) return false;
  bool is_named = false;  // "|-- 10.0.1.1", then "/32 host LOCAL"
  for (const std::string& line : lines_of(*table)) {
    const std::vector<std::string> words = words_of(line);
    if (is_named && has_any(line, {"host LOCAL"})) return true;
    is_named = words.size() == 2 && words[0] == "|--" && words[1] == address;
  }
  return false;
}

Tried<AddonState> read_host_access(const Work& work) {
  const std::string address = host_access_address(work);
  if (address.empty()) return of_file(false, "no lock file");
  AddonState state = of_file(true, "the host answers at " + address);
  if (is_own_address(work, address)) return state;
  state.is_ready = false;
  state.what = fmt::format("its lock file says {}, which the kernel has not", address);
  return state;
}

/// Served through the API server, which needs no port of the node; the port is what pods and containerd use.
Tried<AddonState> read_registry(const Work& work, const std::vector<Part>& parts) {
  constexpr std::int64_t kNodePort = 32'000;  // facts, microk8s 5.3
  KELPIE_TRY(AddonState state, look_at_parts(work, parts));
  if (!state.is_ready) return state;
  KELPIE_TRY(const Json service, get_object(work, {"services", "registry", "-n", "container-registry"}));
  const Json::Array& ports = service.at({"spec", "ports"}).items();
  const bool has_port =
      std::any_of(ports.begin(), ports.end(), [](const Json& port) { return port.number("nodePort", 0) == kNodePort; });
  KELPIE_TRY(
      const Exit answer,
      run_kubectl(work, {"get", "--raw", "/api/v1/namespaces/container-registry/services/registry:5000/proxy/v2/",
                         "--request-timeout=10s"}));
  state.is_ready = has_port && answer.code == 0;
  state.what += answer.code == 0 ? ", /v2/ answers" : ", /v2/ does not answer: " + last_line(answer.err);
  state.what += has_port ? "" : ", no service at port 32000";
  return state;
}

/// No table can know them all: listed, and nothing on the node is left unready.
Tried<AddonState> read_listed(const Work& work, const wire::AddonRow& row) {
  KELPIE_TRY(const std::vector<std::string> listed, listed_addons(work));
  if (std::find(listed.begin(), listed.end(), row.name) == listed.end()) {
    return of_file(false, "status does not list it");
  }
  if (row.is_always_on) return of_file(true, "part of every MicroK8s");
  KELPIE_TRY(const Json::Array workloads, get_objects(work, {"deployments,daemonsets,statefulsets", "-A"}));
  AddonState state = of_file(true, "status lists it and every workload of the node is ready");
  for (const Json& workload : workloads) {
    if (judge(workload, {}).is_ready) continue;
    state.is_ready = false;
    state.what = fmt::format("status lists it, but {}/{} is not ready", workload.at({"metadata", "namespace"}).text(),
                             workload.at({"metadata", "name"}).text());
  }
  return state;
}

}  // namespace

Tried<AddonState> read_addon(const Work& work, const wire::AddonRow& row, std::optional<int> minor) {
  if (row.name == "rbac") return read_rbac(work);
  if (row.name == "host-access") return read_host_access(work);
  const std::vector<Part> parts = parts_of(row.name, minor);
  if (row.name == "registry") return read_registry(work, parts);
  return parts.empty() ? read_listed(work, row) : look_at_parts(work, parts);
}

Tried<Json> read_pool(const Work& work) {
  const std::vector<Part> parts = parts_of("metallb", std::nullopt);
  KELPIE_ASSERT(parts.back().kind == "IPAddressPool");
  return read_other(work, parts.back());
}

std::string host_access_address(const Work& work) {
  const Result<std::string> lock = work.host().files.read(work.paths().snap_data + "/var/lock/host-access-enabled");
  return lock ? last_line(*lock) : "";
}

Tried<std::vector<std::string>> listed_addons(const Work& work) {
  // short never asks the datastore for its members, which takes a minute on a sick one.
  KELPIE_TRY(const Exit exit,
             run_microk8s(work, {.arguments = {"status", "--format", "short"}, .limit = kStatusLimit}));
  // A cordoned node reads as not running here, and then nothing is listed (facts, microk8s 0).
  if (exit.code != 0) {
    return trouble(Reason::AnswerUnreadable, fmt::format("status lists no add-ons: {}", last_line(exit.out)),
                   exit.out + exit.err);
  }
  std::vector<std::string> names;
  for (const std::string& line : lines_of(exit.out)) {
    const std::size_t slash = line.find('/');
    const std::size_t colon = line.find(": enabled");
    if (slash == std::string::npos || colon == std::string::npos || colon < slash) continue;
    names.push_back(line.substr(slash + 1, colon - slash - 1));
  }
  return names;
}

AddonsSeen see_addons(const Work& work, const Json::Array& workloads, std::optional<int> minor) {
  struct Seen {
    bool is_there = false;
    bool is_ready = true;
  };
  std::map<std::string, Seen> seen;
  const auto look = [&](Seen& addon, const auto& is_it) {
    const auto at = std::find_if(workloads.begin(), workloads.end(), is_it);
    addon.is_there = addon.is_there || at != workloads.end();
    addon.is_ready = addon.is_ready && at != workloads.end() && judge(*at, {}).is_ready;
  };
  const auto look_for = [&](const Part& part) {
    look(seen[std::string(part.addon)], [&](const Json& one) {
      return one.text("kind") == part.kind && one.at({"metadata", "name"}).text() == part.name &&
             one.at({"metadata", "namespace"}).text() == part.name_space;
    });
  };
  for (const Part& part : kParts) {
    if (has_health(part.kind) && is_on(part, minor)) look_for(part);
  }
  look_for(kMetricsServer);
  for (const std::string name : {"rbac", "host-access"}) {
    const Tried<AddonState> state = read_addon(work, *wire::find_addon(name), minor);
    if (state) seen[name] = {state->is_there, state->is_ready};
  }
  AddonsSeen out;
  for (const auto& [name, addon] : seen) {
    if (addon.is_ready) out.ready.push_back(name);
    if (!addon.is_there) out.absent.push_back(name);
  }
  return out;
}

bool is_known_addon(const Work& work, const std::string& name) {
  const Result<std::string> list = work.host().files.read(work.paths().snap_common + "/addons/core/addons.yaml");
  if (!list) return true;
  for (const std::string& line : lines_of(*list)) {
    const std::vector<std::string> words = words_of(line);
    const std::size_t at = words.empty() || words[0] != "-" ? 0 : 1;
    if (words.size() < at + 2 || words[at] != "name:") continue;
    std::string found = words[at + 1];
    std::erase(found, '"');
    if (found == name) return true;
  }
  return false;
}

}  // namespace kelpie::agent
