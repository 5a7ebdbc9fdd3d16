// What becomes of a device that lost a part of its release: told with who took it away, planned as a change, put back
// by the next rollout, or by the hub where the fleet wants that.
#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/system/agent_device.h"
#include "tests/system/getting_started.h"
#include "tests/system/operator_desk.h"

namespace kelpie::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class DriftWalk : public ::testing::Test {
 protected:
  DriftWalk() {
    device_.start_snapd();
    agent_.flags = flags_of(device_);
    agent_.flags.insert(agent_.flags.end(), {"--look-every", "1s"});
    agent_.start();
    EXPECT_TRUE(eventually([&] { return agent_.is_online(); })) << agent_.log();
    run({"device", "label", "pi-1", "fleet=getting-started", "--yes"});
    run({"apply", "-f", KELPIE_SOURCE_DIR "/deploy/examples/getting-started"});
    roll_out();
  }
  std::string run(const std::vector<std::string>& words) {
    const Finished done = desk_.kelpie(words);
    EXPECT_EQ(done.code, 0) << done.out << done.err << agent_.log();
    return done.out;
  }
  void roll_out() {
    run({"rollout", "start", "getting-started@1.0.0", "--fleet", "getting-started", "--waves", "all", "--soak", "1s",
         "--yes", "--wait"});
  }
  void send(std::vector<std::string> command) {
    command.insert(command.begin(), {"command", "send"});
    command.insert(command.end(), {"pi-1", "--yes", "--wait"});
    run(command);
  }
  std::string shown() { return run({"device", "show", "pi-1"}); }
  std::string planned() { return run({"rollout", "plan", "getting-started@1.0.0", "--fleet", "getting-started"}); }

  OperatorDesk desk_;
  DoubleDevice device_{{.programs = KELPIE_BIN_DIR, .speed = 2'000, .state = {}, .world = world_of(getting_started())}};
  AgentProgram agent_{desk_.hub(), "pi-1"};
};

TEST_F(DriftWalk, WhatACommandTookAwayIsOutOfDateAtOnceAndComesBackWithARollout) {
  EXPECT_THAT(shown(), AllOf(HasSubstr("up-to-date"), Not(HasSubstr("drift"))));
  send({"disable-addon", "dashboard"});
  send({"remove", "nodered"});
  EXPECT_THAT(shown(), AllOf(HasSubstr("out-of-date"), HasSubstr("add-on dashboard is not enabled (by command "),
                             HasSubstr("disable-addon"), HasSubstr("workload default/nodered is gone (by command ")));
  EXPECT_THAT(planned(), AllOf(HasSubstr("1 change   0 already there"),
                               HasSubstr("drift      workload default/nodered is gone (by")));
  EXPECT_THAT(run({"event", "list"}), HasSubstr("device.drifted"));
  roll_out();
  EXPECT_THAT(shown(), AllOf(HasSubstr("up-to-date"), Not(HasSubstr("drift"))));
  EXPECT_THAT(planned(), HasSubstr("0 change   1 already there"));
}

TEST_F(DriftWalk, AStoppedNodeIsNoReleaseUntilItRunsAgain) {
  send({"stop"});
  EXPECT_THAT(shown(), AllOf(HasSubstr("out-of-date"), HasSubstr("MicroK8s is stopped"), HasSubstr("not ready")));
  send({"start"});
  EXPECT_THAT(shown(), AllOf(HasSubstr("up-to-date"), HasSubstr("running, ready")));
}

TEST_F(DriftWalk, AHandThatChangesAWorkloadIsSeenAndNamed) {
  const std::vector<std::string> by_hand{device_.microk8s(), "kubectl", "scale", "deployment/nodered", "--replicas=0"};
  EXPECT_EQ(Child::start({.argv = by_hand, .env = {}, .out_file = {}, .err_file = {}}).wait(), 0);
  EXPECT_TRUE(eventually([&] {
    return shown().find("nodered replicas is 0, not 1 (by kubectl)") != std::string::npos;
  })) << shown()
      << agent_.log();
  EXPECT_THAT(shown(), AllOf(HasSubstr("out-of-date"), HasSubstr("noticed ")));
  EXPECT_THAT(run({"device", "list", "--where", "drift=yes", "-o", "name"}), HasSubstr("device/pi-1"));
}

TEST_F(DriftWalk, AFleetThatWantsItIsRepairedUnderTheSignatureItHas) {
  const TempDir dir;
  std::string fleet = run({"export", "fleet", "getting-started"});
  const std::size_t at = fleet.find("drift: report");
  ASSERT_NE(at, std::string::npos) << fleet;
  write_file(dir / "fleet.yaml", fleet.replace(at, std::strlen("drift: report"), "drift: repair"));
  run({"apply", "-f", dir / "fleet.yaml"});
  device_.change([](sim::DeviceState& state) { state.objects.erase("Deployment/default/nodered"); });
  EXPECT_TRUE(eventually([&] {
    return desk_.kelpie({"event", "list"}).out.find("device.settled") != std::string::npos &&
           shown().find("up-to-date") != std::string::npos;
  })) << shown()
      << agent_.log();
  EXPECT_TRUE(device_.state().objects.contains("Deployment/default/nodered"));
  EXPECT_THAT(run({"event", "list"}), AllOf(HasSubstr("device.drifted"), HasSubstr("device.repair")));
}

}  // namespace
}  // namespace kelpie::test
