// What proves an add-on, by track, and what shows of its arguments. Source: facts, microk8s 5.6.
#include <algorithm>

#include <gtest/gtest.h>

#include "tests/device-agent/microk8s/scripted_host.h"

namespace kelpie::agent {
namespace {

using test::list_of;
using test::ScriptedHost;
using test::set_up_running;
using test::workload_json;

AddonsStep enable(std::string name, std::vector<std::string> args = {}) {
  return {{{.name = std::move(name), .args = std::move(args), .is_absent = false}}};
}

std::string in_space(const std::string& space) {
  return "kubectl get deployments,daemonsets,statefulsets,jobs,pods -n " + space;
}

void with_host_access(ScriptedHost& host) {
  host.files["/var/snap/microk8s/current/var/lock/host-access-enabled"] = "10.0.1.1\n";
  host.files["/proc/net/fib_trie"] =
      "Main:\n  +-- 0.0.0.0/0 3 0 5\nLocal:\n     |-- 10.0.1.1\n        /32 host LOCAL\n";
}

struct Proof {
  const char* name;
  std::function<void(ScriptedHost&)> there;
  const char* track = "";
};
void has_track(ScriptedHost& host, const std::string& track) {
  host.on_snapd("GET /v2/snaps/microk8s").out(test::snap_json(track + "/stable", "9000", "v" + track + ".1"), 200);
}
class ProofByEffect : public testing::TestWithParam<Proof> {};

TEST_P(ProofByEffect, MakesItEnabled) {
  ScriptedHost host;
  set_up_running(host);
  GetParam().there(host);
  std::string name = GetParam().name;
  std::replace(name.begin(), name.end(), '_', '-');  // test names take no dash
  const CallResult result = host.step(Phase::Observe, enable(name));
  EXPECT_EQ(result.verdict, Verdict::Satisfied) << result.detail;
}

// Facts, microk8s 5.6.
INSTANTIATE_TEST_SUITE_P(
    AddonProofs, ProofByEffect,
    testing::Values(
        Proof{"registry",
              [](ScriptedHost& host) {
                host.on(in_space("container-registry"))
                    .out(list_of({workload_json({.name_space = "container-registry", .name = "registry"})}));
                host.on("kubectl get services registry")
                    .out(R"({"kind":"Service","spec":{"ports":[{"nodePort":32000}]}})");
                host.on("kubectl get --raw /api/v1/namespaces/container-registry/services/registry:5000/proxy/v2/")
                    .out("{}");
              }},
        Proof{"ingress",
              [](ScriptedHost& host) {
                host.on(in_space("ingress"))
                    .out(list_of({workload_json(
                        {.kind = "DaemonSet", .name_space = "ingress", .name = "nginx-ingress-microk8s-controller"})}));
              }},
        Proof{"rbac",
              [](ScriptedHost& host) {
                host.files["/var/snap/microk8s/current/args/kube-apiserver"] =
                    "--secure-port=16443\n--authorization-mode=RBAC,Node\n";
              }},
        Proof{"ingress",
              [](ScriptedHost& host) {
                has_track(host, "1.35");
                host.on(in_space("ingress"))
                    .out(list_of({workload_json({.kind = "DaemonSet", .name_space = "ingress", .name = "traefik"})}));
                host.on("kubectl get ingressclasses public").out(R"({"kind":"IngressClass"})");
              },
              "Traefik"},
        Proof{"dashboard",
              [](ScriptedHost& host) {
                host.on(in_space("kube-system")).out(list_of({workload_json({.name = "kubernetes-dashboard"})}));
              }},
        Proof{"dashboard",
              [](ScriptedHost& host) {
                has_track(host, "1.33");
                host.on(in_space("kubernetes-dashboard"))
                    .out(list_of(
                        {workload_json({.name_space = "kubernetes-dashboard", .name = "kubernetes-dashboard-api"}),
                         workload_json({.name_space = "kubernetes-dashboard", .name = "kubernetes-dashboard-web"})}));
              },
              "OfAChart"},
        Proof{"host_access", [](ScriptedHost& host) { with_host_access(host); }},
        Proof{"observability",
              [](ScriptedHost& host) {
                const auto set = [](const char* name) {
                  return workload_json({.kind = "StatefulSet", .name_space = "observability", .name = name});
                };
                host.on(in_space("observability"))
                    .out(list_of({set("prometheus-kube-prom-stack-kube-prome-prometheus"), set("loki")}));
              }},
        Proof{"nvidia",
              [](ScriptedHost& host) {
                host.on_snapd("GET /v2/system-info").out(R"({"version":"2.63","architecture":"amd64"})", 200);
                host.on("status --format short").out("microk8s is running\naddons:\ncore/nvidia: enabled\n");
                host.on("kubectl get deployments,daemonsets,statefulsets -A").out(list_of({workload_json({})}));
              }}),
    [](const auto& row) { return std::string(row.param.name) + row.param.track; });

struct Setting {
  const char* name;
  const char* addon;
  const char* as_it_is;  // the argument that says so
  const char* otherwise;
  std::function<void(ScriptedHost&)> there;
};
class SettingsRead : public testing::TestWithParam<Setting> {};

TEST_P(SettingsRead, AreComparedWithWhatIsAsked) {
  ScriptedHost host;
  set_up_running(host);
  GetParam().there(host);
  const CallResult same = host.step(Phase::Observe, enable(GetParam().addon, {GetParam().as_it_is}));
  EXPECT_EQ(same.verdict, Verdict::Satisfied) << same.detail;
  EXPECT_EQ(same.summary.find("not compared"), std::string::npos) << same.summary;
  EXPECT_EQ(host.step(Phase::Observe, enable(GetParam().addon, {GetParam().otherwise})).reason, "addon-not-ready");
}

INSTANTIATE_TEST_SUITE_P(
    AddonProofs, SettingsRead,
    testing::Values(
        Setting{"Dns", "dns", "1.1.1.1,9.9.9.9", "1.1.1.1",
                [](ScriptedHost& host) {
                  host.on("kubectl get configmaps coredns")
                      .out(R"({"kind":"ConfigMap","data":{"Corefile":"forward . 1.1.1.1 9.9.9.9\n"}})");
                }},
        Setting{"Storage", "hostpath-storage", "--reclaim-policy=Retain", "-r=Delete",
                [](ScriptedHost& host) {
                  host.on(in_space("kube-system")).out(list_of({workload_json({.name = "hostpath-provisioner"})}));
                  host.on("kubectl get storageclasses microk8s-hostpath")
                      .out(R"({"kind":"StorageClass","reclaimPolicy":"Retain"})");
                }},
        Setting{
            "Ingress", "ingress", "default-ssl-certificate=site/tls", "default-ssl-certificate=a/b",
            [](ScriptedHost& host) {
              host.on(in_space("ingress"))
                  .out(list_of({workload_json(
                      {.kind = "DaemonSet", .name_space = "ingress", .name = "nginx-ingress-microk8s-controller"})}));
              host.on("kubectl get daemonsets nginx-ingress-microk8s-controller")
                  .out(R"({"kind":"DaemonSet","spec":{"template":{"spec":{"containers":[{"args":[)"
                       R"("/nginx-ingress-controller","--default-ssl-certificate=site/tls"]}]}}}})");
            }},
        Setting{"HostAccess", "host-access", "ip=10.0.1.1", "ip=10.0.9.1",
                [](ScriptedHost& host) { with_host_access(host); }}),
    [](const auto& row) { return row.param.name; });

TEST(AddonProofs, ArgumentsThatCannotBeReadAreSaidToBeUnknown) {
  ScriptedHost host;
  set_up_running(host);
  host.on("kubectl get configmaps coredns").out(R"({"kind":"ConfigMap","data":{"Corefile":""}})");
  EXPECT_EQ(host.step(Phase::Observe, enable("dns", {"9.9.9.9"})).summary,
            "dns: deployment kube-system/coredns 1/1 pods ready, not compared: servers");
}

// The lock alone proves nothing: its script writes it before the address.
TEST(AddonProofs, HostAccessIsAnAddressThatTheKernelHas) {
  ScriptedHost host;
  set_up_running(host);
  with_host_access(host);
  host.files["/proc/net/fib_trie"] = "Local:\n     |-- 10.0.1.10\n        /32 host LOCAL\n";
  EXPECT_EQ(host.step(Phase::Observe, enable("host-access")).detail,
            "host-access: its lock file says 10.0.1.1, which the kernel has not");
}

}  // namespace
}  // namespace kelpie::agent
