// A wave's counters and what they mean: rule R4.
#pragma once

#include "hub/core/rollout/rollout.h"
#include "hub/core/turn.h"

namespace kelpie::hub {

enum class WaveVerdict { Undecided, Passed, FailureLimit, ThresholdTightened, NoEvidence };

[[nodiscard]] WaveVerdict judge(const Wave& wave);
/// May one more target be deferred?
[[nodiscard]] bool may_defer(const Wave& wave);

/// Moves one target between R4's letters; both calls around every change of a target's state, catch-up or reason.
void uncount(Rollout& rollout, const Target& target);
void count(Rollout& rollout, const Target& target);
/// After a start: what is kept beside the stored counters.
void recount_moves(Rollout& rollout);
/// GO given, or could still get one: nobody when an abort has settled.
[[nodiscard]] WaveMoves moves_of(const Rollout& rollout);
/// The fold over all targets: what the counters must equal at every commit (invariant 11).
[[nodiscard]] WaveCounters fold(const Rollout& rollout, std::uint32_t wave);

/// Opens the first wave or the one after a passed one; ends the rollout when there is none. Only while running.
void open_next_wave(Turn& turn, Rollout& rollout);
/// Looks at the open wave after its targets changed: passes, fails, advances.
void evaluate(Turn& turn, Rollout& rollout);

}  // namespace kelpie::hub
