// The real agent is killed at every kind of moment, in the middle of attempts, with its commands left running: each
// attempt ends as it must and nothing is done twice, read from the device's own log.
#include <algorithm>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/system/agent_device.h"
#include "tests/system/fleet_operator.h"

namespace kelpie::test {
namespace {

std::string workload(int version) {
  const std::string pod =
      fmt::format(R"({{"metadata":{{"annotations":{{"version":"{}"}},"labels":{{"app":"kiosk"}}}},)"
                  R"("spec":{{"containers":[{{"image":"docker.io/library/kiosk:1","name":"kiosk"}}]}}}})",
                  version);
  return R"({"apiVersion":"v1","items":[{"apiVersion":"apps/v1","kind":"Deployment",)"
         R"("metadata":{"name":"kiosk","namespace":"default"},"spec":{"replicas":1,)"
         R"("selector":{"matchLabels":{"app":"kiosk"}},"template":)" +
         pod + R"(}}],"kind":"List"})";
}

/// Add-on metrics-server in every other release, and the workload always changed.
v1::Release release_of(int version) {
  v1::Release out;
  out.set_schema(1);
  out.set_name("kiosk");
  out.set_version(std::to_string(version));
  out.set_scope("device");
  out.add_steps()->mutable_start();
  v1::Addon& addon = *out.add_steps()->mutable_addons()->add_addons();
  addon.set_name("metrics-server");
  addon.set_absent(version % 2 == 0);
  v1::Workload& kiosk = *out.add_steps()->mutable_deploy()->add_workloads();
  kiosk.set_name("kiosk");
  kiosk.set_namespace_("default");
  kiosk.set_manifest(workload(version));
  out.add_checks()->mutable_node_ready();
  return out;
}

class AgentCrash : public ::testing::Test {
 protected:
  AgentCrash() {
    hub_.start();
    device_.change([&](sim::DeviceState& state) {
      state = sim::running_device(sim::usual_world(), "1.32/stable", device_.now());
    });
    device_.start_snapd();
    agent_.flags = flags_of(device_);
  }

  /// Starts the agent again when it is dead, with the next kill planned for it.
  void live() {
    if (agent_.is_running()) return;
    if (!current_.empty()) {
      EXPECT_NE(agent_.log().find("crash point reached"), std::string::npos) << current_ << "\n" << agent_.log();
      ++kills_;
    }
    current_ = plan_.empty() ? std::string() : plan_.back();
    if (!plan_.empty()) plan_.pop_back();
    agent_.start(current_);
  }

  std::vector<std::string> plan_ = {"before-commit:1", "before-commit:3", "before-commit:5",      "after-commit:1",
                                    "after-commit:3",  "after-intent:1",  "after-intent:2",       "after-done:1",
                                    "after-done:2",    "after-run:2",     "after-run:4",          "after-run:7",
                                    "after-publish:2", "after-publish:4", "after-final-commit:1", "after-publish:7"};
  const std::size_t planned_ = plan_.size();
  std::string current_;
  std::size_t kills_ = 0;
  HubProgram hub_;
  DoubleDevice device_{{.programs = KELPIE_BIN_DIR, .speed = 200, .state = {}, .world = sim::usual_world()}};
  AgentProgram agent_{hub_, "pi-1"};
  FleetOperator operator_{hub_, [this] { live(); }};
};

TEST_F(AgentCrash, AtEveryPointEndsTheAttemptAndRunsNothingTwice) {
  int rollouts = 0;
  while (!plan_.empty() || !current_.empty()) {
    const std::string id = operator_.start_rollout(release_of(++rollouts));
    const api::v1::Rollout end = operator_.finish(id);
    ASSERT_EQ(end.status().phase(), "succeeded") << end.status().why() << "\n" << agent_.log();
    ASSERT_LT(rollouts, 40);
  }
  EXPECT_EQ(kills_, planned_);
  EXPECT_EQ(device_.times("created deployment.apps/kiosk"), 1);
  EXPECT_EQ(device_.times("configured deployment.apps/kiosk"), rollouts - 1);
  EXPECT_EQ(device_.times("ran add-on metrics-server"), (rollouts + 1) / 2);
  EXPECT_EQ(device_.times("disabled add-on metrics-server"), rollouts / 2);
}

}  // namespace
}  // namespace kelpie::test
