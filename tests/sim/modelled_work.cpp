#include "tests/sim/modelled_work.h"

#include <array>

namespace kelpie::test {
namespace {

using sim::Fault;
using sim::FaultKind;

// Those that end by themselves or undo can cope with: the world waits for an end, not for a person.
constexpr std::array kStrikes{FaultKind::RegistryUnreachable, FaultKind::RegistryUnauthorized,
                              FaultKind::SnapdConflict,       FaultKind::SnapdRestart,
                              FaultKind::SnapChangeFails,     FaultKind::StartFails,
                              FaultKind::StartWithoutReady,   FaultKind::ReadyThenNotReady,
                              FaultKind::ApiFlapsAfterEnable, FaultKind::Hang};

}  // namespace

sim::WorkDone ModelledWork::carry_out(const agent::Call& call, SteadyTime now) {
  before_ = cell_.state;
  return sim::carry_out_at_once(call, cell_, world_, now);
}

void ModelledWork::cut(Dice& dice) {
  if (before_ && dice.chance(500)) cell_.state = std::move(*before_);
  before_.reset();
}

void ModelledWork::strike(Dice& dice) {
  Fault fault{
      .kind = kStrikes[dice.below(kStrikes.size())], .subject = {}, .times = 1 + static_cast<int>(dice.below(2))};
  if (fault.kind == FaultKind::SnapChangeFails) fault.subject = "run-hook[configure]";
  if (fault.kind == FaultKind::Hang) fault.subject = "ctr";
  cell_.state.faults.push_back(std::move(fault));
}

}  // namespace kelpie::test
