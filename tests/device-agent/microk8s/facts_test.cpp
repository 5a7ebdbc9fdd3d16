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
  host.on_snapd("GET /v2/changes?select=all&for=microk8s")
      .out(R"([{"id":"9","ready":true,"status":"Done","summary":"Hold"},)"
           R"({"id":"12","ready":true,"status":"Done","summary":"Auto-refresh snap \"microk8s\""}])",
           200);
  const Facts facts = host.facts({"docker.io/nodered/node-red:3.1"});
  EXPECT_EQ(facts.snap_change, "12 Auto-refresh snap \"microk8s\", Done");
  EXPECT_EQ(facts.services, (std::vector<std::string>{"daemon-containerd", "daemon-kubelite"}));
  EXPECT_TRUE(facts.has_images);
  EXPECT_FALSE(facts.checkup);
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

std::string inactive_snap() {
  std::string text = test::snap_json("1.32/stable", "7890", "v1.32.3");
  constexpr std::string_view kActive = R"(,"active":true)";
  for (std::size_t at; (at = text.find(kActive)) != std::string::npos;) text.erase(at, kActive.size());
  return text;
}

std::string lock(const std::string& name) {
  return "/var/snap/microk8s/current/var/lock/" + name;
}

INSTANTIATE_TEST_SUITE_P(
    Facts, NodeStates,
    testing::Values(
        State{"Running", [](ScriptedHost&) {}, "running"},
        State{"Stopped", [](ScriptedHost& host) { host.files[lock("stopped.lock")] = ""; }, "stopped"},
        // A boot, as snapd tells it: enabled, no lock, not active yet.
        State{"Booting",
              [](ScriptedHost& host) {
                host.on_snapd("GET /v2/snaps/microk8s").out(inactive_snap(), 200);
                host.files["/proc/uptime"] = "41.22 150.10\n";
              },
              "starting"},
        State{"BeingRefreshed",
              [](ScriptedHost& host) {
                host.on_snapd("GET /v2/snaps/microk8s").out(inactive_snap(), 200);
                host.on_snapd("GET /v2/changes?select=all&for=microk8s")
                    .out(R"([{"id":"9","ready":false,"status":"Doing","summary":"Auto-refresh"}])", 200);
              },
              "starting"},
        State{"StoppedWithoutALock",
              [](ScriptedHost& host) {
                host.on_snapd("GET /v2/snaps/microk8s").out(inactive_snap(), 200);
                host.files["/proc/uptime"] = "864000.00 150.10\n";
              },
              "stopped"},
        State{"SnapdAway", [](ScriptedHost& host) { host.snapd_drops = 1'000; }, "unknown"},
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

TEST(Facts, OfTheMachineBelow) {
  ScriptedHost host;
  set_up_running(host);
  set_up_workload(host, 1);
  host.files["/proc/sys/kernel/osrelease"] = "6.8.0-1013-raspi\n";
  host.files["/proc/meminfo"] = "MemTotal:  4000000 kB\nMemFree:  100 kB\nMemAvailable:  1000000 kB\n";
  host.files["/sys/class/thermal/thermal_zone0/temp"] = "48312\n";
  host.files["/sys/class/thermal/thermal_zone1/temp"] = "61000\n";
  host.files["/sys/class/thermal/thermal_zone2/temp"] = "-274000\n";
  host.files["/sys/devices/platform/soc/soc:firmware/get_throttled"] = "50005\n";
  host.files["/proc/net/route"] =
      "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
      "wlan0\t00000000\t0108A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n"
      "eth0\t00000000\t0107A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
      "eth0\t0007A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n";
  host.kernel_says = {.is_clock_synchronised = false,
                      .addresses = {{"lo", "127.0.0.1"},
                                    {"wlan0", "192.168.8.4"},
                                    {"eth0", "192.168.7.2"},
                                    {"eth0", "2001:db8::7"},
                                    {"vxlan.calico", "10.1.7.0"},
                                    {"cali1b2c", "fe80::ecee"}}};
  const Facts facts = host.facts();
  EXPECT_EQ(facts.kernel, "6.8.0-1013-raspi");
  EXPECT_EQ(facts.memory_available_bytes, 1'000'000ULL << 10U);
  EXPECT_EQ(facts.temperature_c, 61);
  EXPECT_EQ(facts.throttled, 0x50005U);
  EXPECT_EQ(facts.is_clock_synchronised, false);
  EXPECT_EQ(facts.route, "192.168.7.1 eth0") << "the one with the lower metric";
  EXPECT_EQ(facts.address, "192.168.7.2");
  EXPECT_EQ(facts.addresses, (std::vector<std::string>{"eth0 192.168.7.2", "wlan0 192.168.8.4"}));
}

TEST(Facts, WithoutTheFirmwaresWordTheVoltageSensorSaysIt) {
  ScriptedHost host;
  set_up_running(host);
  set_up_workload(host, 1);
  EXPECT_FALSE(host.facts().throttled);
  EXPECT_FALSE(host.facts().temperature_c);
  host.files["/sys/class/hwmon/hwmon1/name"] = "rpi_volt\n";
  host.files["/sys/class/hwmon/hwmon1/in0_lcrit_alarm"] = "1\n";
  EXPECT_EQ(host.facts().throttled, 1U);
}

TEST(Facts, SayWhichConditionsOfTheNodeHoldAndShouldNot) {
  ScriptedHost host;
  set_up_running(host);
  set_up_workload(host, 1);
  host.on("kubectl get nodes")
      .out(list_of(
          {R"({"kind":"Node","metadata":{"name":"pi-01"},"status":{"nodeInfo":{"kubeletVersion":"v1.32.3"},)"
           R"("conditions":[{"type":"MemoryPressure","status":"False"},{"type":"DiskPressure","status":"True"},)"
           R"({"type":"Ready","status":"False","message":"container runtime is down"}]}})"}));
  const Facts facts = host.facts();
  EXPECT_EQ(facts.pressures, std::vector<std::string>{"DiskPressure"});
  EXPECT_EQ(facts.node_why, "container runtime is down");
}

TEST(Facts, ACheckupCountsPodsAndTheDatastore) {
  ScriptedHost host;
  set_up_running(host);
  set_up_workload(host, 1);
  host.datastore_bytes = 1'024;
  host.on("kubectl get pods -A")
      .out(list_of({pod_json({.workload = "nodered", .name_space = "default", .restarts = 4}),
                    R"({"kind":"Pod","metadata":{"name":"done"},"status":{"phase":"Succeeded"}})"}));
  const Checkup checkup = host.checkup();
  EXPECT_EQ(checkup.datastore_bytes, 1'024U);
  EXPECT_EQ(checkup.pods, 2U);
  EXPECT_EQ(checkup.pods_not_ready, 1U);
  EXPECT_EQ(checkup.restarts, 4U);
  EXPECT_EQ(checkup.ill_pods, (std::vector<PodFact>{{"nodered-5d8f", "default", "ImagePullBackOff", 4}}));
}

/// A checkup of a device that runs `nodered` as signed but for what the API server says of it.
Checkup watched(ScriptedHost& host, const std::string& live, int diff_code) {
  set_up_running(host);
  set_up_workload(host, 1);
  host.on("kubectl get pods -A").out(list_of({}));
  host.on("kubectl get -f - -o json").out(live);
  host.on("kubectl get -f - --show-managed-fields").out(live);
  host.on("kubectl diff").out(diff_code == 0 ? "" : "diff -u -N /tmp/LIVE-1/x /tmp/MERGED-2/x\n", diff_code);
  const std::string manifest =
      R"({"apiVersion":"v1","items":[{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"nodered"},)"
      R"("spec":{"replicas":1,"template":{"spec":{"containers":[{"name":"main","image":"a/b:1",)"
      R"("env":[{"name":"PASSWORD","value":"old"}],"resources":{"limits":{"cpu":"1000m"}}}]}}}},)"
      R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"flows"},"data":{"a":"b"}}],"kind":"List"})";
  return host.checkup({DeployStep{.workloads = {{"nodered", "default", manifest}}, .prune = false}});
}

