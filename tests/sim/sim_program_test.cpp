// kelpie-sim over a real broker with a real hub: the fleet is the agent's own code, and faults are typed at it.
#include <csignal>

#include <gtest/gtest.h>

#include "tests/sim/sim_fleet.h"

namespace kelpie::test {
namespace {

using std::chrono::seconds;

constexpr std::uint32_t kAll = 10'000;

TEST(SimProgram, BringsABareFleetToTheReferenceRelease) {
  SimFleet fleet(6, {"--speed", "200"});
  const std::string id = fleet.roll_out({kAll});
  ASSERT_TRUE(fleet.reaches(id, "succeeded", seconds(60))) << fleet.rollout(id).status().ShortDebugString();
  const auto shows_workload = [&] { return fleet.device("pi-turin-01").status().facts().workloads_size() == 1; };
  ASSERT_TRUE(eventually(shows_workload)) << fleet.device("pi-turin-01").ShortDebugString();
  const api::v1::Device device = fleet.device("pi-turin-01");
  EXPECT_EQ(device.status().update(), "up-to-date");
  EXPECT_EQ(device.status().facts().microk8s_channel(), "1.32/stable");
  EXPECT_EQ(device.status().facts().workloads(0).node_ports_size(), 1);
  EXPECT_EQ(fleet.sim().order("quit"), "ok: quit\n");
  EXPECT_EQ(fleet.sim().child().wait(), 0);
}

TEST(SimProgram, AFaultPausesTheRolloutAndARetryAfterItIsClearedEndsIt) {
  SimFleet fleet(6, {"--speed", "200", "--fault", "registry-unauthorized:docker.io/nodered model=pi-4"});
  EXPECT_EQ(fleet.sim().order("power off pi-turin-06"), "ok: power off for 1 devices\n");
  const std::string id = fleet.roll_out({kAll});
  ASSERT_TRUE(fleet.reaches(id, "paused", seconds(60))) << fleet.rollout(id).status().ShortDebugString();
  EXPECT_EQ(fleet.rollout(id).status().reason(), "failure_limit");
  EXPECT_EQ(fleet.sim().order("fault clear registry-unauthorized"), "ok: registry-unauthorized cleared on 6 devices\n");
  EXPECT_EQ(fleet.sim().order("power on pi-turin-06"), "ok: power on for 1 devices\n");
  // Those that fail are known one after the other: each retry takes up what has failed by then.
  ASSERT_TRUE(eventually([&] { return fleet.rollout(id).status().in_flight() == 0; }));
  fleet.change("retry", id);
  EXPECT_TRUE(fleet.reaches(id, "succeeded", seconds(60))) << fleet.rollout(id).status().ShortDebugString();
}

TEST(SimProgram, WrongOrdersAreRefusedAndTheFleetLivesOn) {
  SimFleet fleet(1, {});
  EXPECT_NE(fleet.sim().order("power off pi-atlantis-01").find("there is no device \"pi-atlantis-01\""),
            std::string::npos);
  EXPECT_NE(fleet.sim().order("fault set unicorn").find("no fault \"unicorn\""), std::string::npos);
  EXPECT_NE(fleet.sim().order("dance").find("\"dance\" is no order"), std::string::npos);
  EXPECT_NE(fleet.sim().order("fault set slow:400 site=turin").find("ok: fault slow:400"), std::string::npos);
  fleet.sim().child().signal(SIGTERM);
  EXPECT_EQ(fleet.sim().child().wait(), 0);
}

TEST(SimProgram, WrongArgumentsAreListedTogether) {
  const Finished wrong =
      run({.argv = {KELPIE_BIN_DIR "/kelpie-sim", "--count", "0", "--speed", "fast", "--broker",
                    "tcp://example.net:1883", "--fault", "unicorn", "--off", "", "--frobnicate", "1"},
           .env = {},
           .out_file = {},
           .err_file = {},
           .in_file = {}});
  EXPECT_EQ(wrong.code, 2);
  for (const char* part :
       {"count is \"0\"", "speed is \"fast\"", "loopback", "no fault \"unicorn\"", "off \"\"", "--frobnicate"})
    EXPECT_NE(wrong.err.find(part), std::string::npos) << part << " in " << wrong.err;
}

TEST(SimProgram, TheSameSeedListsTheSameFleet) {
  const std::vector<std::string> listed = sim_roster(24, 7);
  ASSERT_EQ(listed.size(), 24U);
  EXPECT_EQ(listed, sim_roster(24, 7));
  EXPECT_NE(listed[0], sim_roster(24, 8)[0]);
  EXPECT_NE(listed[0].find(R"("name":"pi-turin-01")"), std::string::npos);
}

}  // namespace
}  // namespace kelpie::test
