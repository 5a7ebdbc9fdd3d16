// A device's MicroK8s reduced to what rules can see: one fact per kind of step, true or not, and calls that take time,
// fail, hang, lie and apply half.
#pragma once

#include <map>
#include <string>

#include "device-agent/core/call.h"
#include "tests/sim/storm.h"

namespace kelpie::test {

class ScriptedWork {
 public:
  using Facts = std::map<std::string, std::string>;  // kind of step → what it made true

  struct Done {
    agent::CallResult result;
    Duration took{};
    Duration applied_at{};  // before took; a power cut until then leaves everything as it was
    Facts after;
  };

  /// Errors of chance come from the storm; nothing is applied yet.
  [[nodiscard]] Done carry_out(const agent::Call& call, const Storm& storm, Dice& dice) const;
  void become(Facts facts) { facts_ = std::move(facts); }
  [[nodiscard]] const Facts& facts() const { return facts_; }
  /// Is what this step wants true?
  [[nodiscard]] bool is_so(const agent::Step& step) const;

 private:
  [[nodiscard]] Done run(const agent::StepCall& call, const Storm& storm, Dice& dice) const;
  [[nodiscard]] Done undo(const agent::StepCall& call, const Storm& storm, Dice& dice) const;

  Facts facts_;
};

}  // namespace kelpie::test
