// Bytes to events: every untrusted byte is judged here, in the protocol's order. Source: protocol sections 1 and 2.
#pragma once

#include <string_view>

#include "device-agent/core/event.h"
#include "proto/base/clock.h"
#include "proto/wire/trust.h"

namespace kelpie::agent {

struct Receiver {
  DeviceId device;
  const wire::Trust& trust;
  std::uint32_t hub_epoch = 0;  // highest seen
  WallTime now;
};

/// Errors: the refusal's code as reason; such a frame is counted and has no other effect.
[[nodiscard]] Result<Heard> parse(ByteView bytes, const Receiver& receiver);

/// A release frame signed by an operator, as values. Errors: E_FRAME, E_SIZE, E_TYPE, E_SIG, E_SCHEMA, E_AGENT_TOO_OLD.
[[nodiscard]] Result<Release> parse_release(ByteView frame, const wire::Trust& trust);

}  // namespace kelpie::agent
