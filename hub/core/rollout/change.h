// What operators and deadlines do to a rollout.
#pragma once

#include <string>

#include "hub/core/rollout/rollout.h"
#include "hub/core/turn.h"

namespace kelpie::hub {

/// Errors: NotFound, FailedPrecondition; nothing was changed then.
[[nodiscard]] Result<void> change_rollout(Turn& turn, const ChangeRollout& change, bool is_dry_run);

/// Makes a rollout of a stored plan that operators signed; the answer is the rollout's object name.
/// Errors: NotFound, Conflict (PLAN_STALE, PLAN_STARTED), InvalidArgument (the signature covers another meaning).
[[nodiscard]] Result<std::string> start_rollout(Turn& turn, const StartRollout& start, bool is_dry_run);

/// A deadline of the rollout or of its open wave may have come.
void wake_rollout(Turn& turn, Rollout& rollout);

}  // namespace kelpie::hub
