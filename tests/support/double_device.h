// A device that is not there, for a real agent: a folder with `microk8s`, `snap` and `kubectl`, a snapd on a socket,
// and the files of the snap. What was done to it is read from its own log.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/child.h"
#include "tests/support/temp_dir.h"
#include "tools/sim/microk8s/device_state.h"

namespace kelpie::test {

struct DoubleOptions {
  std::string programs;     // folder with device_double and snapd_double
  std::int64_t speed = 50;  // seconds of the device in one of ours
  sim::DeviceState state;   // no snap
  sim::World world = sim::usual_world();
  std::vector<std::string> real_ctr = {};  // starts a real `ctr`, which then answers for the model's
};

class DoubleDevice {
 public:
  explicit DoubleDevice(DoubleOptions options);

  [[nodiscard]] const std::string& folder() const { return dir_.path(); }
  // What an agent is pointed at.
  [[nodiscard]] std::string microk8s() const { return dir_ / "snap/bin/microk8s"; }
  [[nodiscard]] std::string snapd_socket() const { return dir_ / "run/snapd.socket"; }
  [[nodiscard]] std::string snap_data() const { return dir_ / "var/snap/microk8s/current"; }
  [[nodiscard]] std::string snap_common() const { return dir_ / "var/snap/microk8s/common"; }

  /// snapd begins to listen, again after stop_snapd.
  void start_snapd();
  void stop_snapd();

  /// "registry-unreachable:registry.k8s.io*3" and what else parse_fault knows.
  void add_fault(std::string_view text);
  void clear_faults();
  void change(const std::function<void(sim::DeviceState&)>& with);
  [[nodiscard]] sim::DeviceState state();
  /// The device's clock.
  [[nodiscard]] SteadyTime now() const;

  /// "created deployment.apps/nodered": what was done, in order.
  [[nodiscard]] std::vector<std::string> effects();
  [[nodiscard]] int times(std::string_view effect);
  /// One line for each thing that was asked, twice for programs: begun, and how it ended.
  [[nodiscard]] std::vector<std::string> asked() const;

  /// Where the node port of a service is served on loopback; empty while no endpoint is ready.
  struct NodePort {
    int node_port = 0;
    int port = 0;
  };
  [[nodiscard]] std::optional<NodePort> node_port(const std::string& service) const;

 private:
  TempDir dir_;
  std::string programs_;
  std::int64_t speed_;
  Child snapd_;
};

}  // namespace kelpie::test
