#include "device-agent/microk8s/access.h"

#include <fmt/core.h>

#include "device-agent/microk8s/snapd.h"

namespace kelpie::agent {
namespace {

bool is_enough_with_snapd(const Step& step) {
  return std::holds_alternative<InstallStep>(step) || std::holds_alternative<StartStep>(step) ||
         std::holds_alternative<StopStep>(step) || std::holds_alternative<InspectStep>(step);
}

}  // namespace

Tried<Access> read_access(const Work& work) {
  KELPIE_TRY(const SnapdSystem system, read_system(work));
  return system.is_on_classic ? Access::Everything : Access::SnapdOnly;
}

Tried<void> require_access(const Step& step, const Work& work) {
  if (is_enough_with_snapd(step)) return {};
  KELPIE_TRY(const Access access, read_access(work));
  if (access == Access::Everything) return {};
  return trouble(Reason::CommandUnreachable, fmt::format("{}: {}; install, start and stop are what it can do there",
                                                         kind_of(step), row_of(Reason::CommandUnreachable).sentence));
}

}  // namespace kelpie::agent
