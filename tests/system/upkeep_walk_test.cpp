// A device whose certificates have ended is refreshed by one release: renewed first, its datastore copied, then the
// refresh; and without a copy no refresh is begun.
#include <sys/stat.h>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/system/agent_device.h"
#include "tests/system/agent_footprint.h"
#include "tests/system/fleet_operator.h"

namespace kelpie::test {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

v1::Release refresh(const std::string& version) {
  v1::Release out;
  out.set_schema(1);
  out.set_name("yearly");
  out.set_version(version);
  out.set_scope("device");
  out.add_steps()->mutable_certs()->set_renew_before_s(30 * 86'400);
  out.add_steps()->mutable_snapshot();
  v1::InstallStep& install = *out.add_steps()->mutable_install();
  install.set_channel("1.33/stable");
  install.set_hold(true);
  out.add_steps()->mutable_start();
  out.add_checks()->mutable_node_ready();
  return out;
}

class Upkeep : public ::testing::Test {
 protected:
  Upkeep() {
    device_.change([&](sim::DeviceState& state) {
      state = sim::running_device(sim::usual_world(), "1.32/stable", device_.now());
      state.certificates["server.crt"].not_after = SystemClock().wall() - std::chrono::hours(24);
    });
    hub_.start();
    device_.start_snapd();
    agent_.flags = flags_of(device_);
    agent_.start();
    EXPECT_TRUE(eventually([&] { return agent_.is_online(); })) << agent_.log();
  }
  /// "succeeded: certs changed, …"
  std::string roll_out(const std::string& version) {
    const std::string id = operator_.start_rollout(refresh(version));
    std::string out = operator_.finish(id).status().phase() + ":";
    const auto targets = hub_.get<api::v1::TargetList>(fmt::format("/api/v1/rollouts/{}/targets", id));
    if (!targets || targets->items_size() != 1) return out + " no target";
    const api::v1::Attempt& attempt = targets->items(0).status().attempt();
    for (const api::v1::StepResult& result : attempt.results()) {
      out += fmt::format(" {} {},", result.kind(), result.outcome());
    }
    return out + attempt.detail();
  }
  [[nodiscard]] std::string folder() const { return device_.snap_common() + "/kelpie-snapshots"; }

  HubProgram hub_;
  DoubleDevice device_{{.programs = KELPIE_BIN_DIR, .speed = 2'000, .state = {}}};
  AgentProgram agent_{hub_, "pi-1"};
  FleetOperator operator_{hub_, [] {}};
};

TEST_F(Upkeep, CertificatesFirstThenTheCopyThenTheRefresh) {
  ASSERT_EQ(roll_out("1"), "succeeded: certs changed, snapshot changed, install changed, start unchanged,")
      << agent_.log();
  std::vector<std::string> order;
  for (const std::string& effect : device_.effects()) {
    for (const std::string word : {"renewed ", "copied ", "refreshed "}) {
      if (effect.starts_with(word)) order.push_back(word);
    }
  }
  EXPECT_EQ(order, (std::vector<std::string>{"renewed ", "copied ", "refreshed "}));
  struct stat found {};
  ASSERT_EQ(stat(folder().c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0700U) << "every Secret is in it";
  EXPECT_EQ(stat((folder() + "/datastore.tar.gz").c_str(), &found), 0);
  EXPECT_EQ(roll_out("2"), "succeeded: certs unchanged, snapshot unchanged, install unchanged, start unchanged,");
  expect_small(agent_.pid(), "after its certificates were read");
}

TEST_F(Upkeep, WithoutACopyNoRefreshIsBegun) {
  device_.add_fault("backup-is-empty");
  EXPECT_THAT(roll_out("1"), HasSubstr("snapshot failed")) << agent_.log();
  EXPECT_THAT(device_.effects(), Not(Contains(HasSubstr("refreshed"))));
  EXPECT_EQ(device_.state().snap.now.channel, "1.32/stable");
}

}  // namespace
}  // namespace kelpie::test
