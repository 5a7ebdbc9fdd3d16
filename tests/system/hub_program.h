// The real kelpie-hub with a real mosquitto and a real store, its keys and its trust document, and devices that answer
// over MQTT. Calls are repeated under one idempotency key until the hub has answered, however often it dies.
#pragma once

#include <csignal>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <kelpie/api/v1/api.pb.h>

#include "proto/base/inbox.h"
#include "proto/wire/http_client.h"
#include "proto/wire/mqtt_bus.h"
#include "tests/support/broker.h"
#include "tests/support/played_device.h"

namespace kelpie::test {

/// Programs started after this get an error where the kernel would end them for writing to a file that is too large.
void survive_full_disks();

class HubProgram {
 public:
  /// keys: a folder that `kelpie hub init` made; empty: keys of its own, with which sealed() signs as ana.
  explicit HubProgram(const std::string& keys = {});

  /// crash_at: "after-commit:3"; empty: none. Returns when the hub answers, or is dead again.
  void start(const std::string& crash_at = {});
  void kill() { hub_.kill_now(); }
  /// SIGSTOP: it takes nothing more until it is killed.
  void freeze() const { hub_.signal(SIGSTOP); }
  void thaw() const { hub_.signal(SIGCONT); }
  /// From now on it can write to no file, its log included: its next commit fails. For a hub started after
  /// survive_full_disks().
  void fill_disk() const;
  /// SIGTERM; its exit code, or -1 when it does not end.
  int terminate();
  [[nodiscard]] std::vector<std::string> arguments(const std::string& broker_url) const;
  [[nodiscard]] bool is_running() { return hub_.is_running(); }
  [[nodiscard]] std::string log() const { return hub_.err(); }
  [[nodiscard]] Broker& broker() { return broker_; }
  [[nodiscard]] std::string store_folder() const { return dir_ / "data/store"; }
  [[nodiscard]] std::string socket() const { return dir_ / "hub.sock"; }
  [[nodiscard]] pid_t pid() const { return hub_.pid(); }
  [[nodiscard]] std::string trust_file() const { return keys_ + "/trust.klp"; }
  [[nodiscard]] std::string key_file() const { return keys_ + "/hub.key"; }
  [[nodiscard]] const wire::Trust& trust() const { return trust_; }

  /// Returns when the hub knows it as online.
  PlayedDevice& add_device(const std::string& name);
  [[nodiscard]] bool is_online(const std::string& name);
  [[nodiscard]] const std::map<std::string, std::unique_ptr<PlayedDevice>>& devices() const { return devices_; }

  /// Anything, on the topic of that device's reports.
  void publish(const DeviceId& device, const std::string& bytes);
  /// Hands every frame to its device and the reports back; waits at most `wait` for the first one.
  void pump(std::chrono::milliseconds wait);
  /// Errors: the hub's; Unavailable when it is dead.
  [[nodiscard]] Result<wire::HttpResponse> call(const std::string& method, const std::string& path,
                                                const google::protobuf::Message& body, const std::string& key);
  template <typename Out>
  [[nodiscard]] std::optional<Out> get(const std::string& path) {
    const Result<wire::HttpResponse> answer = call("GET", path, api::v1::Empty(), {});
    Out out;
    if (!answer || answer->status != 200 || !out.ParseFromString(answer->body)) return std::nullopt;
    return out;
  }

  [[nodiscard]] std::string sealed(wire::FrameType type, const google::protobuf::Message& payload) const;

 private:
  void write_keys();
  [[nodiscard]] wire::MqttBus& bus();

  TempDir dir_;
  std::string keys_;
  Broker broker_;
  SeededEntropy entropy_{4};
  wire::SigningKey operator_key_;
  wire::Trust trust_;
  Child hub_;
  Inbox<std::pair<std::string, std::string>> inbox_{10'000};
  std::map<std::string, std::unique_ptr<PlayedDevice>> devices_;
  std::unique_ptr<wire::MqttBus> bus_;  // last: its callbacks use what stands above
};

}  // namespace kelpie::test
