// The hub's one decision function. Pure: no I/O, no clock, no thread; changes only the state it is given.
#pragma once

#include "hub/core/effects.h"
#include "hub/core/event.h"

namespace kelpie::hub {

/// now never goes back (the shell takes the larger of wall and steady progress).
void decide(HubState& state, const Event& event, WallTime now, Effects& effects);

/// Rebuilds what is derived (indexes, totals, due times, audience trees) after the records were loaded, and checks
/// that stored wave counters equal the fold of their targets (R19). Times that only a wrong clock can have stored are
/// brought back to now; effects say which records that changed. Errors: DataLoss that names the rollout.
[[nodiscard]] Result<void> rebuild(HubState& state, WallTime now, Effects& effects);

/// The earliest due time; the shell waits no longer than that.
[[nodiscard]] std::optional<WallTime> next_due(const HubState& state);

}  // namespace kelpie::hub
