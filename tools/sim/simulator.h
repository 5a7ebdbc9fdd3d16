// A fleet of agents in one thread: each the agent's own code over a modelled MicroK8s, with an MQTT connection of its
// own. Agents live in real time; what a step takes is divided by the speed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "proto/wire/trust.h"
#include "tools/sim/order.h"

namespace kelpie::sim {

struct SimulatorOptions {
  std::size_t count = 24;
  std::uint64_t seed = 1;
  std::string broker_host;
  int broker_port = 1883;
  std::uint32_t speed = 1;
  std::string channel;           // MicroK8s that devices begin with; empty: none is installed
  std::vector<SetFault> faults;  // from the start
  std::vector<SetPower> off;     // begin without power
  Labels labels;                 // of every device, beside its own
};

class Simulator {
 public:
  /// Errors: ResourceExhausted when the system does not allow as many open files; Unavailable.
  [[nodiscard]] static Result<std::unique_ptr<Simulator>> open(const SimulatorOptions& options,
                                                               const wire::Trust& trust);
  ~Simulator();

  /// Until an order or a signal ends it. Orders come on standard input, answers go to standard output, what is wrong
  /// with an order to standard error; "ready: N devices connected" is said once, and how far it is while it takes long.
  void run();

 private:
  struct Fleet;
  explicit Simulator(std::unique_ptr<Fleet> fleet);
  std::unique_ptr<Fleet> fleet_;
};

}  // namespace kelpie::sim
