#include <gtest/gtest.h>

#include "tests/tools/sim/microk8s/device.h"

namespace kelpie::sim {
namespace {

TEST(SimSnapd, SaysNotInstalledWithTheKindOfNotInTheStore) {
  Device device;
  EXPECT_EQ(device.sim.request("GET", "/v2/snaps/microk8s", "", std::chrono::seconds(1))->body,
            R"({"result":{"kind":"snap-not-found","message":"snap not installed","value":"microk8s"},)"
            R"("status":"Not Found","status-code":404,"type":"error"})");
}

TEST(SimSnapd, AnswersAnInstallOnAnotherChannelWithAlreadyInstalledAndSwitchesNothing) {
  Device device;
  device.install();
  const Json reply = device.change_snap(R"({"action":"install","channel":"1.33/stable","classic":true})");
  EXPECT_EQ(reply.at({"result", "kind"}).text(), "snap-already-installed");
  EXPECT_EQ(device.cell.state.snap.now.channel, "1.32/stable");
}

TEST(SimSnapd, ARefreshThatSkipsAMinorVersionBreaksTheClusterUntilItIsReverted) {
  Device device;
  device.install("1.31/stable");
  EXPECT_EQ(device.change_snap(R"({"action":"refresh","channel":"1.33/stable"})").at("status").text(), "Done");
  EXPECT_EQ(device.microk8s({"status", "--wait-ready", "--timeout", "300"}).code, 1);
  EXPECT_EQ(device.change_snap(R"({"action":"revert","revision":"7790"})").at("status").text(), "Done");
  EXPECT_EQ(device.microk8s({"status", "--wait-ready", "--timeout", "300"}).code, 0);
}

TEST(SimSnapd, RemovesWithASnapshotOfTheDataUnlessToldToPurge) {
  Device device;
  device.install();
  device.fault("disk-full:snapshot");
  EXPECT_EQ(device.change_snap(R"({"action":"remove"})").at("status-code").number(), 507);
  EXPECT_EQ(device.change_snap(R"({"action":"remove","purge":true})").at("status").text(), "Done");
  EXPECT_FALSE(device.cell.state.snap.is_installed);
}

TEST(SimSnapd, HoldsEverySnapWhereOneSnapCannotBeHeld) {
  Device device;
  device.install();
  device.cell.state.snapd_version = "2.57.6";
  EXPECT_EQ(device.change_snap(R"({"action":"hold","time":"forever"})").at({"result", "message"}).text(),
            "unknown action hold");
  const Json begun = device.snapd("PUT", "/v2/snaps/system/conf", R"({"refresh.hold":"forever"})");
  EXPECT_EQ(begun.at("status-code").number(), 202);
  device.pass(std::chrono::seconds(10));
  EXPECT_EQ(device.snapd("GET", "/v2/snaps/system/conf?keys=refresh.hold").at({"result", "refresh.hold"}).text(),
            "forever");
}

TEST(SimSnapd, AnAbortedChangeLeavesTheDeviceAsItWas) {
  Device device;
  const std::string id =
      device.snapd("POST", "/v2/snaps/microk8s", R"({"action":"install","channel":"1.32/stable","classic":true})")
          .at("change")
          .text();
  device.pass(std::chrono::seconds(20));
  const Json change = device.snapd("GET", "/v2/changes/" + id).at("result");
  EXPECT_EQ(change.at("tasks").items().at(1).at("status").text(), "Doing");
  EXPECT_GT(change.at("tasks").items().at(1).at({"progress", "done"}).number(), 1'000'000);
  (void)device.snapd("POST", "/v2/changes/" + id, R"({"action":"abort"})");
  device.pass(std::chrono::minutes(10));
  EXPECT_EQ(device.snapd("GET", "/v2/changes/" + id).at({"result", "status"}).text(), "Undone");
  EXPECT_EQ(device.snapd("GET", "/v2/snaps/microk8s").at("status-code").number(), 404);
}

}  // namespace
}  // namespace kelpie::sim
