// Each behaviour that a double must be able to act out has a test here. Source: facts, microk8s 10, last paragraph.
#include <gtest/gtest.h>

#include "tests/tools/sim/microk8s/device.h"

namespace kelpie::sim {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::string_view kRunning = "microk8s is running\n";
constexpr std::string_view kNotRunning = "microk8s is not running. Use microk8s inspect for a deeper inspection.\n";

agent::Exit status(Device& device) {
  return device.microk8s({"status", "--format", "short"});
}

TEST(SimMicrok8sActsOut, SlowStartThatIsReadyAfterSeveralProbes) {
  Device device;
  device.install();
  (void)device.microk8s({"stop"});
  (void)device.microk8s({"start"});
  int probes = 0;
  while (status(device).out == kNotRunning) ++probes;
  EXPECT_GT(probes, 2);
  EXPECT_TRUE(status(device).out.starts_with(kRunning));
}

TEST(SimMicrok8sActsOut, ReadyThenNotReady) {
  Device device;
  device.install();
  (void)device.microk8s({"stop"});
  device.fault("ready-then-not-ready*1");
  (void)device.microk8s({"start"});
  EXPECT_EQ(device.microk8s({"status", "--wait-ready", "--timeout", "120"}).code, 0);
  device.pass(minutes(2));
  EXPECT_EQ(status(device).code, 1);
}

TEST(SimMicrok8sActsOut, CordonedNodeThatReadsAsNotRunning) {
  Device device;
  device.install();
  EXPECT_EQ(device.microk8s({"kubectl", "cordon", "pi-01"}).code, 0);
  EXPECT_EQ(status(device).out, kNotRunning);
  const Json node = device.kubectl_json({"get", "node", "pi-01"});
  EXPECT_TRUE(node.at({"spec", "unschedulable"}).is_true());
  EXPECT_EQ(node.at({"status", "conditions"}).items().back().at("status").text(), "True");
}

TEST(SimMicrok8sActsOut, WorkerThatAnswersNothingWithExitCodeNought) {
  Device device;
  device.install();
  device.cell.state.kubernetes.is_worker = true;
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"status"}, {"start"}, {"kubectl", "get", "nodes"}})
    EXPECT_EQ(device.microk8s(words).code, 0);
  EXPECT_TRUE(device.sim.exists("/var/snap/microk8s/current/var/lock/clustered.lock"));
}

TEST(SimMicrok8sActsOut, StoppedWithExitCodeNought) {
  Device device;
  device.install();
  (void)device.microk8s({"stop"});
  EXPECT_EQ(status(device).code, 0);
  EXPECT_TRUE(device.sim.exists("/var/snap/microk8s/current/var/lock/stopped.lock"));
}

TEST(SimMicrok8sActsOut, CommandThatHangsUntilItsLimit) {
  Device device;
  device.install();
  device.fault("hang:status*1");
  const SteadyTime before = device.pause.now();
  const agent::Exit exit = device.run({"/snap/bin/microk8s", "status"}, {}, seconds(90));
  EXPECT_TRUE(exit.is_timeout);
  EXPECT_EQ(exit.code, 143);
  EXPECT_EQ(device.pause.now() - before, Duration(seconds(90)));
  EXPECT_EQ(status(device).code, 0);
}

TEST(SimMicrok8sActsOut, StatusThatDiesWithATraceback) {
  Device device;
  device.install();
  device.fault("traceback*1");
  const agent::Exit exit = status(device);
  EXPECT_EQ(exit.code, 1);
  EXPECT_TRUE(exit.err.starts_with("Traceback (most recent call last):\n")) << exit.err;
}

TEST(SimMicrok8sActsOut, EnableWithExitCodeNoughtAndWithoutEffect) {
  Device device;
  device.install();
  device.fault("addon-without-effect:metrics-server*1");
  EXPECT_EQ(device.microk8s({"enable", "core/metrics-server"}).code, 0);
  EXPECT_EQ(device.times("ran add-on metrics-server"), 0);
  EXPECT_EQ(device.microk8s({"enable", "core/metrics-server"}).code, 0);
  EXPECT_EQ(device.times("ran add-on metrics-server"), 1);
}

TEST(SimMicrok8sActsOut, EnableThatNeverEnds) {
  Device device;
  device.install();
  device.fault("addon-endless:metallb");
  const agent::Exit exit =
      device.run({"/snap/bin/microk8s", "enable", "core/metallb", "10.0.0.1-10.0.0.9"}, {}, minutes(5));
  EXPECT_TRUE(exit.is_timeout);
  EXPECT_EQ(exit.out, "Enabling MetalLB\nApplying Metallb manifest\n");
}

