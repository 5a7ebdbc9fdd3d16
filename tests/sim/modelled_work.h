// A device's MicroK8s as the real steps see it: the agent's own hands over the model that kelpie-sim uses. A call is
// carried out when it begins; a power cut in the middle leaves all of it or nothing.
#pragma once

#include <optional>

#include "tests/sim/storm.h"
#include "tools/sim/instant_work.h"

namespace kelpie::test {

class ModelledWork {
 public:
  [[nodiscard]] sim::WorkDone carry_out(const agent::Call& call, SteadyTime now);
  /// Its result was taken.
  void close() { before_.reset(); }
  /// Power is lost: of a call in hand, all was done or nothing.
  void cut(Dice& dice);
  void boot(SteadyTime now) { sim::reboot(cell_.state, now); }
  /// Something that goes wrong, once or twice.
  void strike(Dice& dice);
  void heal() { cell_.state.faults.clear(); }

  [[nodiscard]] const sim::DeviceState& state() const { return cell_.state; }
  void become(sim::DeviceState state) { cell_.state = std::move(state); }

 private:
  sim::World world_ = sim::usual_world();
  sim::MemoryCell cell_;
  std::optional<sim::DeviceState> before_;  // of the call in hand
};

}  // namespace kelpie::test
