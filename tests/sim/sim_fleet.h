// A real hub, a real broker and a real kelpie-sim, its devices registered, and a reference release for all of them.
#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <kelpie/v1/release.pb.h>

#include "tests/sim/sim_program.h"
#include "tests/system/hub_program.h"

namespace kelpie::test {

class SimFleet {
 public:
  /// Returns when the hub answers and every device is registered, connected and known to the hub as online.
  SimFleet(std::size_t count, const std::vector<std::string>& flags);

  /// deploy/examples/getting-started as its manifest says, in waves of these shares in basis points.
  std::string roll_out(const std::vector<std::uint32_t>& shares);
  void change(const std::string& verb, const std::string& rollout);
  [[nodiscard]] api::v1::Rollout rollout(const std::string& id);
  /// Until it is in that phase; false when the time is up.
  [[nodiscard]] bool reaches(const std::string& id, const std::string& phase, std::chrono::milliseconds patience);
  [[nodiscard]] api::v1::Summary summary();
  [[nodiscard]] api::v1::Device device(const std::string& name);
  [[nodiscard]] HubProgram& hub() { return hub_; }
  [[nodiscard]] SimProgram& sim() { return *sim_; }
  struct Took {
    std::chrono::duration<double> registering;  // all devices, by many callers
    std::chrono::duration<double> connecting;   // from the simulator's start until it says that it is ready
    std::chrono::duration<double> online;       // and until the hub has them all as online
  };
  [[nodiscard]] const Took& took() const { return took_; }

 private:
  template <typename Out>
  Out call(const std::string& method, const std::string& path, const google::protobuf::Message& body) {
    const Result<wire::HttpResponse> answer = hub_.call(method, path, body, "key-" + std::to_string(++calls_));
    return parsed<Out>(path, answer);
  }
  template <typename Out>
  static Out parsed(const std::string& path, const Result<wire::HttpResponse>& answer);
  void register_devices(std::size_t count);
  [[nodiscard]] bool are_online(std::size_t count);
  void register_device(const std::string& line);

  HubProgram hub_;
  std::optional<SimProgram> sim_;  // once its devices are registered
  std::atomic<std::uint64_t> calls_ = 0;
  Took took_{};
};

}  // namespace kelpie::test