TEST(SimMicrok8sActsOut, EnableThatTakesTheApiAwayForTwentySeconds) {
  Device device;
  device.install();
  device.fault("api-flaps-after-enable:metrics-server");
  Device& same = device;
  // Only the script's own end tells when: the command waits for the API afterwards.
  const SteadyTime before = device.pause.now();
  EXPECT_EQ(same.microk8s({"enable", "core/metrics-server"}).code, 0);
  EXPECT_GT(device.pause.now() - before, Duration(seconds(20)));
  EXPECT_EQ(device.microk8s({"kubectl", "get", "--raw", "/readyz"}).out, "ok");
}

TEST(SimMicrok8sActsOut, StopThatLeavesTheLockAndTheServices) {
  Device device;
  device.install();
  device.fault("stop-leaves-services*1");
  EXPECT_EQ(device.microk8s({"stop"}).code, 0);
  EXPECT_EQ(status(device).out, "microk8s is not running, try microk8s start\n");
  EXPECT_TRUE(device.cell.state.kubernetes.are_services_active);
}

TEST(SimMicrok8sActsOut, ImagesImportThatFailsWithExitCodeNought) {
  Device device;
  device.install();
  device.world.archives["apps.tar"] = {"docker.io/library/app:1.0"};
  device.fault("import-refused*1");
  const agent::Exit exit = device.microk8s({"images", "import", "apps.tar"});
  EXPECT_EQ(exit.code, 0);
  EXPECT_NE(exit.out.find("Failed to import images on"), std::string::npos);
  EXPECT_FALSE(device.cell.state.images.contains("docker.io/library/app:1.0"));
}

TEST(SimMicrok8sActsOut, ThreeDialectsOfCtr) {
  struct Row {
    std::string channel;
    std::string failure;
    int tag_again;
  };
  for (const Row& row : {Row{"1.29/stable", "ctr: failed to resolve reference \"r.io/x:1\": r.io/x:1: not found\n", 1},
                         Row{"1.32/stable", "ctr: failed to resolve reference \"r.io/x:1\": r.io/x:1: not found\n", 1},
                         Row{"1.35/stable", "ctr: failed to resolve image: r.io/x:1: not found\n", 0}}) {
    SCOPED_TRACE(row.channel);
    Device device;
    device.install(row.channel);
    device.world.has_any_image = false;
    device.world.images["r.io/y:1"] = {.digest = "sha256:1234567890123456", .bytes = 1};
    EXPECT_EQ(device.microk8s({"ctr", "image", "pull", "r.io/x:1"}).err, row.failure);
    EXPECT_EQ(device.microk8s({"ctr", "image", "pull", "r.io/y:1"}).code, 0);
    EXPECT_EQ(device.microk8s({"ctr", "image", "tag", "r.io/y:1", "r.io/z:1"}).code, 0);
    EXPECT_EQ(device.microk8s({"ctr", "image", "tag", "r.io/y:1", "r.io/z:1"}).code, row.tag_again);
  }
}

TEST(SimMicrok8sActsOut, PinLabelThatIsLostAfterAPull) {
  Device device;
  device.install();
  (void)device.microk8s({"ctr", "image", "pull", "r.io/x:1"});
  (void)device.microk8s({"ctr", "image", "label", "r.io/x:1", "io.cri-containerd.pinned=pinned"});
  EXPECT_EQ(device.cell.state.images.at("r.io/x:1").labels.size(), 1U);
  (void)device.microk8s({"ctr", "image", "pull", "r.io/x:1"});
  EXPECT_TRUE(device.cell.state.images.at("r.io/x:1").labels.empty());
}

TEST(SimMicrok8sActsOut, InstallOnAnotherChannelThatChangesNothing) {
  Device device;
  device.install();
  const agent::Exit exit = device.run({"/usr/bin/snap", "install", "microk8s", "--classic", "--channel=1.33/stable"});
  EXPECT_EQ(exit.code, 0);
  EXPECT_EQ(exit.out, "");
  EXPECT_EQ(device.cell.state.snap.now.channel, "1.32/stable");
}

TEST(SimMicrok8sActsOut, ConflictOfChanges) {
  Device device;
  device.install();
  const std::string refresh = R"({"action":"refresh","channel":"1.33/stable"})";
  EXPECT_EQ(device.snapd("POST", "/v2/snaps/microk8s", refresh).at("status-code").number(), 202);
  const Json again = device.snapd("POST", "/v2/snaps/microk8s", refresh);
  EXPECT_EQ(again.at("status-code").number(), 409);
  EXPECT_EQ(again.at({"result", "value", "change-kind"}).text(), "refresh-snap");
}

