// One device in one rollout: the state table of rollouts section 3, level-triggered.
#pragma once

#include "hub/core/rollout/rollout.h"
#include "hub/core/turn.h"

namespace kelpie::hub {

/// Does whatever is owed to this target now: sends, grants, waits, gives up. Safe to call at any time, any number of
/// times.
void move_on(Turn& turn, Rollout& rollout, Target& target);

/// Takes what the device's newest report says about this target's newest attempt.
void take_report(Turn& turn, Rollout& rollout, Target& target, const ReportedAttempt& reported);

/// The newest report of the device does not know this target's attempt. `is_new_install`: another life of the device.
void take_silence(Turn& turn, Rollout& rollout, Target& target, bool is_new_install);

/// Its wake-up time has come.
void wake(Turn& turn, Rollout& rollout, Target& target);

/// Before GO only: out of the rollout, with CANCEL to the device as long as it may hold the attempt.
void withdraw(Turn& turn, Rollout& rollout, Target& target, TargetState end);

/// Its device is being decommissioned: out of the rollout, with nothing left to wait for.
void forsake(Turn& turn, Rollout& rollout, Target& target);

/// The deadline of the rollout has come: what is not under way stays deferred, with CANCEL as in withdraw.
void leave_deferred(Turn& turn, Rollout& rollout, Target& target);

/// Another run of the device's agent was believed.
void take_restart(Turn& turn, Rollout& rollout, Target& target);

/// The hub was away, so nobody could report: that silence makes no device late.
void excuse_silence(Turn& turn, const Rollout& rollout, Target& target);

/// The hub starts: no time may lie farther off than the rules put it from now. The clock may have been wrong before,
/// and a timer would then wait for years.
void bound_times(Turn& turn, const Rollout& rollout, Target& target);

/// After an operator's retry: back to waiting, with a new attempt to come.
void again(Turn& turn, Rollout& rollout, Target& target);

/// Gives the device's baton back when this target needs it no more; the next queued rollout takes it.
void leave_device(Turn& turn, Rollout& rollout, Target& target);

/// A later rollout of the same scope has begun on the device, which refuses anything older; one that was re-imaged
/// would obey it, so it is the hub that remembers.
[[nodiscard]] bool is_superseded(const HubState& state, const Rollout& rollout, const Target& target);

[[nodiscard]] AttemptId attempt_of(const Target& target);
[[nodiscard]] Digest attempt_hash_of(const Rollout& rollout, const Target& target);

void pause_rollout(Turn& turn, Rollout& rollout, std::string reason, std::string detail);
void abort_rollout(Turn& turn, Rollout& rollout, std::string reason, std::string detail);
/// Aborting ends when nothing is in flight.
void settle_abort(Turn& turn, Rollout& rollout);

}  // namespace kelpie::hub
