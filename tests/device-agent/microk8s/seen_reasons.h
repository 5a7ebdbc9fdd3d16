// Which reasons tests bring about: the table of steps names for each a test that does.
#pragma once

#include "device-agent/core/call.h"

namespace kelpie::test {

/// With KELPIE_SEEN_REASONS set: a line "kind reason Suite.Test" at the end of the file of that name.
void note_reason(const agent::Call& call, const agent::CallResult& result);

}  // namespace kelpie::test
