// What anybody can do who owns the broker: forge, misdirect and replay, in both directions. Each frame is refused with
// its code, nothing comes of it, and operators see it.
#include <algorithm>

#include <fmt/core.h>
#include <gmock/gmock.h>
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

using ::testing::HasSubstr;

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
  void say(const std::string& topic, const std::string& frame) { bus_->publish(topic, as_bytes(frame)); }

  /// All frames on a topic so far, its own too.
  std::vector<std::string> heard(const std::string& topic) {
    for (auto& [on, bytes] : heard_.take(1'000, {})) frames_[on].push_back(std::move(bytes));
    return frames_[topic];
  }
  /// Boots that the hub has answered, in order.
  std::vector<std::string> answered_boots(const DeviceId& device) {
    std::vector<std::string> out;
    for (const std::string& bytes : heard(wire::down_topic(device))) {
      const Result<wire::Frame> frame = wire::parse_frame(as_bytes(bytes));
      v1::Beacon beacon;
      if (!frame || frame->type != wire::FrameType::Beacon || !beacon.ParseFromString(frame->payload)) continue;
      if (std::find(out.begin(), out.end(), beacon.boot()) == out.end()) out.push_back(beacon.boot());
    }
    return out;
  }

 private:
  SeededEntropy entropy_{5};
  Inbox<std::pair<std::string, std::string>> heard_{10'000};
  std::map<std::string, std::vector<std::string>> frames_;
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

class Frames : public ::testing::Test {
 protected:
  Frames() {
    hub_.start();
    device_.change([&](sim::DeviceState& state) {
      state = sim::running_device(sim::usual_world(), "1.32/stable", device_.now());
    });
    device_.start_snapd();
    agent_.flags = flags_of(device_);
    agent_.start();
    EXPECT_TRUE(eventually([&] { return agent_.is_online(); })) << agent_.log();
  }
  std::string kelpie(std::vector<std::string> words) {
    words.insert(words.begin(), KELPIE_BIN_DIR "/kelpie");
    const Finished done = run({.argv = std::move(words),
                               .env = {"KELPIE_HUB=" + hub_.socket(), "XDG_CONFIG_HOME=" + device_.folder()},
                               .out_file = {},
                               .err_file = {}});
    EXPECT_EQ(done.code, 0) << done.err;
    return done.out;
  }
  std::string metrics() {
    const Result<wire::HttpResponse> answer = hub_.call("GET", "/metrics", api::v1::Empty(), {});
    return answer ? answer->body : std::string();
  }
  api::v1::Device shown() { return hub_.get<api::v1::Device>("/api/v1/devices/pi-1").value_or(api::v1::Device()); }
  [[nodiscard]] std::string sealed(wire::FrameType type, const google::protobuf::Message& payload,
                                   const wire::SigningKey& key) const {
    return wire::seal(type, hub_.trust().installation, as_bytes(payload.SerializeAsString()), key);
  }

  SeededEntropy entropy_{99};
  const wire::SigningKey stranger_ = wire::SigningKey::generate(entropy_);
  HubProgram hub_;
  DoubleDevice device_{{.programs = KELPIE_BIN_DIR, .speed = 2'000, .state = {}, .world = sim::usual_world()}};
  AgentProgram agent_{hub_, "pi-1"};
  Eavesdropper spy_{hub_.broker().url()};
};

TEST_F(Frames, ADeviceRefusesWhatIsForgedMisdirectedOrReplayed) {
  FleetOperator people(hub_, [] {});
  const std::string down = wire::down_topic(agent_.id());
  ASSERT_EQ(people.finish(people.start_rollout(release_of(1, true))).status().phase(), "succeeded") << agent_.log();
  const std::vector<std::string> first = spy_.heard(down);
  ASSERT_EQ(people.finish(people.start_rollout(release_of(2, false))).status().phase(), "succeeded") << agent_.log();
  const std::vector<std::string> effects = device_.effects();
  const std::string other = wire::down_topic(hub_.add_device("pi-2").id());
  ASSERT_TRUE(eventually([&] { return !spy_.heard(other).empty(); }));

  v1::Deliver read;
  read.set_device_id(agent_.id().bytes());
  read.set_hub_epoch(1);
  read.mutable_read()->set_hub_nonce(std::string(16, 'n'));
  spy_.say(down, sealed(wire::FrameType::Deliver, read, stranger_));
  spy_.say(down, hub_.sealed(wire::FrameType::Deliver, read));  // by an operator
  spy_.say(down, spy_.heard(other).front());
  spy_.say(down, "not a frame");
  for (const std::string& frame : first) spy_.say(down, frame);
  for (const char* code : {"E_SIG", "E_ROLE", "E_AUDIENCE", "E_FRAME", "E_GEN_OLD", "E_ATTEMPT"}) {
    EXPECT_TRUE(eventually([&] { return shown().status().refusals().contains(code); })) << code << agent_.log();
    EXPECT_THAT(metrics(), HasSubstr(fmt::format("kelpie_device_refusals_total{{code=\"{}\"}} ", code)));
  }
  EXPECT_EQ(device_.effects(), effects);
  EXPECT_TRUE(agent_.is_running());
  EXPECT_EQ(shown().status().reported_release(), "kiosk@2");

  EXPECT_THAT(kelpie({"device", "show", "pi-1"}), HasSubstr("  refused    frames: E_ATTEMPT "));
  EXPECT_THAT(kelpie({"device", "show", "pi-1", "-o", "json"}), HasSubstr("\"E_AUDIENCE\": 1"));
  EXPECT_THAT(kelpie({"event", "list", "--device", "pi-1", "-o", "jsonl"}), HasSubstr("\"reason\":\"E_SIG\""));
}

TEST_F(Frames, TheHubRefusesWhatIsForgedMisdirectedOrReplayed) {
  const wire::SigningKey thief = wire::SigningKey::generate(entropy_);  // of a device that is registered
  api::v1::AddDeviceRequest add;
  add.set_name("pi-2");
  add.set_fingerprint(wire::device_id_of(thief.public_key()).hex());
  ASSERT_TRUE(hub_.call("POST", "/api/v1/devices", add, "add-pi-2"));
  const std::string up = wire::up_topic(agent_.id());
  for (const std::size_t boots : {1U, 2U}) {
    if (!agent_.is_running()) agent_.start();
    ASSERT_TRUE(eventually([&] { return spy_.answered_boots(agent_.id()).size() == boots; })) << agent_.log();
    agent_.kill();
  }  // what the hub hears from now on is not its
  const std::vector<std::string> said = spy_.heard(up);

  v1::Report report;
  report.set_device_id(agent_.id().bytes());
  report.set_install_id(std::string(16, 'i'));
  report.set_boot(std::string(16, 'b'));
  report.set_sequence(1'000);
  report.mutable_hello()->set_identity_key(stranger_.public_key().bytes());
  const std::string strange = sealed(wire::FrameType::Report, report, stranger_);
  std::string forged = strange;
  forged.replace(12, 16, agent_.id().bytes());  // its key id under another key's signature
  report.mutable_hello()->set_identity_key(thief.public_key().bytes());
  const auto counts = [&](const char* code) {
    return metrics().find(fmt::format("kelpie_refusals_total{{code=\"{}\"}} ", code)) != std::string::npos;
  };
  spy_.say(up, strange);
  ASSERT_TRUE(eventually([&] { return counts("E_ROLE"); })) << metrics();  // and the agent's last words are taken
  const std::string before = shown().SerializeAsString();
  const auto audit = hub_.get<api::v1::HubStatus>("/api/v1/hub");

  for (const std::string& frame : {forged, sealed(wire::FrameType::Report, report, thief),
                                   hub_.sealed(wire::FrameType::Deliver, v1::Deliver()), std::string("not a frame")}) {
    spy_.say(up, frame);
  }
  for (const std::string& frame : said) spy_.say(up, frame);
  for (const char* code : {"E_ROLE", "E_SIG", "E_AUDIENCE", "E_TYPE", "E_FRAME", "E_SEQUENCE", "E_NONCE"}) {
    EXPECT_TRUE(eventually([&] { return counts(code); })) << code << metrics();
    EXPECT_THAT(kelpie({"hub", "status"}), HasSubstr(fmt::format("refused {} ", code)));
  }
  EXPECT_EQ(shown().SerializeAsString(), before);
  EXPECT_EQ(hub_.get<api::v1::HubStatus>("/api/v1/hub")->audit_root(), audit->audit_root());
  EXPECT_TRUE(hub_.is_running());
}

}  // namespace
}  // namespace kelpie::test
