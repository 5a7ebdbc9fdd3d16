// addons: what scripts say is worth little, what runs is worth all.
#include <gtest/gtest.h>

#include "tests/device-agent/microk8s/scripted_host.h"

namespace kelpie::agent {
namespace {

using test::list_of;
using test::pod_json;
using test::ScriptedHost;
using test::set_up_running;
using test::workload_json;

AddonsStep enable(std::string name, std::vector<std::string> args = {}) {
  return {{{.name = std::move(name), .args = std::move(args), .is_absent = false}}};
}
AddonsStep disable(std::string name) {
  return {{{.name = std::move(name), .args = {}, .is_absent = true}}};
}

constexpr const char* kKubeSystem = "kubectl get deployments,daemonsets,statefulsets,jobs,pods -n kube-system";

std::string in_space(const std::string& space) {
  return "kubectl get deployments,daemonsets,statefulsets,jobs,pods -n " + space;
}
void without_dns(ScriptedHost& host) {
  host.on(kKubeSystem).out(list_of({}));
}
void with_dns(ScriptedHost& host) {
  host.on(kKubeSystem).out(list_of({workload_json({})}));
}

TEST(Addons, EnabledIsWhatRuns) {
  ScriptedHost host;
  set_up_running(host);
  const CallResult result = host.step(Phase::Observe, enable("dns"));
  EXPECT_EQ(result.verdict, Verdict::Satisfied);
  EXPECT_EQ(result.summary, "dns: deployment kube-system/coredns 1/1 pods ready");
  EXPECT_FALSE(host.was_asked("status")) << "a listing proves nothing";
}

// Facts, microk8s 2.1: status calls an add-on enabled while its pod is pending.
TEST(Addons, APendingPodIsNotEnabled) {
  ScriptedHost host;
  set_up_running(host);
  host.on(kKubeSystem).out(list_of({workload_json({.ready = 0}), pod_json({})}));
  const CallResult result = host.step(Phase::Observe, enable("dns"));
  EXPECT_EQ(result.verdict, Verdict::Unmet);
  EXPECT_EQ(result.reason, "addon-not-ready");
  EXPECT_EQ(result.detail,
            "dns: deployment kube-system/coredns 0/1 pods ready; container main of pod coredns-5d8f: ImagePullBackOff "
            "(Back-off pulling image)");
}

TEST(Addons, AreEnabledByTheirFullNameWithArguments) {
  ScriptedHost host;
  set_up_running(host);
  without_dns(host);
  host.on("enable core/dns").out("Enabling DNS\nDNS is enabled\n").does([&host] {
    with_dns(host);
    host.on("kubectl get configmaps coredns").out(R"({"kind":"ConfigMap","data":{"Corefile":"forward . 1.1.1.1\n"}})");
  });
  EXPECT_EQ(host.step(Phase::Run, enable("dns", {"1.1.1.1"})).verdict, Verdict::Satisfied);
  EXPECT_TRUE(host.was_asked("enable core/dns 1.1.1.1"));
}

TEST(Addons, StorageIsTodaysHostpathStorage) {
  ScriptedHost host;
  set_up_running(host);
  host.on("kubectl get storageclasses microk8s-hostpath").out(R"({"kind":"StorageClass"})");
  without_dns(host);
  host.on("enable core/hostpath-storage").out("Storage will be available soon.\n").does([&host] {
    host.on(kKubeSystem).out(list_of({workload_json({.name = "hostpath-provisioner"})}));
  });
  EXPECT_EQ(host.step(Phase::Run, enable("storage")).verdict, Verdict::Satisfied);
  EXPECT_TRUE(host.was_asked("enable core/hostpath-storage"));
}

// Facts, microk8s 5.2: rc 0, also for one that is left out on this architecture.
TEST(Addons, OneThatDoesNotExistIsNamedAlthoughTheExitIsZero) {
  ScriptedHost host;
  set_up_running(host);
  host.on(in_space("observability")).out(list_of({}));
  host.on("enable core/observability").out("Addon core/observability not found\n", 0);
  const CallResult result = host.step(Phase::Run, enable("observability"));
  EXPECT_EQ(result.verdict, Verdict::Failed);
  EXPECT_EQ(result.reason, "addon-unknown");
  EXPECT_FALSE(result.is_transient);
}

// Facts, microk8s 0: a cordoned node reads as not running, and nothing is listed.
TEST(Addons, AListingThatFailsIsNoFinding) {
  ScriptedHost host;
  set_up_running(host);
  host.on("status --format short").out("microk8s is not running. Use microk8s inspect for a deeper inspection.\n", 1);
  EXPECT_EQ(host.step(Phase::Observe, enable("helm3")).verdict, Verdict::Failed);
  host.on("status --format short").out("microk8s is running\naddons:\ncore/helm3: enabled\n");
  EXPECT_EQ(host.step(Phase::Observe, enable("helm3")).summary, "helm3: part of every MicroK8s");
}

struct Refusal {
  const char* name;
  AddonsStep step;
  const char* reason;
  const char* detail;
};
class Refused : public testing::TestWithParam<Refusal> {};

// Whoever signed it, and whatever wrote it: scripts run as root.
TEST_P(Refused, BeforeAnythingIsDone) {
  ScriptedHost host;
  set_up_running(host);
  for (const Phase phase : {Phase::Prepare, Phase::Run}) {
    const CallResult result = host.step(phase, GetParam().step);
    EXPECT_EQ(result.reason, GetParam().reason);
    EXPECT_EQ(result.detail, GetParam().detail);
  }
  EXPECT_FALSE(host.was_asked("enable"));
  EXPECT_FALSE(host.was_asked("disable"));
}

INSTANTIATE_TEST_SUITE_P(
    Addons, Refused,
    testing::Values(
        Refusal{"NoAddon", enable("nosuch"), "addon-unknown", "MicroK8s has no core add-on \"nosuch\""},
        Refusal{"AnotherRepository", enable("mine/dns"), "addon-refused",
                "only add-ons of the core repository are taken, not \"mine/dns\": scripts of others are signed by "
                "nobody"},
        Refusal{"HaCluster", disable("ha-cluster"), "addon-refused",
                "add-on ha-cluster is on in every MicroK8s; switching it on one node replaces the datastore and "
                "destroys what is in it: leave it out"},
        Refusal{"AnOptionAsAValue", enable("dns", {"--help"}), "addon-refused",
                "add-on dns servers: \"--help\" is not an address: several servers are one argument, "
                "1.1.1.1,9.9.9.9"},
        Refusal{"OfAnotherArchitecture", enable("gpu"), "addon-refused", "add-on nvidia is for amd64, not for arm64"}),
    [](const auto& row) { return row.param.name; });

TEST(Addons, OneThatThisMicroK8sDoesNotListIsRefusedBeforeAnythingIsDone) {
  ScriptedHost host;
  set_up_running(host);
  host.files["/var/snap/microk8s/common/addons/core/addons.yaml"] =
      "microk8s-addons:\n  addons:\n    - name: \"dns\"\n      description: \"CoreDNS\"\n";
  EXPECT_EQ(host.step(Phase::Prepare, enable("rbac")).reason, "addon-unknown");
  EXPECT_EQ(host.step(Phase::Prepare, enable("dns")).verdict, Verdict::Satisfied);
}

// Facts, microk8s 5.5: scripts that exit with 0 after a failure.
TEST(Addons, AnExitOfZeroWithoutEffectIsAFailure) {
  ScriptedHost host;
  set_up_running(host);
  without_dns(host);
  host.on("enable core/dns").out("DNS is enabled\n", 0);
  const CallResult result = host.step(Phase::Run, enable("dns"));
  EXPECT_EQ(result.verdict, Verdict::Failed);
  EXPECT_EQ(result.reason, "addon-not-ready");
}

// Facts, microk8s 2.1 and 5.5: rbac counts as enabled by a role, whatever the API server's arguments say.
TEST(Addons, OneThatIsTakenForEnabledIsDisabledFirst) {
  ScriptedHost host;
  set_up_running(host);
  const std::string arguments = "/var/snap/microk8s/current/args/kube-apiserver";
  host.files[arguments] = "--authorization-mode=AlwaysAllow\n";
  host.on("enable core/rbac").out("Addon core/rbac is already enabled\n").out("RBAC is enabled\n").does([&] {
    host.files[arguments] = "--authorization-mode=RBAC,Node\n";
  });
  host.on("disable core/rbac").out("RBAC is disabled\n");
  EXPECT_EQ(host.step(Phase::Run, enable("rbac")).verdict, Verdict::Satisfied);
  EXPECT_TRUE(host.was_asked("disable core/rbac"));
}

TEST(Addons, AFailedScriptIsToldWithItsLastWords) {
  ScriptedHost host;
  set_up_running(host);
  without_dns(host);
  host.on("enable core/dns").err("\x1b[31mYour input value (x) is not a valid IP Range\x1b[0m\n", 1);
  const CallResult result = host.step(Phase::Run, enable("dns"));
  EXPECT_EQ(result.reason, "addon-failed");
  EXPECT_EQ(result.detail, "the script of add-on dns ended with 1: Your input value (x) is not a valid IP Range");
  EXPECT_EQ(result.output_tail, "Your input value (x) is not a valid IP Range\n");
}

// Facts, microk8s 5.6: metallb waits for its controller for ever.
TEST(Addons, AScriptThatNeverEndsIsKilledAndItsEffectCounts) {
  ScriptedHost host;
  set_up_running(host);
  const char* const space = "kubectl get deployments,daemonsets,statefulsets,jobs,pods -n metallb-system";
  host.on(space).out(list_of({}));
  host.on("kubectl get ipaddresspools.metallb.io").err("error: the server doesn't have a resource type \"x\"\n");
  host.on("enable core/metallb").never_ends();
  const CallResult in_vain = host.step(Phase::Run, enable("metallb", {"10.0.0.1-10.0.0.9"}));
  EXPECT_EQ(in_vain.reason, "addon-timeout");
  EXPECT_EQ(in_vain.detail,
            "the script of add-on metallb did not begin in its time: another add-on command holds MicroK8s' lock");
  EXPECT_TRUE(in_vain.is_transient);
  EXPECT_EQ(host.now_ms, 1'000 + 500'000);

  host.on("enable core/metallb").never_ends().does([&] {
    host.on("kubectl get ipaddresspools.metallb.io").out(R"({"kind":"IPAddressPool"})");
    host.on(space).out(
        list_of({workload_json({.name_space = "metallb-system", .name = "controller"}),
                 workload_json({.kind = "DaemonSet", .name_space = "metallb-system", .name = "speaker"})}));
  });
  EXPECT_EQ(host.step(Phase::Run, enable("metallb", {"10.0.0.1-10.0.0.9"})).verdict, Verdict::Satisfied);
}

// Facts, microk8s 5.3: the API server restarts with rbac and others.
TEST(Addons, TheApiServerMayGoAwayAfterwards) {
  ScriptedHost host;
  set_up_running(host);
  without_dns(host);
  host.on("enable core/dns").out("DNS is enabled\n").does([&host] {
    with_dns(host);
    host.on("kubectl get --raw /readyz")
        .err("The connection to the server 127.0.0.1:16443 was refused - did you specify the right host or port?\n")
        .err("The connection to the server 127.0.0.1:16443 was refused - did you specify the right host or port?\n")
        .out("ok");
  });
  EXPECT_EQ(host.step(Phase::Run, enable("dns")).verdict, Verdict::Satisfied);
  EXPECT_EQ(host.times_asked("kubectl get --raw /readyz"), 4U);
}

// Facts, microk8s 5.3: it prompts, and with its input closed ends with 1 after the provisioner is gone.
TEST(Addons, DisablingStorageComplainsAndWorksAndKeepsTheData) {
  ScriptedHost host;
  set_up_running(host);
  host.on("kubectl get storageclasses microk8s-hostpath").out(R"({"kind":"StorageClass"})");
  host.on(kKubeSystem).out(list_of({workload_json({.name = "hostpath-provisioner"})}));
  host.on("disable core/hostpath-storage").err("EOFError\n", 1).does([&host] {
    without_dns(host);
    host.on("kubectl get storageclasses microk8s-hostpath").out("");
  });
  EXPECT_EQ(host.step(Phase::Run, disable("hostpath-storage")).verdict, Verdict::Satisfied);
  EXPECT_FALSE(host.was_asked("disable core/hostpath-storage:destroy-storage"));
}

TEST(Addons, OneThatStaysAfterDisablingIsSaid) {
  ScriptedHost host;
  set_up_running(host);
  host.on("disable core/dns").out("DNS is disabled\n");
  host.limit = std::chrono::minutes(2);
  EXPECT_EQ(host.step(Phase::Run, disable("dns")).reason, "addon-still-there");
}

TEST(Addons, AreNotEnabledAgain) {
  ScriptedHost host;
  set_up_running(host);
  EXPECT_EQ(host.step(Phase::Run, enable("dns", {"/etc/resolv.conf"})).verdict, Verdict::Satisfied);
  EXPECT_FALSE(host.was_asked("enable"));
}

// Its claim goes with it, and the images in it: that has to be signed as what it is.
TEST(Addons, ARegistryIsNotResizedByDestroyingIt) {
  ScriptedHost host;
  set_up_running(host);
  host.on(in_space("container-registry"))
      .out(list_of({workload_json({.name_space = "container-registry", .name = "registry"})}));
  host.on("kubectl get services registry").out(R"({"kind":"Service","spec":{"ports":[{"nodePort":32000}]}})");
  host.on("kubectl get --raw /api/v1/namespaces/container-registry").out("{}");
  host.on("kubectl get persistentvolumeclaims registry-claim")
      .out(R"({"kind":"PersistentVolumeClaim","spec":{"resources":{"requests":{"storage":"20Gi"}}}})");
  EXPECT_EQ(host.step(Phase::Observe, enable("registry", {"--size=20Gi"})).verdict, Verdict::Satisfied);
  const CallResult result = host.step(Phase::Run, enable("registry", {"--size=40Gi"}));
  EXPECT_EQ(result.reason, "addon-refused");
  EXPECT_EQ(result.detail,
            "add-on registry is enabled with size 20Gi, not 40Gi; only disabling it changes that, which destroys every "
            "image pushed to it: sign that first, with state: absent");
  EXPECT_FALSE(host.was_asked("disable"));
}

std::string pool(const std::string& range) {
  return R"({"kind":"IPAddressPool","spec":{"addresses":[")" + range + "\"]}}";
}

// Facts, microk8s 0: enable of something enabled ignores new arguments and says 0.
TEST(Addons, OtherArgumentsMeanDisableAndEnable) {
  ScriptedHost host;
  set_up_running(host);
  const char* const space = "kubectl get deployments,daemonsets,statefulsets,jobs,pods -n metallb-system";
  const std::string ready =
      list_of({workload_json({.name_space = "metallb-system", .name = "controller"}),
               workload_json({.kind = "DaemonSet", .name_space = "metallb-system", .name = "speaker"})});
  const char* const pools = "kubectl get ipaddresspools.metallb.io";
  host.on(space).out(ready);
  host.on(pools).out(pool("10.0.0.1-10.0.0.9"));
  EXPECT_EQ(host.step(Phase::Observe, enable("metallb", {"10.0.0.1-10.0.0.9"})).verdict, Verdict::Satisfied);
  const AddonsStep step = enable("metallb", {"10.0.7.0/28"});
  EXPECT_EQ(host.step(Phase::Observe, step).detail, "metallb: enabled with ranges 10.0.0.1-10.0.0.9, not 10.0.7.0/28");
  const std::string restore = host.step(Phase::Prepare, step).restore;
  const auto disable_script = [&] {
    host.on(space).out(list_of({}));
    host.on(pools).out("");
  };
  host.on("disable core/metallb").out("MetalLB is terminated\n").does(disable_script);
  host.on("enable core/metallb 10.0.7.0/28").out("MetalLB is enabled\n").does([&] {
    host.on(space).out(ready);
    host.on(pools).out(pool("10.0.7.0/28"));
  });
  EXPECT_EQ(host.step(Phase::Run, step).verdict, Verdict::Satisfied);
  EXPECT_EQ(host.step(Phase::Verify, step).verdict, Verdict::Satisfied);

  host.on("enable core/metallb 10.0.0.1-10.0.0.9").out("MetalLB is enabled\n").does([&] {
    host.on(space).out(ready);
    host.on(pools).out(pool("10.0.0.1-10.0.0.9"));
  });
  EXPECT_EQ(host.step(Phase::Undo, step, restore).verdict, Verdict::Satisfied) << "with the arguments of before";
}

TEST(Addons, UndoDisablesOnlyWhatWasNotThere) {
  ScriptedHost host;
  set_up_running(host);
  const char* const api = "kubectl get apiservices v1beta1.metrics.k8s.io";
  const char* const available =
      R"({"kind":"APIService","status":{"conditions":[{"type":"Available","status":"True"}]}})";
  host.on(api).out("");
  AddonsStep step = enable("dns");
  step.addons.push_back({.name = "metrics-server", .args = {}, .is_absent = false});
  const std::string restore = host.step(Phase::Prepare, step).restore;
  host.on(api).out(available);
  host.on("disable core/metrics-server").out("Metrics-Server is disabled\n").does([&] { host.on(api).out(""); });
  EXPECT_EQ(host.step(Phase::Undo, step, restore).verdict, Verdict::Satisfied);
  EXPECT_TRUE(host.was_asked("disable core/metrics-server"));
  EXPECT_FALSE(host.was_asked("disable core/dns"));
}

TEST(Addons, UndoNeverGuessesWhatAStoppedMicroK8sHadEnabled) {
  ScriptedHost host;
  set_up_running(host);
  host.files["/var/snap/microk8s/current/var/lock/stopped.lock"] = "";
  AddonsStep step = enable("registry");
  step.addons.push_back({.name = "metrics-server", .args = {}, .is_absent = false});
  const CallResult prepared = host.step(Phase::Prepare, step);
  EXPECT_EQ(prepared.verdict, Verdict::Satisfied) << "a start step may come before it";
  host.files.clear();
  host.on("kubectl get deployments,daemonsets,statefulsets,jobs,pods -n container-registry")
      .out(list_of({workload_json({.name_space = "container-registry", .name = "registry"})}));
  EXPECT_EQ(host.step(Phase::Undo, step, prepared.restore).reason, "restore-unknown");
  EXPECT_FALSE(host.was_asked("disable"));
}

}  // namespace
}  // namespace kelpie::agent
