// What anybody can do who owns the broker: forge, misdirect and replay. The agent says each code and does nothing.
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <kelpie/v1/deliver.pb.h>
#include <kelpie/v1/report.pb.h>

#include "proto/base/inbox.h"
#include "proto/wire/mqtt_bus.h"
#include "proto/wire/topics.h"
#include "tests/system/agent_device.h"
#include "tests/system/fleet_operator.h"

namespace kelpie::test {
namespace {

/// Hears everything on the broker, and says anything.
class Eavesdropper {
 public:
  explicit Eavesdropper(const std::string& broker_url) {
    Result<std::unique_ptr<wire::MqttBus>> bus =
        wire::MqttBus::open({.broker_url = broker_url,
                             .client_id = "eavesdropper",
                             .filters = {"kelpie/v1/+/+/down", wire::up_filter()},
                             .username = {},
                             .password_file = {}},
                            {.on_message =
                                 [this](std::string topic, std::string payload) {
                                   heard_.push_always({std::move(topic), std::move(payload)});
                                 },
                             .on_link = [](bool) {}},
                            entropy_);
    EXPECT_TRUE(bus) << bus.error().message;
    bus_ = std::move(*bus);
    EXPECT_TRUE(eventually([this] { return bus_->is_connected(); }));
  }
  void say(const DeviceId& to, const std::string& frame) { bus_->publish(wire::down_topic(to), as_bytes(frame)); }

  /// Frames to a device so far.
  std::vector<std::string> told(const DeviceId& device) {
    listen();
    return down_[wire::down_topic(device)];
  }
  /// Its newest count of a code.
  std::uint64_t refusals(const DeviceId& device, const std::string& code) {
    listen();
    for (const v1::Refusal& row : reports_[wire::up_topic(device)].refusals()) {
      if (row.code() == code) return row.count();
    }
    return 0;
  }

 private:
  void listen() {
    for (auto& [topic, bytes] : heard_.take(1'000, {})) {
      const Result<wire::Frame> frame = wire::parse_frame(as_bytes(bytes));
      if (!frame) continue;
      if (frame->type == wire::FrameType::Report) reports_[topic].ParseFromString(frame->payload);
      if (frame->type != wire::FrameType::Report) down_[topic].push_back(std::move(bytes));
    }
  }

  SeededEntropy entropy_{5};
  Inbox<std::pair<std::string, std::string>> heard_{10'000};
  std::map<std::string, std::vector<std::string>> down_;
  std::map<std::string, v1::Report> reports_;
  std::unique_ptr<wire::MqttBus> bus_;  // last: its callbacks use what stands above
};

v1::Release release_of(int version, bool has_metrics) {
  v1::Release out;
  out.set_schema(1);
  out.set_name("kiosk");
  out.set_version(std::to_string(version));
  out.set_scope("device");
  v1::Addon& addon = *out.add_steps()->mutable_addons()->add_addons();
  addon.set_name("metrics-server");
  addon.set_absent(!has_metrics);
  out.add_checks()->mutable_node_ready();
  return out;
}

TEST(AgentFrames, ForgedMisdirectedAndReplayedOnesAreRefusedWithTheirCode) {
  HubProgram hub;
  hub.start();
  DoubleDevice device({.programs = KELPIE_BIN_DIR, .speed = 2'000, .state = {}, .world = sim::usual_world()});
  device.change(
      [&](sim::DeviceState& state) { state = sim::running_device(sim::usual_world(), "1.32/stable", device.now()); });
  device.start_snapd();
  AgentProgram agent(hub, "pi-1");
  agent.flags = flags_of(device);
  agent.start();
  Eavesdropper spy(hub.broker().url());
  FleetOperator people(hub, [] {});
  ASSERT_EQ(people.finish(people.start_rollout(release_of(1, true))).status().phase(), "succeeded") << agent.log();
  const std::vector<std::string> first = spy.told(agent.id());
  ASSERT_EQ(people.finish(people.start_rollout(release_of(2, false))).status().phase(), "succeeded") << agent.log();
  const std::vector<std::string> effects = device.effects();
  PlayedDevice& other = hub.add_device("pi-2");
  ASSERT_TRUE(eventually([&] { return !spy.told(other.id()).empty(); }));

  SeededEntropy entropy(99);
  const wire::SigningKey stranger = wire::SigningKey::generate(entropy);
  v1::Deliver read;
  read.set_device_id(agent.id().bytes());
  read.set_hub_epoch(1);
  read.mutable_read()->set_hub_nonce(std::string(16, 'n'));
  const auto times = [&](const std::string& code) { return spy.refusals(agent.id(), code); };

  spy.say(agent.id(),
          wire::seal(wire::FrameType::Deliver, hub.trust().installation, as_bytes(read.SerializeAsString()), stranger));
  spy.say(agent.id(), hub.sealed(wire::FrameType::Deliver, read));  // by an operator
  spy.say(agent.id(), spy.told(other.id()).front());
  spy.say(agent.id(), "not a frame");
  for (const std::string& frame : first) spy.say(agent.id(), frame);
  for (const char* code : {"E_SIG", "E_ROLE", "E_AUDIENCE", "E_FRAME", "E_GEN_OLD", "E_ATTEMPT"}) {
    EXPECT_TRUE(eventually([&] { return times(code) >= 1; })) << code << "\n" << agent.log();
  }

  EXPECT_EQ(device.effects(), effects);
  EXPECT_TRUE(agent.is_running());
  const auto shown = hub.get<api::v1::Device>("/api/v1/devices/pi-1");
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->status().reported_release(), "kiosk@2");
}

}  // namespace
}  // namespace kelpie::test
