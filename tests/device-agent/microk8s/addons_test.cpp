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
  host.on("enable core/dns").out("Enabling DNS\nDNS is enabled\n").does([&host] { with_dns(host); });
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

// Facts, microk8s 5.2: rc 0.
TEST(Addons, OneThatDoesNotExistIsNamedAlthoughTheExitIsZero) {
  ScriptedHost host;
  set_up_running(host);
  host.on("status --format short").out("microk8s is running\naddons:\ncore/dns: enabled\n");
  host.on("enable core/nosuch").out("Addon core/nosuch not found\n", 0);
  const CallResult result = host.step(Phase::Run, enable("nosuch"));
  EXPECT_EQ(result.verdict, Verdict::Failed);
  EXPECT_EQ(result.reason, "addon-unknown");
  EXPECT_FALSE(result.is_transient);
}

// Facts, microk8s 0: a cordoned node reads as not running, and nothing is listed.
TEST(Addons, AListingThatFailsIsNoFinding) {
  ScriptedHost host;
  set_up_running(host);
  host.on("status --format short").out("microk8s is not running. Use microk8s inspect for a deeper inspection.\n", 1);
  EXPECT_EQ(host.step(Phase::Observe, enable("observability")).verdict, Verdict::Failed);
}

TEST(Addons, OneThatIsInNoListIsRefusedBeforeAnythingIsDone) {
  ScriptedHost host;
  set_up_running(host);
  host.files["/var/snap/microk8s/common/addons/core/addons.yaml"] =
      "microk8s-addons:\n  addons:\n    - name: \"dns\"\n      description: \"CoreDNS\"\n";
  EXPECT_EQ(host.step(Phase::Prepare, enable("nosuch")).reason, "addon-unknown");
  EXPECT_EQ(host.step(Phase::Prepare, enable("dns")).verdict, Verdict::Satisfied);
}

// Facts, microk8s 5.5: scripts that exit with 0 after a failure.
TEST(Addons, AnExitOfZeroWithoutEffectIsAFailure) {
  ScriptedHost host;
  set_up_running(host);
  without_dns(host);
  host.on("enable core/dns").out("Addon core/dns is already enabled\n", 0);
  const CallResult result = host.step(Phase::Run, enable("dns"));
  EXPECT_EQ(result.verdict, Verdict::Failed);
  EXPECT_EQ(result.reason, "addon-not-ready");
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
  EXPECT_EQ(host.step(Phase::Run, enable("dns", {"9.9.9.9"})).verdict, Verdict::Satisfied);
  EXPECT_FALSE(host.was_asked("enable"));
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
  EXPECT_EQ(host.step(Phase::Observe, step).detail, "metallb: it is enabled with 10.0.0.1-10.0.0.9, not 10.0.7.0/28");
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

TEST(Addons, ArgumentsThatCannotBeReadAreSaidToBeUnknown) {
  ScriptedHost host;
  set_up_running(host);
  EXPECT_EQ(host.step(Phase::Observe, enable("dns", {"9.9.9.9"})).summary,
            "dns: deployment kube-system/coredns 1/1 pods ready, arguments not compared");
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

struct Proof {
  const char* name;
  std::function<void(ScriptedHost&)> there;
};
class ProofByEffect : public testing::TestWithParam<Proof> {};

TEST_P(ProofByEffect, MakesItEnabled) {
  ScriptedHost host;
  set_up_running(host);
  GetParam().there(host);
  const CallResult result = host.step(Phase::Observe, enable(GetParam().name));
  EXPECT_EQ(result.verdict, Verdict::Satisfied) << result.detail;
}

std::string in_space(const std::string& space) {
  return "kubectl get deployments,daemonsets,statefulsets,jobs,pods -n " + space;
}

// Facts, microk8s 5.6.
INSTANTIATE_TEST_SUITE_P(
    Addons, ProofByEffect,
    testing::Values(
        Proof{"registry",
              [](ScriptedHost& host) {
                host.on(in_space("container-registry"))
                    .out(list_of({workload_json({.name_space = "container-registry", .name = "registry"})}));
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
        Proof{"observability",
              [](ScriptedHost& host) {
                host.on("status --format short").out("microk8s is running\naddons:\ncore/observability: enabled\n");
                host.on("kubectl get deployments,daemonsets,statefulsets -A").out(list_of({workload_json({})}));
              }}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace kelpie::agent
