// One attempt at one step by the agent's own loop over the modelled device, in which something dies at a chosen moment
// between INTENT and DONE, or on the way back, and lives again.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "device-agent/host/host.h"
#include "tests/device-agent/microk8s/kill_stories.h"
#include "tests/device-agent/shell/agent_world.h"

namespace kelpie::test {

enum class Victim {
  Agent,  // between two of the things it does: a point of its loop, a command, a request, a look at a file, a wait
  Child,  // the command in hand alone, whenever it waits
  Power,  // agent and command at once, whenever the command waits; then the device boots
};

struct Kill {
  Victim victim = Victim::Agent;
  std::size_t at = 0;  // the n-th moment for this victim; 0: none
  bool is_hub_forgetful = false;
};

/// A command, a request with its body, or a file.
struct AskedOfDevice {
  std::string phase;
  std::string what;
  Duration limit{};  // zero: none
};

class KillWorld {
 public:
  KillWorld(const KillStory& story, const sim::Device& before, bool goes_back, Kill kill);

  /// To the end of the attempt, as the hub hears it.
  void live();

  [[nodiscard]] bool was_killed() const { return kill_.at != 0 && moments_ >= kill_.at; }
  [[nodiscard]] std::size_t moments() const { return moments_; }
  /// What was in hand when it was killed.
  [[nodiscard]] const std::string& moment() const { return moment_; }
  /// Empty when the device is in the goal or the restore point, as the agent says and as is seen anew.
  [[nodiscard]] std::string complaint();
  /// Of the step, in order.
  [[nodiscard]] const std::vector<AskedOfDevice>& asked() const { return asked_; }
  [[nodiscard]] const v1::Attempt& ended() const { return world_.heard.attempt(); }

 private:
  class Mortal;
  using Print = std::map<std::string, std::string>;

  [[nodiscard]] agent::CallResult carry_out(const agent::Call& call, const PlayedMicrok8s::Note& note);
  void pass(std::string_view point);
  /// Counts a moment; true when the victim dies now.
  [[nodiscard]] bool strikes(Victim victim, std::string_view what);
  [[nodiscard]] Print print() const;
  [[nodiscard]] agent::CallResult observe();

  const KillStory& story_;
  bool goes_back_;
  Kill kill_;
  sim::Device device_;
  agent::Step step_;
  std::string phase_;  // empty: checks and facts
  std::vector<AskedOfDevice> asked_;
  Print before_;
  AgentWorld world_;
  bool is_between_ = false;  // INTENT and DONE
  std::size_t moments_ = 0;
  std::string moment_;
};

}  // namespace kelpie::test
