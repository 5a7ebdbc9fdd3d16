// What becomes of a device that lost a part of its release: told by the report of the command that took it away,
// planned as a change, put back by the next rollout.
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
  EXPECT_THAT(shown(), AllOf(HasSubstr("out-of-date"),
                             HasSubstr("add-on dashboard is not enabled; workload default/nodered is gone")));
  EXPECT_THAT(planned(),
              AllOf(HasSubstr("1 change   0 already there"), HasSubstr("drift      workload default/nodered is gone")));
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

}  // namespace
}  // namespace kelpie::test
