#include <gtest/gtest.h>

#include "tests/tools/sim/microk8s/device.h"

namespace kelpie::sim {
namespace {

TEST(SimMicrok8sStory, FromNoSnapToNodeRedOnItsNodePort) {
  Device device;
  EXPECT_EQ(device.run({"/snap/bin/microk8s", "version"}).err,
            "cannot run \"/snap/bin/microk8s\": No such file or directory");

  const Json change = device.change_snap(R"({"action":"install","channel":"1.32/stable","classic":true})");
  EXPECT_EQ(change.at("status").text(), "Done") << pretty(change, 2);
  EXPECT_EQ(device.microk8s({"status", "--format", "short"}).code, 1);
  const agent::Exit status = device.microk8s({"status", "--format", "short", "--wait-ready", "--timeout", "300"});
  EXPECT_EQ(status.code, 0) << status.out;
  EXPECT_TRUE(status.out.starts_with("microk8s is running\naddons:\ncore/dns: enabled\n")) << status.out;

  EXPECT_EQ(device.microk8s({"enable", "core/hostpath-storage"}).code, 0);
  EXPECT_EQ(device.microk8s({"ctr", "image", "pull", "mirror.site:5000/pause:3.10"}).code, 0);
  EXPECT_EQ(device.microk8s({"kubectl", "create", "deployment", "nodered", "--image=nodered/node-red"}).out,
            "deployment.apps/nodered created\n");
  EXPECT_EQ(device.microk8s({"kubectl", "expose", "deployment", "nodered", "--type=NodePort", "--port=1880"}).out,
            "service/nodered exposed\n");
  EXPECT_EQ(device.microk8s({"kubectl", "rollout", "status", "deployment/nodered", "--timeout=120s"}).code, 0);

  const std::map<std::string, int> open = open_node_ports(device.cell.state, device.pause.now());
  ASSERT_TRUE(open.contains("default/nodered"));
  EXPECT_EQ(device.kubectl_json({"get", "service", "nodered"}).at({"spec", "ports"}).items().at(0).at("nodePort"),
            Json(open.at("default/nodered")));
  EXPECT_EQ(device.times("installed microk8s 1.32/stable (7890)"), 1);
  EXPECT_EQ(device.times("created deployment.apps/nodered"), 1);
}

}  // namespace
}  // namespace kelpie::sim
