// What the files of the agent's rules share.
#pragma once

#include <string>
#include <string_view>

#include "device-agent/core/event.h"
#include "device-agent/core/memory.h"

namespace kelpie::agent {

inline constexpr Duration kReportGap = std::chrono::seconds(2);       // between two lines of progress
inline constexpr Duration kFinalRepeatMax = std::chrono::minutes(1);  // of an end that nobody acknowledged

void count_refusal(Memory& memory, std::string_view code);
/// A report goes out in this turn.
void tell_now(Memory& memory);
/// A report goes out within kReportGap of the last.
void tell_soon(Memory& memory);

[[nodiscard]] bool is_reading_only(const Memory& memory);
/// The attempt may go on or back now: the card takes writes, and after a restart the hub has spoken.
[[nodiscard]] bool may_walk(const Memory& memory);
/// The end of the attempt that is held has not reached the hub yet.
[[nodiscard]] bool has_untold_end(const Memory& memory);
/// GO was given and the end is not reached.
[[nodiscard]] bool is_under_way(AttemptState state);

/// No PREPARE of this attempt is obeyed any more.
void close_mark(Memory& memory, const Attempt& attempt);
void begin_preparing(Memory& memory);
/// The attempt's end, whatever it is.
void finish(Memory& memory, AttemptState state, FailedOutcome outcome);
/// The next step to take back, at or below the one in hand; the end when there is none.
void find_undo(Memory& memory);
/// Goes back from the step in hand; with nothing to undo the attempt ends at once.
void fail_and_undo(Memory& memory, Failure failure);
void take_result(Memory& memory, const CallResult& result, Duration took);

void take_order(Memory& memory, const PrepareOrder& order);
void take_order(Memory& memory, const PrepareRefused& order);
void take_order(Memory& memory, const GoOrder& order);
void take_order(Memory& memory, const CancelOrder& order);
void take_beacon(Memory& memory, const BeaconSeen& beacon);
/// What the agent remembers, for people who look for what went wrong: no frames, restore points, nonces or keys.
[[nodiscard]] std::string describe(const Memory& memory);
void take_facts(Memory& memory, Facts facts);
/// The next look is a checkup, unless the last was just now.
void check_up_soon(Memory& memory);
/// What the worker found, or that it could not: an end that waited for it is reached either way.
void take_look(Memory& memory, const CallResult& result);

}  // namespace kelpie::agent
