// Pods over time: pulls, crashes, rollouts, the sandbox image, what a refresh and a revert keep.
#include <gtest/gtest.h>

#include "tests/tools/sim/microk8s/device.h"

namespace kelpie::sim {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

std::string apply_manifest(Device& device, const std::string& manifest) {
  const agent::Exit exit =
      device.microk8s({"kubectl", "apply", "--server-side", "--field-manager=kelpie", "-f", "-"}, manifest);
  return exit.out + exit.err;
}

Json deployment(Device& device, const std::string& name) {
  return device.kubectl_json({"get", "deployment", name});
}

/// Reason that the first container of the newest pod waits for.
std::string waiting(Device& device, const std::string& name) {
  const Json pods = device.kubectl_json({"get", "pods", "-l", "app=" + name});
  if (pods.at("items").items().empty()) return "no pod";
  const Json& status = pods.at("items").items().back().at("status");
  return status.at("containerStatuses").items().at(0).at({"state", "waiting", "reason"}).text();
}

TEST(SimWorkload, IsNotObservedInTheFirstMoment) {
  Device device;
  device.install();
  (void)apply_manifest(device, workload("x", "r.io/x:1"));
  device.pass(minutes(2));
  (void)apply_manifest(device, workload("x", "r.io/x:2"));
  const Json first = deployment(device, "x");
  EXPECT_EQ(first.at({"metadata", "generation"}).number(), 2);
  EXPECT_EQ(first.at({"status", "observedGeneration"}).number(), 1);
  EXPECT_EQ(first.at({"status", "availableReplicas"}).number(), 1);
  EXPECT_EQ(deployment(device, "x").at({"status", "observedGeneration"}).number(), 2);
}

TEST(SimWorkload, KeepsTheOldPodsWhileTheNewImageCannotBePulled) {
  Device device;
  device.install();
  (void)apply_manifest(device, workload("x", "r.io/x:1"));
  device.pass(minutes(2));
  EXPECT_EQ(deployment(device, "x").at({"status", "availableReplicas"}).number(), 1);
  device.fault("registry-unreachable:r.io/x:2");
  (void)apply_manifest(device, workload("x", "r.io/x:2"));
  device.pass(minutes(2));
  const Json status = deployment(device, "x").at("status");
  EXPECT_EQ(status.at("availableReplicas").number(), 1);
  EXPECT_EQ(status.at("replicas").number(), 2);
  EXPECT_EQ(status.at("unavailableReplicas").number(), 1);
  EXPECT_EQ(waiting(device, "x"), "ImagePullBackOff");
  EXPECT_TRUE(open_node_ports(device.cell.state, device.pause.now()).contains("default/x"));
}

TEST(SimWorkload, PullsAgainByItselfWhenTheRegistryComesBack) {
  Device device;
  device.install();
  device.fault("registry-unreachable:r.io*3");
  (void)apply_manifest(device, workload("x", "r.io/x:1"));
  device.pass(seconds(4));
  EXPECT_EQ(waiting(device, "x"), "ErrImagePull");
  device.pass(minutes(3));
  EXPECT_EQ(deployment(device, "x").at({"status", "availableReplicas"}).number(), 1);
}

TEST(SimWorkload, CrashesInALoopUntilItsTemplateChanges) {
  Device device;
  device.install();
  device.fault("crash-loop:x*1");
  (void)apply_manifest(device, workload("x", "r.io/x:1"));
  device.pass(minutes(5));
  EXPECT_EQ(waiting(device, "x"), "CrashLoopBackOff");
  EXPECT_GT(device.cell.state.objects.at("Deployment/default/x").restarts, 2);
  (void)apply_manifest(device, workload("x", "r.io/x:2"));
  device.pass(minutes(2));
  EXPECT_EQ(deployment(device, "x").at({"status", "availableReplicas"}).number(), 1);
}

TEST(SimWorkload, SaysThatItsProgressDeadlineHasPassed) {
  Device device;
  device.install();
  device.fault("registry-unreachable:r.io");
  (void)apply_manifest(device, workload("x", "r.io/x:1"));
  device.pass(minutes(11));
  EXPECT_EQ(deployment(device, "x").at({"status", "conditions"}).items().at(1).at("reason").text(),
            "ProgressDeadlineExceeded");
}

TEST(SimWorkload, WithoutThePauseImageNothingStartsAndTheNodeIsNotReady) {
  Device device;
  device.fault("registry-unreachable:registry.k8s.io/pause");
  (void)device.change_snap(R"({"action":"install","channel":"1.32/stable","classic":true})");
  EXPECT_EQ(device.microk8s({"status", "--wait-ready", "--timeout", "120"}).code, 1);
  const Json events = device.kubectl_json({"get", "events", "-A", "--field-selector=reason=FailedCreatePodSandBox"});
  ASSERT_FALSE(events.at("items").items().empty());
  EXPECT_NE(events.at("items").items()[0].at("message").text().find(
                "failed to get sandbox image \"registry.k8s.io/pause:3.10\""),
            std::string::npos);
  (void)device.microk8s({"ctr", "image", "pull", "mirror.site:5000/pause:3.10"});
  (void)device.microk8s({"ctr", "image", "tag", "mirror.site:5000/pause:3.10", "registry.k8s.io/pause:3.10"});
  EXPECT_EQ(device.microk8s({"status", "--wait-ready", "--timeout", "120"}).code, 0);
}

TEST(SimWorkload, KeepsItsNodePortWhenItIsAppliedAgain) {
  Device device;
  device.install();
  (void)apply_manifest(device, workload("x", "r.io/x:1"));
  const Json before = device.kubectl_json({"get", "service", "x"}).at("spec");
  (void)apply_manifest(device, workload("x", "r.io/x:2"));
  EXPECT_EQ(device.kubectl_json({"get", "service", "x"}).at("spec"), before);
  EXPECT_EQ(device.times("created service/x"), 1);
  EXPECT_EQ(device.times("configured service/x"), 0);
}

TEST(SimWorkload, RefusesANodePortOutOfTheRange) {
  Device device;
  device.install();
  const std::string said = apply_manifest(
      device,
      R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"x"},"spec":{"type":"NodePort","ports":[{"port":1880,"nodePort":1880}]}})");
  EXPECT_NE(said.find("The Service \"x\" is invalid: spec.ports[0].nodePort: Invalid value: 1880"), std::string::npos)
      << said;
}

