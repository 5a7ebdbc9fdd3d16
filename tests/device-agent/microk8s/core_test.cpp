// Ubuntu Core: a confined agent reaches snapd alone. What works there, and what is refused before anything is done.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/device-agent/microk8s/walk.h"

namespace kelpie::agent {
namespace {

using sim::Device;
using test::Walk;

struct OnCore {
  OnCore() { device.cell.state.is_on_classic = false; }
  Device device;
};

const InstallStep kInstall{.channel = "1.32-strict/stable", .hold = true};

TEST(UbuntuCore, InstallsHoldsStartsStopsAndGoesBackThroughSnapd) {
  OnCore core;
  Device& device = core.device;
  Walk walk(device);
  ASSERT_EQ(walk.go({kInstall, StartStep{}}), "install changed, start unchanged");
  EXPECT_FALSE(device.cell.state.snap.hold.empty());
  EXPECT_EQ(walk.facts().microk8s.channel, "1.32-strict/stable");
  const CallResult proof = walk.ask(Phase::Verify, kInstall);
  EXPECT_NE(proof.summary.find("its API server out of reach from here"), std::string::npos) << proof.summary;

  ASSERT_EQ(walk.go({StopStep{}}), "stop changed");
  EXPECT_FALSE(device.cell.state.kubernetes.are_services_active);
  EXPECT_EQ(walk.go_back({StopStep{}}), "stop undone");
  EXPECT_TRUE(device.cell.state.kubernetes.are_services_active);

  device.cell.state.kubernetes.are_services_active = false;
  ASSERT_EQ(walk.go({StartStep{}}), "start changed");
  EXPECT_EQ(walk.go_back({StartStep{}}), "start undone");
  EXPECT_FALSE(device.cell.state.kubernetes.are_services_active);
}

TEST(UbuntuCore, ARefreshGoesBackWithoutAskingTheNode) {
  OnCore core;
  Device& device = core.device;
  Walk walk(device);
  ASSERT_EQ(walk.go({kInstall}), "install changed");
  const InstallStep next{.channel = "1.33-strict/stable", .hold = true};
  ASSERT_EQ(walk.go({next}), "install changed");
  EXPECT_EQ(walk.go_back({next}), "install undone");
  EXPECT_EQ(device.cell.state.snap.now.channel, "1.32-strict/stable");
}

class NeedsMore : public testing::TestWithParam<Step> {};

TEST_P(NeedsMore, IsRefusedBeforeAnythingIsDone) {
  OnCore core;
  Walk walk(core.device);
  ASSERT_EQ(walk.go({kInstall}), "install changed");
  const std::vector<std::string> effects = core.device.cell.state.effects;
  EXPECT_EQ(walk.go({GetParam()}),
            fmt::format("{0} not prepared: command-unreachable ({0}: on Ubuntu Core the agent reaches snapd alone, and "
                        "no command of MicroK8s; install, start and stop are what it can do there)",
                        kind_of(GetParam())));
  EXPECT_EQ(core.device.cell.state.effects, effects);
}

INSTANTIATE_TEST_SUITE_P(UbuntuCore, NeedsMore,
                         testing::Values(Step(ImagesStep{}), Step(AddonsStep{}), Step(DeployStep{}),
                                         Step(RemoveStep{})),
                         [](const auto& row) { return std::string(kind_of(row.param)); });

TEST(UbuntuCore, ChecksThatAskKubernetesSaySo) {
  OnCore core;
  Walk walk(core.device);
  ASSERT_EQ(walk.go({kInstall}), "install changed");
  EXPECT_EQ(walk.checks().reason, "command-unreachable");
}

}  // namespace
}  // namespace kelpie::agent