std::string live_deployment(const std::string& replicas, const std::string& image, const std::string& password) {
  return R"({"kind":"Deployment","metadata":{"name":"nodered","namespace":"default","managedFields":[)"
         R"({"manager":"kelpie","operation":"Apply","time":"2026-11-25T08:00:00Z"},)"
         R"({"manager":"kube-controller-manager","operation":"Update","time":"2026-11-25T11:00:00Z"},)"
         R"({"manager":"kubectl-edit","operation":"Update","time":"2026-11-25T10:00:00Z"}]},)"
         R"("spec":{"replicas":)" +
         replicas + R"(,"template":{"spec":{"containers":[{"name":"main","image":")" + image +
         R"(","env":[{"name":"PASSWORD","value":")" + password + R"("}],"resources":{"limits":{"cpu":"1"}}}]}}}})";
}

TEST(Watch, SaysWhichFieldSomebodyChangedAndWho) {
  ScriptedHost host;
  const Checkup found = watched(host, list_of({live_deployment("0", "a/b:2", "new")}), 1);
  const std::string by = "kubectl-edit at 2026-11-25T10:00:00Z";
  const std::string where = "Deployment/default/nodered ";
  const auto moved_to = [&](const std::string& field) {
    const auto at =
        std::find_if(found.moved.begin(), found.moved.end(), [&](const Moved& one) { return one.field == field; });
    return at == found.moved.end() ? Moved{} : *at;
  };
  EXPECT_EQ(moved_to(where + "replicas"), (Moved{where + "replicas", "1", "0", by}));
  EXPECT_EQ(moved_to(where + "containers[main].image"),
            (Moved{where + "containers[main].image", "a/b:1", "a/b:2", by}));
  EXPECT_EQ(moved_to(where + "containers[main].env[PASSWORD].value").found, "changed") << "a secret stays there";
  EXPECT_EQ(moved_to("ConfigMap/default/flows"), (Moved{"ConfigMap/default/flows", "there", "gone", ""}));
  EXPECT_EQ(moved_to(where + "containers[main].resources.limits.cpu"), Moved{}) << "1000m is 1";
  EXPECT_EQ(found.watched, blake2b_256("release"));
}

TEST(Watch, OfWhatIsAsSignedFindsNothing) {
  ScriptedHost host;
  const Checkup found = watched(host,
                                list_of({live_deployment("1", "a/b:1", "old"),
                                         R"({"kind":"ConfigMap","metadata":{"name":"flows","namespace":"default"}})"}),
                                0);
  EXPECT_TRUE(found.moved.empty());
  EXPECT_FALSE(host.was_asked("kubectl get -f - --show-managed-fields")) << "nobody needs to be named";
}

TEST(Watch, ThatCannotReadSaysNothingOfTheRelease) {
  ScriptedHost host;
  set_up_running(host);
  set_up_workload(host, 1);
  host.on("kubectl get pods -A").out(list_of({}));
  host.on("kubectl get -f -").err("Unable to connect to the server\n");
  const std::string manifest =
      R"({"apiVersion":"v1","items":[{"kind":"ConfigMap","metadata":{"name":"a"}}],"kind":"List"})";
  EXPECT_TRUE(host.checkup({DeployStep{.workloads = {{"a", "default", manifest}}, .prune = false}}).watched.is_zero());
}

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
