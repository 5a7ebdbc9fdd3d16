// The real agent is killed at every kind of moment, in the middle of attempts, with its commands left running: each
// attempt ends as it must and nothing is done twice, read from the device's own log.
#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/system/agent_device.h"
#include "tests/system/fleet_operator.h"

namespace kelpie::test {
namespace {

std::string workload(int version, const std::string& image) {
  const std::string pod = fmt::format(R"({{"metadata":{{"annotations":{{"version":"{}"}},"labels":{{"app":"kiosk"}}}},)"
                                      R"("spec":{{"containers":[{{"image":"{}","name":"kiosk"}}]}}}})",
                                      version, image);
  return R"({"apiVersion":"v1","items":[{"apiVersion":"apps/v1","kind":"Deployment",)"
         R"("metadata":{"name":"kiosk","namespace":"default"},"spec":{"replicas":1,)"
         R"("selector":{"matchLabels":{"app":"kiosk"}},"template":)" +
         pod + R"(}}],"kind":"List"})";
}

/// Add-on metrics-server in every other release, and the workload always changed.
v1::Release release_of(int version, const std::string& image = "docker.io/library/kiosk:1") {
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
  kiosk.set_manifest(workload(version, image));
  out.add_checks()->mutable_node_ready();
  return out;
}

v1::Release first_install() {
  v1::Release out;
  out.set_schema(1);
  out.set_name("first");
  out.set_version("1");
  out.set_scope("device");
  v1::InstallStep& install = *out.add_steps()->mutable_install();
  install.set_channel("1.32/stable");
  install.set_hold(true);
  out.add_steps()->mutable_start();
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
    if (agent_.is_running() || !may_live_()) return;
    if (!current_.empty()) {
      EXPECT_NE(agent_.log().find("crash point reached"), std::string::npos) << current_ << "\n" << agent_.log();
      ++kills_;
    }
    current_ = plan_.empty() ? std::string() : plan_.back();
    if (!plan_.empty()) plan_.pop_back();
    agent_.start(current_);
  }

  [[nodiscard]] bool is_enabling() const {
    const std::vector<std::string> asked = device_.asked();
    return std::any_of(asked.begin(), asked.end(), [](const std::string& line) {
      return line.find("enable core/metrics-server → begun") != std::string::npos;
    });
  }

  /// A device without MicroK8s; `fault` strikes.
  void begin_anew(std::string_view fault) {
    device_.change([](sim::DeviceState& state) { state = sim::DeviceState{}; });
    device_.add_fault(fault);
  }
  [[nodiscard]] bool has_change(const std::string& status) {
    const std::map<std::string, sim::SnapChange> changes = device_.state().changes;
    return std::any_of(changes.begin(), changes.end(),
                       [&](const auto& entry) { return entry.second.status == status; });
  }
  [[nodiscard]] std::ptrdiff_t times_asked(const std::string& start) const {
    const std::vector<std::string> asked = device_.asked();
    return std::count_if(asked.begin(), asked.end(), [&](const std::string& line) { return line.starts_with(start); });
  }

