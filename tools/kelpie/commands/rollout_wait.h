// Watching a rollout until it ends or is paused.
#pragma once

#include <string>

#include "tools/kelpie/command.h"

namespace kelpie::cli {

/// Shows it as it goes on. The view's exit code is the rollout's: 0, 1, 7, 8 or 9. With --through-pause a pause does
/// not end the wait. Errors: WAIT_ENDED after --timeout, or a day.
inline constexpr Duration kRolloutWaitMax{86'400'000};  // chosen: a day; its own deadline is the hub's business
[[nodiscard]] Result<View> watch_rollout(Invocation& invocation, const std::string& id,
                                         Duration timeout_otherwise = kRolloutWaitMax);

[[nodiscard]] Result<api::v1::Rollout> get_rollout(Session& session, const std::string& id);

}  // namespace kelpie::cli
