// The agent's rules: pure. decide takes what happened, next_call and next_report say what is to be done about it; the
// loop commits in between.
#pragma once

#include <optional>

#include "device-agent/core/event.h"
#include "device-agent/core/memory.h"

namespace kelpie::agent {

/// Changes memory and nothing else.
void decide(Memory& memory, const Event& event);
/// The same for what a verified frame said: no hub of a lower epoch is heard after it.
void hear(Memory& memory, const Heard& heard);
/// What time alone brings about: an attempt that takes too long.
void tick(Memory& memory);

/// What the worker should do now; marks it as running. Nothing while it is busy or nothing is due.
/// Only to be carried out when the ledger it was derived from is on the card.
[[nodiscard]] std::optional<Call> next_call(Memory& memory);

/// The call in hand prepares an attempt that was cancelled or displaced.
[[nodiscard]] bool is_call_pointless(const Memory& memory);

/// True when a report is to be sent now.
[[nodiscard]] bool is_report_due(const Memory& memory);
/// Counts the report that is being sent and sets when the next one is due.
void note_report(Memory& memory);

/// When tick, next_call or is_report_due may change their mind without an event.
[[nodiscard]] SteadyTime next_due(const Memory& memory);

/// attempt id ‖ state u32 LE ‖ trust version u32 LE: what the hub's beacon says this device should hold.
[[nodiscard]] Digest holds_digest(const Attempt* attempt, std::uint32_t trust_version);

}  // namespace kelpie::agent
