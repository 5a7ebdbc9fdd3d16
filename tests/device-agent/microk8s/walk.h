// The steps of the reference walk, and one attempt at them through carry_out, as the agent's core asks for it.
#pragma once

#include <string>
#include <vector>

#include "device-agent/microk8s/carry_out.h"
#include "tests/tools/sim/microk8s/device.h"

namespace kelpie::test {

[[nodiscard]] std::string digest_of(char fill);
[[nodiscard]] std::vector<agent::Step> reference_steps();
/// The images of the reference steps, where they are pulled from.
void fill_registries(sim::Device& device);

/// The device's clock; the agent ends at one of its waits when told to.
class EndingPause final : public agent::Pause {
 public:
  explicit EndingPause(agent::Pause& clock) : clock_(clock) {}
  [[nodiscard]] SteadyTime now() override { return clock_.now(); }
  [[nodiscard]] WallTime wall() override { return clock_.wall(); }
  [[nodiscard]] bool wait(Duration duration) override {
    ++waits;
    return waits != end_at && clock_.wait(duration);
  }

  std::size_t waits = 0;
  std::size_t end_at = 0;  // never

 private:
  agent::Pause& clock_;
};

class Walk {
 public:
  explicit Walk(sim::Device& device) : pause(device.pause), device_(device) {}

  agent::CallResult ask(agent::Phase phase, const agent::Step& step, const std::string& restore = {});
  agent::CallResult checks();
  agent::Facts facts();

  /// "install changed, start changed, …"; ends at the first failure with its reason.
  std::string go(const std::vector<agent::Step>& steps);
  /// After a restart, from the first step that is not done: observed, and run only when it is not so.
  std::string go_on(const std::vector<agent::Step>& steps);
  /// Every step that was begun, last first.
  std::string go_back(const std::vector<agent::Step>& steps);

  EndingPause pause;
  std::vector<std::string> restores;
  std::vector<bool> has_intent;
  std::vector<std::string> progress;

 private:
  std::string one(const agent::Step& step, std::size_t index);
  agent::CallResult carry_out(const agent::Call& call);

  sim::Device& device_;
  std::size_t done_ = 0;
};

}  // namespace kelpie::test