TEST(SimWorkload, APartOfAListStaysWhenTheRestIsRefused) {
  Device device;
  device.install();
  std::string manifest = workload("x", "r.io/x:1");
  manifest.replace(manifest.find("\"port\":1880"), 11, "\"port\":80,\"nodePort\":80");
  EXPECT_NE(apply_manifest(device, manifest).find("deployment.apps/x serverside-applied"), std::string::npos);
  EXPECT_FALSE(deployment(device, "x").is_null());
  EXPECT_TRUE(device.kubectl_json({"get", "service", "x"}).is_null());
}

TEST(SimWorkload, ARevertGoesBackToTheObjectsOfTheRefreshButKeepsTheImages) {
  Device device;
  device.install();
  (void)apply_manifest(device, workload("old", "r.io/old:1"));
  EXPECT_EQ(device.change_snap(R"({"action":"refresh","channel":"1.33/stable"})").at("status").text(), "Done");
  device.pass(minutes(3));
  (void)apply_manifest(device, workload("new", "r.io/new:1"));
  device.pass(minutes(3));
  EXPECT_EQ(device.change_snap(R"({"action":"revert"})").at("status").text(), "Done");
  device.pass(minutes(3));
  EXPECT_FALSE(deployment(device, "old").is_null());
  EXPECT_TRUE(deployment(device, "new").is_null());
  EXPECT_TRUE(device.cell.state.images.contains("r.io/new:1"));
  const Json snap = device.snapd("GET", "/v2/snaps/microk8s").at("result");
  EXPECT_EQ(snap.at("revision").text(), "7890");
  EXPECT_EQ(snap.at("tracking-channel").text(), "1.33/stable");
}

TEST(SimWorkload, DoesNotDependOnHowOftenSomebodyLooks) {
  Device rarely;
  Device often;
  for (Device* device : {&rarely, &often}) {
    device->install();
    device->fault("registry-unreachable:r.io*4");
    (void)apply_manifest(*device, workload("x", "r.io/x:1"));
  }
  for (int i = 0; i < 600; ++i) {
    often.pass(seconds(1));
    settle(often.cell.state, often.world, often.pause.now());
  }
  rarely.pass(minutes(10));
  settle(rarely.cell.state, rarely.world, rarely.pause.now());
  EXPECT_EQ(often.cell.state, rarely.cell.state);
}

TEST(SimDevice, ComesBackAfterAPowerCutWithWhatWasEnabled) {
  Device device;
  device.install();
  reboot(device.cell.state, device.pause.now());
  EXPECT_EQ(device.microk8s({"status"}).code, 1);
  EXPECT_EQ(device.microk8s({"status", "--wait-ready", "--timeout", "120"}).code, 0);
  (void)device.microk8s({"stop"});
  reboot(device.cell.state, device.pause.now());
  device.pass(minutes(5));
  EXPECT_EQ(device.microk8s({"status"}).out, "microk8s is not running, try microk8s start\n");
}

TEST(SimFault, ReadsWhatItWrites) {
  for (const std::string text :
       {"registry-unreachable:registry.k8s.io/pause*3", "slow:400", "hang:status*1", "snapd-down"})
    EXPECT_EQ(to_string(*parse_fault(text)), text);
  EXPECT_NE(parse_fault("nosuch").error().message.find("there are registry-unreachable, "), std::string::npos);
  EXPECT_EQ(parse_fault("hang*0").error().message, "fault \"hang*0\": \"0\" is not how often");
}

}  // namespace
}  // namespace kelpie::sim
