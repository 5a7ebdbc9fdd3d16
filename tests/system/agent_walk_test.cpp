// The reference walk on a real agent: from a device without the snap to nodered on its node port; then nothing to do.
#include <filesystem>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "proto/base/digest.h"
#include "tests/system/agent_device.h"
#include "tests/system/agent_footprint.h"
#include "tests/system/fleet_operator.h"
#include "tests/system/getting_started.h"
#include "tools/sim/microk8s/sideload.h"

namespace kelpie::test {
namespace {

class ReferenceWalk : public ::testing::Test {
 protected:
  ReferenceWalk() {
    hub_.start();
    device_.start_snapd();
    agent_.flags = flags_of(device_);
    agent_.start();
    EXPECT_TRUE(eventually([&] { return agent_.is_online(); })) << agent_.log();
  }
  api::v1::Device shown() { return hub_.get<api::v1::Device>("/api/v1/devices/pi-1").value_or(api::v1::Device()); }
  /// "succeeded: install changed, start unchanged, …"
  std::string roll_out() {
    const std::string id = operator_.start_rollout(release_);
    std::string out = operator_.finish(id).status().phase() + ":";
    const auto targets = hub_.get<api::v1::TargetList>(fmt::format("/api/v1/rollouts/{}/targets", id));
    if (!targets || targets->items_size() != 1) return out + " no target";
    const api::v1::Attempt& attempt = targets->items(0).status().attempt();
    for (const api::v1::StepResult& result : attempt.results()) {
      out += fmt::format(" {} {},", result.kind(), result.outcome());
    }
    return out + attempt.detail();
  }

  HubProgram hub_;
  v1::Release release_ = getting_started();
  DoubleDevice device_{{.programs = KELPIE_BIN_DIR, .speed = 2'000, .state = {}, .world = world_of(release_)}};
  AgentProgram agent_{hub_, "pi-1"};
  FleetOperator operator_{hub_, [] {}};
};

TEST_F(ReferenceWalk, BringsNodeRedToItsNodePortAndThenFindsNothingToDo) {
  ASSERT_EQ(roll_out(),
            "succeeded: certs unchanged, snapshot unchanged, install changed, start unchanged, images changed, addons "
            "changed, deploy changed,")
      << agent_.log();
  ASSERT_TRUE(device_.node_port("default/nodered"));
  const DoubleDevice::NodePort open = *device_.node_port("default/nodered");
  const Result<wire::HttpResponse> page = wire::http_call({.url = fmt::format("http://127.0.0.1:{}/", open.port)});
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_EQ(page->status, 200);

  ASSERT_TRUE(eventually([&] { return shown().status().facts().workloads_size() > 0; }));
  const api::v1::Facts facts = shown().status().facts();
  EXPECT_EQ(facts.microk8s_channel(), "1.32/stable");
  EXPECT_TRUE(facts.node_ready());
  EXPECT_EQ(facts.workloads(0).name(), "nodered");
  ASSERT_EQ(facts.workloads(0).node_ports_size(), 1);
  EXPECT_EQ(static_cast<int>(facts.workloads(0).node_ports(0)), open.node_port);

  const std::vector<std::string> effects = device_.effects();
  EXPECT_EQ(roll_out(),
            "succeeded: certs unchanged, snapshot unchanged, install unchanged, start unchanged, images unchanged, "
            "addons unchanged, deploy unchanged,");
  EXPECT_EQ(device_.effects(), effects);
  expect_small(agent_.pid(), "after two releases");
}

// The site of the guide: Kubernetes' registry is out of reach, the mirror is not.
TEST_F(ReferenceWalk, BehindAFirewallTheImagesBringTheNodeToReady) {
  device_.add_fault("registry-unreachable:registry.k8s.io");
  ASSERT_EQ(roll_out(),
            "succeeded: certs unchanged, snapshot unchanged, install changed, start unchanged, images changed, addons "
            "changed, deploy changed,")
      << agent_.log();
  EXPECT_TRUE(device_.node_port("default/nodered"));
}

// A site without the store: the snap lies in the agent's artifacts folder, and reaches snapd over its socket.
TEST_F(ReferenceWalk, WithoutTheStoreMicrok8sComesFromAFileOnTheDevice) {
  device_.add_fault("snap-store-unreachable");
  device_.change([](sim::DeviceState& state) { state.bases = {{"snapd", "23545"}, {"core20", "2434"}}; });
  const sim::SnapPackage package{
      .name = "microk8s", .revision = "7890", .version = "v1.32.3", .confinement = "classic", .base = "core20"};
  const auto put = [&](const std::string& text) {
    const std::string sha256 = sha256_hex(as_bytes(text));
    std::filesystem::create_directories(agent_.state() + "/artifacts");
    write_file(agent_.state() + "/artifacts/" + sha256, text);
    return "sha256:" + sha256;
  };
  release_ = v1::Release();
  release_.set_schema(1);
  release_.set_name("offline");
  release_.set_version("1");
  release_.set_scope("device");
  v1::InstallStep& install = *release_.add_steps()->mutable_install();
  install.set_channel("1.32/stable");
  v1::SnapFile& file = *install.add_files();
  file.set_name("microk8s");
  file.set_snap(put(sim::snap_file_text(package)));
  file.set_assertions(put(sim::assertions_text(package)));
  EXPECT_EQ(roll_out(), "succeeded: install changed,") << agent_.log();
  EXPECT_EQ(device_.times("installed microk8s from a file (7890)"), 1);
  EXPECT_EQ(device_.state().snap.now.channel, "1.32/stable");
}

}  // namespace
}  // namespace kelpie::test
