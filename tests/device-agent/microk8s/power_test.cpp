// start, stop, the node-ready check: a node is what locks, services, API server and node object say together.
#include <gtest/gtest.h>

#include "tests/device-agent/microk8s/scripted_host.h"

namespace kelpie::agent {
namespace {

using test::node_list;
using test::ScriptedHost;
using test::set_up_running;

constexpr const char* kStoppedLock = "/var/snap/microk8s/current/var/lock/stopped.lock";
constexpr const char* kWorkerLock = "/var/snap/microk8s/current/var/lock/clustered.lock";
constexpr const char* kLowMemoryLock = "/var/snap/microk8s/current/var/lock/low-memory-guard.lock";

void stop_services(ScriptedHost& host) {
  host.on_snapd("GET /v2/snaps/microk8s")
      .out(R"({"version":"v1.32.3","revision":"7890","tracking-channel":"1.32/stable","confinement":"classic",)"
           R"("status":"active","hold":"x","apps":[{"name":"daemon-kubelite","enabled":false}]})",
           200);
}

TEST(Start, OfARunningNodeIsUnchanged) {
  ScriptedHost host;
  set_up_running(host);
  const CallResult result = host.step(Phase::Observe, StartStep{});
  EXPECT_EQ(result.verdict, Verdict::Satisfied);
  EXPECT_EQ(result.summary, "node pi-01 Ready, v1.32.3");
}

TEST(Start, OfANodeThatIsComingUpIsWaitedForAndUnchanged) {
  ScriptedHost host;
  set_up_running(host);
  host.on("kubectl get nodes").out(node_list("False", "starting")).out(node_list("True"));
  EXPECT_EQ(host.step(Phase::Observe, StartStep{}).verdict, Verdict::Satisfied);
  host.on("kubectl get nodes").out(node_list("False", "starting"));
  const CallResult result = host.step(Phase::Observe, StartStep{});
  EXPECT_EQ(result.verdict, Verdict::Unmet) << "but not for ever";
  EXPECT_EQ(result.reason, "node-not-ready");
  EXPECT_LT(host.now_ms, 130'000);
}

// Facts, microk8s 0: a stopped MicroK8s exits 0 whatever it is asked; only its lock tells.
TEST(Start, AStoppedNodeIsSeenByItsLock) {
  ScriptedHost host;
  set_up_running(host);
  host.files[kStoppedLock] = "";
  EXPECT_EQ(host.step(Phase::Observe, StartStep{}).reason, "node-stopped");
  host.on_change("POST /v2/apps");
  EXPECT_EQ(host.step(Phase::Run, StartStep{}).verdict, Verdict::Satisfied);
  EXPECT_TRUE(host.was_asked(R"(POST /v2/apps {"action":"start","enable":true,"names":["microk8s"]})"));
  EXPECT_FALSE(host.was_asked("start")) << "microk8s start calls sudo and says 0 for anything";
}

// Facts, microk8s 2.1: a worker exits 0 with one sentence and no result.
TEST(Start, AWorkerIsNotOurs) {
  ScriptedHost host;
  set_up_running(host);
  host.files[kWorkerLock] = "";
  const CallResult result = host.step(Phase::Prepare, StartStep{});
  EXPECT_EQ(result.verdict, Verdict::Failed);
  EXPECT_EQ(result.reason, "worker-node");
  EXPECT_FALSE(result.is_transient);
}

TEST(Start, AGuardAgainstLowMemoryIsNamed) {
  ScriptedHost host;
  set_up_running(host);
  host.files[kLowMemoryLock] = "";
  EXPECT_EQ(host.step(Phase::Run, StartStep{}).reason, "low-memory");
}

// Facts, microk8s 0: a cordoned node reads as not running in `microk8s status`; it is ready, and cordoned.
TEST(Start, ACordonedNodeIsReady) {
  ScriptedHost host;
  set_up_running(host);
  std::string nodes = node_list("True");
  nodes.replace(nodes.find(R"("spec":{})"), 9, R"("spec":{"unschedulable":true})");
  host.on("kubectl get nodes").out(nodes);
  EXPECT_EQ(host.step(Phase::Observe, StartStep{}).summary, "node pi-01 Ready, v1.32.3, cordoned");
}

// Facts, microk8s 2.2: start exits 0 even if no node comes.
TEST(Start, IsProvedByTheNodeNotByItsExit) {
  ScriptedHost host;
  set_up_running(host);
  host.on("kubectl get nodes").out(node_list("False", "cni plugin not initialized"));
  host.limit = std::chrono::seconds(60);
  const CallResult result = host.step(Phase::Verify, StartStep{});
  EXPECT_EQ(result.verdict, Verdict::Unmet);
  EXPECT_EQ(result.reason, "node-not-ready");
  EXPECT_EQ(result.detail, "the node is not Ready after 60 s: cni plugin not initialized");
  EXPECT_LE(host.now_ms, 1'000 + 60'000);
}

TEST(Start, WithImagesAfterItStillNeedsARegisteredNodeAndContainerd) {
  ScriptedHost host;
  set_up_running(host);
  host.limit = std::chrono::seconds(200);
  host.on("kubectl get nodes").out(test::list_of({}));
  host.on("ctr image ls").out("REF TYPE DIGEST SIZE PLATFORMS LABELS\n");
  EXPECT_EQ(host.step(Phase::Verify, StartStep{.images_follow = true}).reason, "node-not-ready");
  host.on("kubectl get nodes").out(node_list("False", "cni plugin not initialized"));
  EXPECT_EQ(host.step(Phase::Verify, StartStep{.images_follow = true}).verdict, Verdict::Satisfied);
  host.on("ctr image ls").err("ctr: failed to dial \"/var/snap/x/containerd.sock\": context deadline exceeded\n");
  EXPECT_EQ(host.step(Phase::Verify, StartStep{.images_follow = true}).reason, "containerd-not-ready");
}

TEST(Start, WaitsAndSaysHowLong) {
  ScriptedHost host;
  set_up_running(host);
  host.on("kubectl get --raw /readyz")
      .err("The connection to the server 127.0.0.1:16443 was refused - did you specify the right host or port?")
      .out("ok");
  host.on("kubectl get nodes").out(node_list("False", "starting")).out(node_list("True"));
  EXPECT_EQ(host.step(Phase::Verify, StartStep{}).verdict, Verdict::Satisfied);
  ASSERT_EQ(host.progress.size(), 2U);
  EXPECT_EQ(host.progress[0], "waiting for the API server, 900 s left");
  EXPECT_EQ(host.progress[1], "waiting for node Ready, 3 s: starting");
}

// Facts, microk8s 6.5: behind a firewall; nothing but an event says so.
TEST(Start, ANodeThatLacksThePauseImageCountsAsStartedOnlyWhenImagesFollow) {
  ScriptedHost host;
  set_up_running(host);
  host.on("kubectl get nodes").out(node_list("False", "cni plugin not initialized"));
  host.on("kubectl get events")
      .out(test::list_of(
          {R"({"kind":"Event","reason":"FailedCreatePodSandBox","message":"Failed to create pod sandbox: )"
           R"(rpc error: failed to get sandbox image \"registry.k8s.io/pause:3.10\": failed to pull"})"}));
  host.on("ctr image ls").out("REF TYPE DIGEST SIZE PLATFORMS LABELS\n");
  EXPECT_EQ(host.step(Phase::Verify, StartStep{}).reason, "sandbox-image-unavailable");
  const CallResult started = host.step(Phase::Verify, StartStep{.images_follow = true});
  EXPECT_EQ(started.verdict, Verdict::Satisfied);
  EXPECT_NE(started.summary.find("containerd cannot pull the sandbox image \"registry.k8s.io/pause:3.10\""),
            std::string::npos);
  const CallResult checked = host.checks({NodeReadyCheck{}});
  EXPECT_EQ(checked.verdict, Verdict::Unmet) << "but nothing is well until the image is there";
  EXPECT_EQ(checked.reason, "sandbox-image-unavailable");
  EXPECT_NE(checked.detail.find("images: [ { ref: registry.k8s.io/pause:3.10, from: MIRROR/pause:3.10 } ]"),
            std::string::npos);
}

// Which image it is differs per track, and containerd's words per version: its own template says it.
TEST(Start, ThePauseImageIsTheOneThatContainerdIsTold) {
  ScriptedHost host;
  set_up_running(host);
  host.files["/var/snap/microk8s/current/args/containerd-template.toml"] =
      "  [plugins.\"io.containerd.grpc.v1.cri\"]\n    sandbox_image = \"registry.site:5000/pause:3.7\"\n";
  host.on("kubectl get nodes").out(node_list("False", "cni plugin not initialized"));
  host.on("kubectl get events")
      .out(test::list_of(
          {R"({"kind":"Event","reason":"FailedCreatePodSandBox","message":"Failed to create pod sandbox: failed to )"
           R"(start sandbox: failed to pull image \"registry.site:5000/pause:3.7\": connection refused"})"}));
  host.on("ctr image ls").out("REF TYPE DIGEST SIZE PLATFORMS LABELS\n");
  const CallResult result = host.step(Phase::Verify, StartStep{});
  EXPECT_EQ(result.reason, "sandbox-image-unavailable");
  EXPECT_NE(result.detail.find("images: [ { ref: registry.site:5000/pause:3.7, from: MIRROR/pause:3.7 } ]"),
            std::string::npos)
      << result.detail;
  EXPECT_LT(host.now_ms, 60'000) << "waiting longer cures nothing";
}

// Facts, microk8s 2.2: kubelite takes the lock away; one that stays is a start that did nothing.
TEST(Start, ALockThatStaysEndsTheWait) {
  ScriptedHost host;
  set_up_running(host);
  host.files[kStoppedLock] = "";
  host.limit = std::chrono::minutes(2);
  const CallResult result = host.step(Phase::Verify, StartStep{});
  EXPECT_EQ(result.reason, "node-stopped");
  EXPECT_LE(host.now_ms, 1'000 + 120'000);
}

TEST(Start, UndoStopsOnlyWhatWasStopped) {
  ScriptedHost host;
  set_up_running(host);
  const std::string ran = host.step(Phase::Prepare, StartStep{}).restore;
  EXPECT_EQ(host.step(Phase::Undo, StartStep{}, ran).verdict, Verdict::Satisfied);
  EXPECT_FALSE(host.was_asked("stop"));
  host.files[kStoppedLock] = "";
  const std::string stood = host.step(Phase::Prepare, StartStep{}).restore;
  host.files.erase(kStoppedLock);
  host.on("stop").out("Stopped.\nStopped.\n").does([&host] {
    host.files[kStoppedLock] = "";
    stop_services(host);
  });
  EXPECT_EQ(host.step(Phase::Undo, StartStep{}, stood).verdict, Verdict::Satisfied);
  EXPECT_TRUE(host.was_asked("stop"));
}

TEST(Stop, IsProvedByLockAndServices) {
  ScriptedHost host;
  set_up_running(host);
  EXPECT_EQ(host.step(Phase::Observe, StopStep{}).reason, "node-running");
  host.on("stop").out("Stopped.\n").does([&host] { host.files[kStoppedLock] = ""; });
  EXPECT_EQ(host.step(Phase::Run, StopStep{}).verdict, Verdict::Satisfied);
  // Facts, microk8s 10: a stop that leaves the lock and the services.
  const CallResult halfway = host.step(Phase::Verify, StopStep{});
  EXPECT_EQ(halfway.verdict, Verdict::Unmet);
  EXPECT_EQ(halfway.detail, "still running: daemon-kubelite, daemon-containerd");
  stop_services(host);
  EXPECT_EQ(host.step(Phase::Verify, StopStep{}).verdict, Verdict::Satisfied);
}

// Facts, microk8s 2.3: through snapd alone the containers run on, and the next boot starts everything.
TEST(Stop, ThroughSnapdAloneIsNoStop) {
  ScriptedHost host;
  set_up_running(host);
  stop_services(host);
  const CallResult seen = host.step(Phase::Observe, StopStep{});
  EXPECT_EQ(seen.verdict, Verdict::Unmet);
  EXPECT_EQ(seen.detail,
            "its services are stopped, but not by MicroK8s: containers may still run, and its lock is missing");
  host.on("stop").out("Stopped.\n").does([&host] { host.files[kStoppedLock] = ""; });
  EXPECT_EQ(host.step(Phase::Run, StopStep{}).verdict, Verdict::Satisfied);
  EXPECT_EQ(host.step(Phase::Verify, StopStep{}).verdict, Verdict::Satisfied);
}

TEST(Stop, UndoAsksNoMoreOfANodeThanThereWas) {
  ScriptedHost host;
  set_up_running(host);
  host.on("kubectl get nodes").out(node_list("False", "container runtime network not ready"));
  const std::string restore = host.step(Phase::Prepare, StopStep{}).restore;
  stop_services(host);
  host.on_change("POST /v2/apps");
  const CallResult without = host.step(Phase::Undo, StopStep{}, restore);
  EXPECT_EQ(without.reason, "node-stopped") << "but its services ran";
  set_up_running(host);
  host.on("kubectl get nodes").out(node_list("False", "container runtime network not ready"));
  const CallResult result = host.step(Phase::Undo, StopStep{}, restore);
  EXPECT_EQ(result.verdict, Verdict::Satisfied) << result.detail;
  EXPECT_EQ(result.summary, "started again; its node was not Ready before either");
}

struct Said {
  const char* name;
  const char* out;
  const char* err;
  int code;
  const char* reason;
};
class CommonWords : public testing::TestWithParam<Said> {};

TEST_P(CommonWords, MeanTheSameForEveryCommand) {
  ScriptedHost host;
  set_up_running(host);
  if (GetParam().out[0] != '\0') {
    host.on("stop").out(GetParam().out, GetParam().code);
  } else {
    host.on("stop").err(GetParam().err, GetParam().code);
  }
  EXPECT_EQ(host.step(Phase::Run, StopStep{}).reason, GetParam().reason);
}

// Facts, microk8s 2.0.
INSTANTIATE_TEST_SUITE_P(
    Commands, CommonWords,
    testing::Values(Said{"Worker", "This MicroK8s deployment is acting as a node in a cluster.\n", "", 0,
                         "worker-node"},
                    Said{"NoPermission", "", "Insufficient permissions to access MicroK8s.\n", 1, "permission-denied"},
                    Said{"NotRoot", "Elevated permissions are needed for this command. Please use sudo.\n", "", 1,
                         "permission-denied"},
                    Said{"NoSudo", "", "/snap/microk8s/7890/microk8s-stop.wrapper: line 7: sudo: command not found\n",
                         127, "sudo-missing"},
                    Said{"Stopped", "", "microk8s is not running, try microk8s start\n", 1, "node-stopped"}),
    [](const auto& row) { return row.param.name; });

TEST(Commands, OneThatHangsIsKilledByItsLimit) {
  ScriptedHost host;
  set_up_running(host);
  host.on("stop").never_ends();
  const CallResult result = host.step(Phase::Run, StopStep{});
  EXPECT_EQ(result.reason, "command-timeout");
  EXPECT_TRUE(result.is_transient);
  EXPECT_EQ(host.now_ms, 1'000 + 300'000) << "its own limit, not the step's";
}

}  // namespace
}  // namespace kelpie::agent
