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

class Walk {
 public:
  explicit Walk(sim::Device& device) : device_(device) {}

  agent::CallResult ask(agent::Phase phase, const agent::Step& step, const std::string& restore = {});
  agent::CallResult checks();
  agent::Facts facts();

  /// "install changed, start changed, …"; ends at the first failure with its reason.
  std::string go(const std::vector<agent::Step>& steps);
  /// Every step that was begun, last first.
  std::string go_back(const std::vector<agent::Step>& steps);

  std::vector<std::string> restores;
  std::vector<bool> has_intent;
  std::vector<std::string> progress;

 private:
  std::string one(const agent::Step& step, std::size_t index);
  agent::CallResult carry_out(const agent::Call& call);

  sim::Device& device_;
};

}  // namespace kelpie::test
