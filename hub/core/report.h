// A device's reports: which are newer, what they prove, and how they are acknowledged. Source: protocol section 3.
#pragma once

#include "hub/core/turn.h"

namespace kelpie::hub {

void take_device_report(Turn& turn, const ReportReceived& report);

/// Nothing authentic for three heartbeats, perhaps.
void wake_device(Turn& turn, Device& device);

/// When the broker is reached, first of all after a start: every device that holds a lease is asked (R19).
void ask_leased(Turn& turn);

}  // namespace kelpie::hub
