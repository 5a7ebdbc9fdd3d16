// Where the model's state lives. In a simulation a value in memory; behind the test doubles a file that several
// processes change in turn.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "tools/sim/microk8s/device_state.h"

namespace kelpie::sim {

/// One thing the model was asked, and what it answered.
struct Asked {
  SteadyTime at;
  std::string what;    // "microk8s enable core/dns", "POST /v2/snaps/microk8s {…}"
  std::string answer;  // "exit 0", "202", "killed", "no socket"
};

class StateCell {
 public:
  virtual ~StateCell() = default;
  /// All or nothing, one at a time.
  virtual void change(const std::function<void(DeviceState&)>& with) = 0;
  virtual void note(Asked asked) = 0;
  /// The add-on lock; whoever took it and died has given it back.
  [[nodiscard]] virtual bool take_addon_lock() = 0;
  virtual void give_addon_lock() = 0;
};

class MemoryCell final : public StateCell {
 public:
  explicit MemoryCell(DeviceState initial = {}, std::size_t asked_max = 0)
      : state(std::move(initial)), asked_max_(asked_max) {}
  void change(const std::function<void(DeviceState&)>& with) override { with(state); }
  void note(Asked asked) override;
  [[nodiscard]] bool take_addon_lock() override { return true; }
  void give_addon_lock() override {}

  DeviceState state;
  std::deque<Asked> asked;  // the newest asked_max; a fleet keeps none

 private:
  std::size_t asked_max_;
};

}  // namespace kelpie::sim
