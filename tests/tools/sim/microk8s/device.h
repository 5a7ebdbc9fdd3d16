// A modelled device for tests: a clock that only waiting moves, and short ways to ask.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "tools/sim/microk8s/json.h"
#include "tools/sim/microk8s/sim_microk8s.h"

namespace kelpie::sim {

class SimulatedPause final : public agent::Pause {
 public:
  [[nodiscard]] SteadyTime now() override { return now_; }
  [[nodiscard]] WallTime wall() override { return wall_of(now_); }
  [[nodiscard]] bool wait(Duration duration) override {
    now_ = now_ + duration;
    return true;
  }

 private:
  SteadyTime now_{1'000'000'000};
};

struct Device {
  Device();
  /// MicroK8s of that channel, ready, dns enabled.
  void install(const std::string& channel = "1.32/stable");
  void fault(std::string_view text);
  void pass(Duration duration) { (void)pause.wait(duration); }

  agent::Exit run(std::vector<std::string> argv, std::string input = {}, Duration limit = std::chrono::minutes(10));
  /// With /snap/bin/microk8s before it.
  agent::Exit microk8s(std::vector<std::string> words, std::string input = {});
  /// What kubectl printed with -o json.
  Json kubectl_json(std::vector<std::string> words);
  Json snapd(const std::string& method, const std::string& path, const std::string& body = {});
  /// Starts the change and waits for its end; the change.
  Json change_snap(const std::string& body);
  [[nodiscard]] int times(std::string_view effect) const;

  World world = usual_world();
  SimulatedPause pause;
  MemoryCell cell{{}, 200};
  SimMicrok8s sim{cell, world, pause};
};

/// A deployment with a service of type NodePort, as one List.
[[nodiscard]] std::string workload(std::string_view name, std::string_view image);

}  // namespace kelpie::sim
