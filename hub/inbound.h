// Untrusted bytes from devices → events. Everything a device sends is judged here and nowhere else.
#pragma once

#include "hub/core/event.h"
#include "proto/wire/trust.h"

namespace kelpie::hub {

/// A report signed by the key whose hash is a registered device's id.
/// Errors: reason E_FRAME, E_TYPE, E_SIZE, E_SIG, E_ROLE (no such device), E_SCHEMA, E_AUDIENCE.
[[nodiscard]] Result<ReportReceived> parse_report(ByteView frame, const HubState& state, const wire::Trust& trust);

}  // namespace kelpie::hub
