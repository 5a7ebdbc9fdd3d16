// What can happen to an agent, judged and parsed: inbound makes the frames' events, the worker the calls'.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "device-agent/core/call.h"
#include "device-agent/core/ledger.h"

namespace kelpie::agent {

struct LinkEvent {
  bool is_connected = false;
};

// ---- signed by the hub, for this device ---------------------------------------------------------------------------

/// Plan and release were signed by enough operators and name this device.
struct PrepareOrder {
  AttemptId id;
  Digest hash;
  std::string scope;
  std::uint64_t generation = 0;
  Release release;
  std::string release_frame;
};
/// The hub's signature holds, but what operators should have signed does not.
struct PrepareRefused {
  AttemptId id;
  Digest hash;
  std::string code;  // E_…
  std::string detail;
};
struct GoOrder {
  AttemptId id;
  Digest hash;
  Nonce nonce;
  Limits limits;
  ArchiveDoor door = {};
};
struct CancelOrder {
  AttemptId id;
  Digest hash;
};
struct ReadOrder {
  Nonce hub_nonce;
};
struct BeaconSeen {
  InstallId install;
  BootId boot;
  std::uint64_t sequence = 0;
  Digest holds;
  Nonce hub_nonce;  // zero: none
  Duration heartbeat{};
};
/// The hub started: everybody speaks, spread over the window.
struct NoticeSeen {
  Duration reconnect_window{};
};

/// Counted, never answered.
struct FrameRefused {
  std::string code;  // E_…
};

// ---- from the worker ----------------------------------------------------------------------------------------------

struct CallProgressed {
  std::uint64_t id = 0;
  std::string progress;
};
/// What the step in hand must find again after a restart, as the id of a change of snapd: remembered before it is
/// waited for, in place of what was noted before.
struct CallNoted {
  std::uint64_t id = 0;
  std::string note;
};
struct CallFinished {
  std::uint64_t id = 0;
  CallResult result;
};

using Event = std::variant<LinkEvent, PrepareOrder, PrepareRefused, GoOrder, CancelOrder, ReadOrder, BeaconSeen,
                           NoticeSeen, FrameRefused, CallProgressed, CallNoted, CallFinished>;

/// What a hub of this epoch has said.
struct Heard {
  std::uint32_t hub_epoch = 0;
  Event event;
};

}  // namespace kelpie::agent
