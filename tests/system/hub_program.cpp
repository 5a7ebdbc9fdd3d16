#include "tests/system/hub_program.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <kelpie/v1/trust.pb.h>

#include "proto/wire/topics.h"

namespace kelpie::test {
namespace {

constexpr std::uint64_t kFirstDeviceSeed = 500;

}  // namespace

void survive_full_disks() {
  EXPECT_NE(std::signal(SIGXFSZ, SIG_IGN), SIG_ERR);
}

void HubProgram::fill_disk() const {
  const rlimit none{.rlim_cur = 0, .rlim_max = RLIM_INFINITY};
  EXPECT_EQ(prlimit(hub_.pid(), RLIMIT_FSIZE, &none, nullptr), 0);
}

HubProgram::HubProgram(const std::string& keys)
    : keys_(keys.empty() ? dir_ / "keys" : keys), operator_key_(wire::SigningKey::generate(entropy_)) {
  if (keys.empty()) write_keys();
  Result<wire::Trust> trust = wire::open_first_trust(as_bytes(read_file(trust_file())));
  EXPECT_TRUE(trust) << trust.error().message;
  if (trust) trust_ = std::move(*trust);
}

// Made when the first played device needs it: a fleet of kelpie-sim has connections of its own.
wire::MqttBus& HubProgram::bus() {
  if (bus_) return *bus_;
  Result<std::unique_ptr<wire::MqttBus>> bus =
      wire::MqttBus::open({.broker_url = broker_.url(),
                           .client_id = "devices",
                           .filters = {"kelpie/v1/+/+/down", wire::all_topic()},
                           .username = {},
                           .password_file = {}},
                          {.on_message =
                               [this](std::string topic, std::string payload) {
                                 inbox_.push_always({std::move(topic), std::move(payload)});
                               },
                           .on_link = [](bool) {}},
                          entropy_);
  EXPECT_TRUE(bus) << bus.error().message;
  bus_ = std::move(*bus);
  EXPECT_TRUE(eventually([this] { return bus_->is_connected(); }));
  return *bus_;
}

void HubProgram::write_keys() {
  ASSERT_EQ(mkdir(keys_.c_str(), S_IRWXU), 0);
  const wire::SigningKey root = wire::SigningKey::generate(entropy_);
  const wire::SigningKey hub = wire::SigningKey::generate(entropy_);
  ASSERT_TRUE(hub.save(key_file(), entropy_));
  v1::TrustDocument document;
  document.set_version(1);
  document.set_name("system test");
  document.set_created_unix_s(1'795'338'843);
  document.add_roots()->set_key(root.public_key().bytes());
  document.mutable_roots(0)->set_person("ana");
  document.set_root_threshold(1);
  document.add_operators()->set_key(operator_key_.public_key().bytes());
  document.mutable_operators(0)->set_person("ana");
  document.add_hubs()->set_key(hub.public_key().bytes());
  document.mutable_hubs(0)->set_epoch(1);
  document.set_change_threshold(1);
  document.set_dangerous_threshold(1);
  const std::string payload = document.SerializeAsString();
  const InstallationId installation = *InstallationId::from_bytes(blake2b_128(payload).view());
  const std::string frame = wire::seal(wire::FrameType::TrustDoc, installation, as_bytes(payload), root);
  write_file(trust_file(), frame);
}

std::vector<std::string> HubProgram::arguments(const std::string& broker_url) const {
  return {"run",      "--keys",          keys_,          "--data", dir_ / "data", "--broker", broker_url,
          "--socket", dir_ / "hub.sock", "--log-format", "text"};
}

int HubProgram::terminate() {
  hub_.signal(SIGTERM);
  return hub_.wait().value_or(-1);
}

void HubProgram::start(const std::string& crash_at) {
  std::vector<std::string> argv = arguments(broker_.url());
  argv.insert(argv.begin(), KELPIE_BIN_DIR "/kelpie-hub");
  if (!crash_at.empty()) argv.insert(argv.end(), {"--crash-at", crash_at});
  hub_ = Child::start({.argv = std::move(argv), .env = {}, .out_file = {}, .err_file = {}});
  EXPECT_TRUE(eventually([this] { return !hub_.is_running() || call("GET", "/livez", api::v1::Empty(), {}); }))
      << hub_.err();
}

PlayedDevice& HubProgram::add_device(const std::string& name) {
  auto played = std::make_unique<PlayedDevice>(kFirstDeviceSeed + devices_.size(), trust_);
  api::v1::AddDeviceRequest request;
  request.set_name(name);
  request.set_fingerprint(played->id().hex());
  const Result<wire::HttpResponse> answer = call("POST", "/api/v1/devices", request, "add-" + name);
  EXPECT_TRUE(answer && answer->status == 200) << (answer ? answer->body : answer.error().message);
  bus().publish(wire::up_topic(played->id()), as_bytes(played->hello()));
  PlayedDevice& added = *devices_.emplace(name, std::move(played)).first->second;
  // A HELLO before the link is lost; the hub's own retained message then asks for another.
  const bool knows_it = eventually([&] {
    pump(std::chrono::milliseconds(0));
    return is_online(name);
  });
  EXPECT_TRUE(knows_it) << name << " is not online\n" << log();
  return added;
}

bool HubProgram::is_online(const std::string& name) {
  const auto device = get<api::v1::Device>("/api/v1/devices/" + name);
  return device && device->status().connection() == "online";
}

void HubProgram::publish(const DeviceId& device, const std::string& bytes) {
  bus().publish(wire::up_topic(device), as_bytes(bytes));
}

void HubProgram::pump(std::chrono::milliseconds wait) {
  for (const auto& [topic, bytes] : inbox_.take(1'000, wait)) {
    for (const auto& [name, played] : devices_) {
      const std::string up = wire::up_topic(played->id());
      if (topic == wire::all_topic()) bus().publish(up, as_bytes(played->hello()));  // the hub is back
      if (topic != wire::down_topic(played->id())) continue;
      for (const std::string& report : played->take(bytes)) bus().publish(up, as_bytes(report));
    }
  }
}

Result<wire::HttpResponse> HubProgram::call(const std::string& method, const std::string& path,
                                            const google::protobuf::Message& body, const std::string& key) {
  wire::HttpRequest request;
  request.method = method;
  request.url = "http://hub" + path;
  request.unix_socket = dir_ / "hub.sock";
  request.headers = {{"Accept", "application/protobuf"}};
  if (method != "GET") {
    request.headers.emplace_back("Content-Type", "application/protobuf");
    request.body = body.SerializeAsString();
  }
  if (!key.empty()) request.headers.emplace_back("Idempotency-Key", key);
  return wire::http_call(request);
}

std::string HubProgram::sealed(wire::FrameType type, const google::protobuf::Message& payload) const {
  return wire::seal(type, trust_.installation, as_bytes(payload.SerializeAsString()), operator_key_);
}

}  // namespace kelpie::test
