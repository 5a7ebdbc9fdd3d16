// The device's report: the full state of the attempt, so that the newest alone tells the truth.
#pragma once

#include <string>

#include "device-agent/core/memory.h"
#include "proto/wire/keys.h"

namespace kelpie::agent {

struct Speaker {
  const wire::SigningKey& key;
  InstallationId installation;
  WallTime now;
  Nonce heartbeat_nonce;
};

/// The report with memory's next sequence number, sealed; at most kBusPayloadBytesMax with its frame.
[[nodiscard]] std::string seal_report(const Memory& memory, const Speaker& speaker);

}  // namespace kelpie::agent
