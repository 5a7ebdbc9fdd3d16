// Decided messages → sealed frames on their topics. Runs after the commit and reads the state as it was committed.
#pragma once

#include <string>
#include <vector>

#include "hub/core/effects.h"
#include "proto/wire/keys.h"

namespace kelpie::hub {

/// Where devices bring archives, and what their words for it are made with.
struct ArchiveDoor {
  std::string origin;  // http://127.0.0.1:43817; empty: nowhere
  Digest secret;
};

/// The same after a restart, so that a GO of before it is still good. Nobody without the hub's key can make it: what is
/// signed for it is no frame, and no frame begins like it.
[[nodiscard]] Digest archive_secret(const wire::SigningKey& key);

struct Signer {
  const wire::SigningKey& key;
  InstallationId installation;
  std::uint32_t epoch = 0;
  ArchiveDoor door = {};
};

struct Outgoing {
  std::string topic;
  std::string frame;
};

/// One signature covers all messages of a kind. A message that a later decision of the same batch made pointless (a
/// newer beacon, an attempt that is over) is left out.
[[nodiscard]] std::vector<Outgoing> seal_messages(const HubState& state, const std::vector<Message>& messages,
                                                  const Signer& signer, WallTime now);
/// What everybody hears when the hub comes to the broker.
[[nodiscard]] Outgoing seal_notice(const HubState& state, const Signer& signer);

}  // namespace kelpie::hub
