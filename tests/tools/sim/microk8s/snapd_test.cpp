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

}  // namespace
}  // namespace kelpie::sim
