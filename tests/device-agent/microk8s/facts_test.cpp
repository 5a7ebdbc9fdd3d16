// facts, inspect, and the empty hands: what a device says about itself in any state.
#include <algorithm>

#include <gtest/gtest.h>

#include "tests/device-agent/microk8s/scripted_host.h"

namespace kelpie::agent {
namespace {

using test::list_of;
using test::pod_json;
using test::ScriptedHost;
using test::set_up_running;
using test::workload_json;

constexpr const char* kLabels = R"({"app.kubernetes.io/managed-by":"kelpie","kelpie.dev/workload":"nodered"})";

void set_up_workload(ScriptedHost& host, int ready) {
  host.on("kubectl get deployments,daemonsets,statefulsets,jobs,services -A")
      .out(list_of({workload_json({}),
                    workload_json({.name_space = "default", .name = "nodered", .ready = ready, .labels = kLabels}),
                    std::string(R"({"kind":"Service","metadata":{"name":"nodered","namespace":"default","labels":)") +
                        kLabels + R"(},"spec":{"ports":[{"port":1880,"nodePort":31880}]}})"}));
  host.on("ctr image ls")
      .out(
          "REF TYPE DIGEST SIZE PLATFORMS LABELS\n"
          "registry.k8s.io/pause:3.10 t sha256:aa 311.2 KiB linux/arm64 io.cri-containerd.pinned=pinned\n"
          "registry.k8s.io/pause@sha256:aa t sha256:aa 311.2 KiB linux/arm64 io.cri-containerd.pinned=pinned\n"
          "docker.io/nodered/node-red:3.1 t sha256:bb 211.2 MiB linux/arm64 -\n"
          "docker.io/library/other:1.0 t sha256:cc 1.2 MiB linux/arm64 -\n");
}

TEST(Facts, OfARunningDevice) {
  ScriptedHost host;
  set_up_running(host);
  host.files["/etc/os-release"] = "NAME=\"Debian\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n";
  host.files["/proc/device-tree/model"] = std::string("Raspberry Pi 4 Model B Rev 1.4\0", 31);
  set_up_workload(host, 1);
  const Facts facts = host.facts({"docker.io/nodered/node-red:3.1"});
  EXPECT_EQ(facts.hostname, "pi-01");
  EXPECT_EQ(facts.os, "Debian GNU/Linux 12 (bookworm)");
  EXPECT_EQ(facts.arch, "arm64");
  EXPECT_EQ(facts.model, "Raspberry Pi 4 Model B Rev 1.4");
  EXPECT_EQ(facts.memory_bytes, 4'000'000ULL << 10U);
  EXPECT_EQ(facts.disk_free_bytes, 20ULL << 30U);
  EXPECT_EQ(facts.snapd_version, "2.63");
  EXPECT_EQ(facts.microk8s, (SnapFact{"1.32/stable", "7890", "v1.32.3", true, true}));
  EXPECT_EQ(facts.kubernetes_version, "v1.32.3");
  EXPECT_EQ(facts.node_state, "running");
  EXPECT_EQ(facts.addons, std::vector<std::string>{"dns"});
  EXPECT_EQ(facts.images, (std::vector<ImageFact>{{"docker.io/nodered/node-red:3.1", "sha256:bb", false},
                                                  {"registry.k8s.io/pause:3.10", "sha256:aa", true}}));
  ASSERT_EQ(facts.workloads.size(), 1U) << "those of a release";
  EXPECT_EQ(facts.workloads[0], (WorkloadFact{"nodered", "default", "Deployment", 1, 1, {31'880}, ""}));
  EXPECT_FALSE(host.was_asked("status")) << "it costs a Pi ten seconds and says less";
}

TEST(Facts, NameWhatAFailingWorkloadWaitsFor) {
  ScriptedHost host;
  set_up_running(host);
  set_up_workload(host, 0);
  host.on("kubectl get pods -n default").out(list_of({pod_json({.workload = "nodered", .name_space = "default"})}));
  const Facts facts = host.facts();
  ASSERT_EQ(facts.workloads.size(), 1U);
  EXPECT_EQ(facts.workloads[0].ready, 0U);
  EXPECT_EQ(facts.workloads[0].trouble, "ImagePullBackOff");
}

// Facts, microk8s 2.1: status would call it enabled.
TEST(Facts, AnAddonWhosePodIsPendingIsNotListed) {
  ScriptedHost host;
  set_up_running(host);
  set_up_workload(host, 1);
  host.on("kubectl get deployments,daemonsets,statefulsets,jobs,services -A")
      .out(list_of({workload_json({.ready = 0})}));
  const Facts facts = host.facts();
  EXPECT_TRUE(facts.addons.empty());
  EXPECT_TRUE(facts.has_objects);
  const auto is_absent = [&](const std::string& addon) {
    return std::find(facts.addons_absent.begin(), facts.addons_absent.end(), addon) != facts.addons_absent.end();
  };
  EXPECT_FALSE(is_absent("dns")) << "it is there, and not well";
  EXPECT_TRUE(is_absent("dashboard"));
}

TEST(Facts, OfAListingThatFailedDenyNothing) {
  ScriptedHost host;
  set_up_running(host);
  set_up_workload(host, 1);
  host.on("kubectl get deployments,daemonsets,statefulsets,jobs,services -A").err("Unable to connect\n");
  const Facts facts = host.facts();
  EXPECT_FALSE(facts.has_objects);
  EXPECT_TRUE(facts.addons_absent.empty());
}

struct State {
  const char* name;
  std::function<void(ScriptedHost&)> change;
  const char* state;
};
class NodeStates : public testing::TestWithParam<State> {};

TEST_P(NodeStates, AreToldApart) {
  ScriptedHost host;
  set_up_running(host);
  set_up_workload(host, 1);
  GetParam().change(host);
  EXPECT_EQ(host.facts().node_state, GetParam().state);
}

std::string lock(const std::string& name) {
  return "/var/snap/microk8s/current/var/lock/" + name;
}

INSTANTIATE_TEST_SUITE_P(
    Facts, NodeStates,
    testing::Values(
        State{"Running", [](ScriptedHost&) {}, "running"},
        State{"Stopped", [](ScriptedHost& host) { host.files[lock("stopped.lock")] = ""; }, "stopped"},
        State{"Worker", [](ScriptedHost& host) { host.files[lock("clustered.lock")] = ""; }, "worker"},
        State{"LowMemory", [](ScriptedHost& host) { host.files[lock("low-memory-guard.lock")] = ""; }, "low-memory"},
        State{"NotReady", [](ScriptedHost& host) { host.on("kubectl get nodes").out(test::node_list("False")); },
              "not-ready"},
        State{"ApiAway",
              [](ScriptedHost& host) {
                host.on("kubectl get nodes").err("The connection to the server 127.0.0.1:16443 was refused\n");
              },
              "not-ready"},
        State{"NotInstalled",
              [](ScriptedHost& host) {
                host.on_snapd("GET /v2/snaps/microk8s")
                    .out(R"({"message":"snap not installed","kind":"snap-not-found"})", 404);
              },
              "not-installed"}),
    [](const auto& row) { return row.param.name; });

TEST(Facts, AreThereEvenWhenNothingAnswers) {
  ScriptedHost host;
  host.snapd_drops = 1'000;
  host.limit = std::chrono::minutes(2);
  const Facts facts = host.facts();
  EXPECT_FALSE(facts.has_microk8s);
  EXPECT_EQ(facts.disk_bytes, 32ULL << 30U);
  EXPECT_LE(host.now_ms, 1'000 + 122'000);
}

TEST(Preflight, OfTheReleaseIsCheckedByEveryKind) {
  ScriptedHost host;
  set_up_running(host);
  host.disk_preflight = 21ULL << 30U;
  for (const Step& step : {Step(StartStep{}), Step(InspectStep{}), Step(DeployStep{})}) {
    EXPECT_EQ(host.step(Phase::Prepare, step).reason, "disk-full") << kind_of(step);
  }
}

TEST(Inspect, LooksAndChangesNothing) {
  ScriptedHost host;
  set_up_running(host);
  set_up_workload(host, 1);
  const CallResult result = host.step(Phase::Observe, InspectStep{});
  EXPECT_EQ(result.verdict, Verdict::Satisfied);
  EXPECT_EQ(result.summary, "1.32/stable v1.32.3 (7890), node running, 1 add-ons, 1 workloads, 20480.0 MiB free");
  EXPECT_FALSE(host.was_asked("inspect"));
  EXPECT_FALSE(host.was_asked("POST"));
}

}  // namespace
}  // namespace kelpie::agent
