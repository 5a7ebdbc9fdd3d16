// A device's attempt between the wire's message and the core's value; reports and stored targets share the message.
#pragma once

#include "hub/core/device.h"

namespace kelpie::v1 {
class Attempt;
}

namespace kelpie::hub::records {

/// Errors: E_SCHEMA for an id, a hash or a state that is none.
[[nodiscard]] Result<ReportedAttempt> read_attempt(const v1::Attempt& in);
void write_attempt(const ReportedAttempt& attempt, v1::Attempt& out);

}  // namespace kelpie::hub::records