TEST(SimMicrok8sActsOut, ChangeThatEndsInErrorWithItsTasksUndone) {
  Device device;
  device.fault("snap-change-fails:start-snap-services*1");
  const Json change = device.change_snap(R"({"action":"install","channel":"1.32/stable","classic":true})");
  EXPECT_EQ(change.at("status").text(), "Error");
  std::string statuses;
  for (const Json& task : change.at("tasks").items())
    statuses += task.at("kind").text() + "=" + task.at("status").text() + " ";
  EXPECT_EQ(statuses,
            "prerequisites=Undone download-snap=Undone validate-snap=Undone prepare-snap=Undone mount-snap=Undone "
            "copy-snap-data=Undone setup-profiles=Undone link-snap=Undone auto-connect=Undone set-auto-aliases=Undone "
            "setup-aliases=Undone run-hook=Undone start-snap-services=Error run-hook=Hold run-hook=Hold ");
  EXPECT_FALSE(device.cell.state.snap.is_installed);
}

TEST(SimMicrok8sActsOut, HookThatRunsOutOfItsTime) {
  Device device;
  device.fault("snap-change-fails:run-hook[configure]*1");
  const std::string install = R"({"action":"install","channel":"1.32/stable","classic":true})";
  EXPECT_EQ(device.change_snap(install).at("err").text(),
            "cannot perform the following tasks:\n- Run configure hook of \"microk8s\" snap if present (run hook "
            "\"configure\": <exceeded maximum runtime of 5m0s>)");
  EXPECT_EQ(device.change_snap(install).at("status").text(), "Done");
}

TEST(SimMicrok8sActsOut, SnapdThatRestartsInTheMiddleOfAChange) {
  Device device;
  device.fault("snapd-restart*2");
  const std::string id =
      device.snapd("POST", "/v2/snaps/microk8s", R"({"action":"install","channel":"1.32/stable","classic":true})")
          .at("change")
          .text();
  for (int i = 0; i < 2; ++i) {
    const auto reply = device.sim.request("GET", "/v2/changes/" + id, "", seconds(5));
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, Code::Unavailable);
  }
  device.pass(minutes(5));
  EXPECT_EQ(device.snapd("GET", "/v2/changes/" + id).at({"result", "status"}).text(), "Done");
}

TEST(SimMicrok8sActsOut, FullDiskThatRefusesAnInstall) {
  Device device;
  device.cell.state.disk.free_bytes = 100U << 20U;
  const Json reply =
      device.snapd("POST", "/v2/snaps/microk8s", R"({"action":"install","channel":"1.32/stable","classic":true})");
  EXPECT_EQ(reply.at("status-code").number(), 507);
  EXPECT_EQ(reply.at({"result", "kind"}).text(), "insufficient-disk-space");
}

TEST(SimMicrok8sActsOut, RefreshRefusedByRunningApps) {
  Device device;
  device.install();
  device.fault("snap-has-running-apps");
  const Json reply = device.snapd("POST", "/v2/snaps/microk8s", R"({"action":"refresh","channel":"1.33/stable"})");
  EXPECT_EQ(reply.at({"result", "message"}).text(), "snap \"microk8s\" has running apps (kubectl), pids: 1234");
  EXPECT_TRUE(reply.at({"result", "kind"}).is_null());
  const std::string forced = R"({"action":"refresh","channel":"1.33/stable","ignore-running":true})";
  EXPECT_EQ(device.snapd("POST", "/v2/snaps/microk8s", forced).at("status-code").number(), 202);
}

TEST(SimMicrok8sActsOut, CommandThatWaitsSilentlyForARefresh) {
  Device device;
  device.install();
  (void)device.snapd("POST", "/v2/snaps/microk8s", R"({"action":"refresh","channel":"1.33/stable"})");
  const SteadyTime before = device.pause.now();
  EXPECT_EQ(device.microk8s({"version"}).out, "MicroK8s v1.33.1 revision 8120\n");
  EXPECT_GT(device.pause.now() - before, Duration(minutes(1)));
}

TEST(SimMicrok8sActsOut, PermissionDenied) {
  Device device;
  device.install("1.32-strict/stable");
  device.fault("permission-denied*1");
  const agent::Exit exit = status(device);
  EXPECT_EQ(exit.code, 1);
  EXPECT_EQ(exit.out, "");
  EXPECT_TRUE(exit.err.starts_with("Insufficient permissions to access MicroK8s.\n")) << exit.err;
  EXPECT_NE(exit.err.find("'snap_microk8s' group"), std::string::npos);
}

TEST(SimMicrok8sActsOut, MissingSudo) {
  Device device;
  device.install();
  device.fault("sudo-missing");
  EXPECT_EQ(device.microk8s({"ctr", "image", "ls"}).code, 127);
  EXPECT_EQ(status(device).code, 0);
}

}  // namespace
}  // namespace kelpie::sim