  std::function<bool()> may_live_ = [] { return true; };
  std::vector<std::string> plan_;
  std::string current_;
  std::size_t kills_ = 0;
  HubProgram hub_;
  DoubleDevice device_{{.programs = KELPIE_BIN_DIR, .speed = 2'000, .state = {}, .world = sim::usual_world()}};
  AgentProgram agent_{hub_, "pi-1"};
  FleetOperator operator_{hub_, [this] { live(); }};
};

TEST_F(AgentCrash, AtEveryPointEndsTheAttemptAndRunsNothingTwice) {
  plan_ = {"before-commit:1", "before-commit:3", "before-commit:5", "after-commit:1",
           "after-commit:3",  "after-intent:1",  "after-intent:2",  "after-done:1",
           "after-done:2",    "after-run:2",     "after-run:4",     "after-run:7",
           "after-publish:2", "after-publish:4", "after-publish:7", "after-final-commit:1"};
  const std::size_t planned = plan_.size();
  int rollouts = 0;
  while (!plan_.empty() || !current_.empty()) {
    const std::string id = operator_.start_rollout(release_of(++rollouts));
    const api::v1::Rollout end = operator_.finish(id);
    ASSERT_EQ(end.status().phase(), "succeeded") << end.status().why() << "\n" << agent_.log();
    ASSERT_LT(rollouts, 40);
  }
  EXPECT_EQ(kills_, planned);
  EXPECT_EQ(device_.times("created deployment.apps/kiosk"), 1);
  EXPECT_EQ(device_.times("configured deployment.apps/kiosk"), rollouts - 1);
  EXPECT_EQ(device_.times("ran add-on metrics-server"), (rollouts + 1) / 2);
  EXPECT_EQ(device_.times("disabled add-on metrics-server"), rollouts / 2);
}

TEST_F(AgentCrash, ATermInTheMiddleOfAStepEndsItsCommandAndTheAttemptGoesOn) {
  device_.add_fault("addon-endless:metrics-server*1");
  const std::string id = operator_.start_rollout(release_of(1));
  ASSERT_TRUE(eventually([&] { return is_enabling(); })) << agent_.log();
  EXPECT_EQ(agent_.terminate(), 0);
  EXPECT_EQ(device_.times("ran add-on metrics-server"), 0);
  EXPECT_EQ(operator_.finish(id).status().phase(), "succeeded") << agent_.log();
  EXPECT_EQ(device_.times("ran add-on metrics-server"), 1);
}

constexpr const char* kInstallRequest = R"(POST /v2/snaps/microk8s {"action":"install")";

TEST_F(AgentCrash, InTheMiddleOfAnInstallItGoesOnByTheChangesIdThoughSnapdRestartsToo) {
  begin_anew("slow:3000");
  plan_ = {"after-note:1"};
  const std::string id = operator_.start_rollout(first_install());
  ASSERT_TRUE(eventually([&] {
    live();
    return kills_ == 1;
  })) << agent_.log();
  ASSERT_TRUE(has_change("Doing")) << "it goes on without the agent";
  device_.stop_snapd();
  device_.start_snapd();
  device_.clear_faults();
  EXPECT_EQ(operator_.finish(id).status().phase(), "succeeded") << agent_.log();
  EXPECT_EQ(times_asked(kInstallRequest), 1);
  EXPECT_EQ(device_.times("installed microk8s 1.32/stable (7890)"), 1);
}

TEST_F(AgentCrash, AChangeThatFailedMeanwhileIsReportedWithItsLogAndNotRedone) {
  begin_anew("snap-change-fails:mount-snap*1");
  plan_ = {"after-note:1"};
  may_live_ = [&] { return kills_ > 0 || current_.empty() || has_change("Error"); };
  EXPECT_EQ(operator_.finish(operator_.start_rollout(first_install())).status().phase(), "paused");
  const auto shown = hub_.get<api::v1::Device>("/api/v1/devices/pi-1");
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->status().failure_reason(), "snap-change-failed");
  EXPECT_NE(shown->status().failure_detail().find("snapd took change 41 back"), std::string::npos)
      << shown->status().failure_detail();
  EXPECT_EQ(times_asked(kInstallRequest), 1);
}

TEST_F(AgentCrash, ABrokerThatDiesInTheMiddleCostsNothing) {
  const std::string id = operator_.start_rollout(release_of(1));
  ASSERT_TRUE(eventually([&] { return is_enabling(); })) << agent_.log();
  hub_.broker().kill();
  ASSERT_TRUE(eventually([&] { return device_.times("created deployment.apps/kiosk") == 1; })) << agent_.log();
  hub_.broker().restart();
  EXPECT_EQ(operator_.finish(id).status().phase(), "succeeded") << agent_.log();
  EXPECT_EQ(device_.times("ran add-on metrics-server"), 1);
}

TEST_F(AgentCrash, AWorkloadThatCannotStartIsTakenBackWithTheAddonBeforeIt) {
  ASSERT_EQ(operator_.finish(operator_.start_rollout(release_of(1))).status().phase(), "succeeded");
  const std::set<std::string> addons = device_.state().addons;
  device_.add_fault("registry-unauthorized:docker.io/private/");
  const v1::Release wrong = release_of(2, "docker.io/private/kiosk:2");
  EXPECT_EQ(operator_.finish(operator_.start_rollout(wrong)).status().phase(), "paused");
  const auto shown = hub_.get<api::v1::Device>("/api/v1/devices/pi-1");
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->status().failure_reason(), "workload-image") << shown->status().failure_detail();
  EXPECT_FALSE(shown->status().has_lease()) << "going back was proved";
  EXPECT_EQ(device_.state().addons, addons);
  const std::string now = device_.state().objects.at("Deployment/default/kiosk").json;
  EXPECT_NE(now.find(R"("version":"1")"), std::string::npos) << now;
  EXPECT_EQ(now.find("private"), std::string::npos) << now;
}

}  // namespace
}  // namespace kelpie::test
