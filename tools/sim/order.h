// What a person or a script types at a running simulator, a line at a time.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proto/base/result.h"
#include "tools/sim/microk8s/device_state.h"
#include "tools/sim/roster.h"

namespace kelpie::sim {

/// Which devices: by name, by labels that all must fit, or everybody.
struct Chosen {
  std::string name;  // empty: by labels
  Labels labels;     // empty: all
  [[nodiscard]] bool fits(const RosterEntry& entry) const;
};

struct SetFault {
  Fault fault;
  Chosen whom;
};
struct ClearFault {
  std::string kind;  // empty: every fault
  Chosen whom;
};
struct SetPower {
  bool is_on = true;
  Chosen whom;
};
struct Quit {};
using Order = std::variant<SetFault, ClearFault, SetPower, Quit>;

/// "fault set registry-unauthorized:docker.io site=oslo", "power off pi-turin-01", "quit".
/// Errors: InvalidArgument that says what can be typed.
[[nodiscard]] Result<Order> parse_order(std::string_view line);
/// What follows "fault set": a fault and, after blanks, whom. Errors: those of parse_fault and of labels.
[[nodiscard]] Result<SetFault> parse_fault_for(std::string_view text);

}  // namespace kelpie::sim
