// The device's beginnings: its identity is made once, its trust document pinned, its state begun anew when it is lost.
#pragma once

#include "device-agent/config.h"
#include "proto/base/entropy.h"
#include "proto/base/fd.h"
#include "proto/wire/keys.h"
#include "proto/wire/trust.h"

namespace kelpie::agent {

struct Identity {
  wire::SigningKey key;
  wire::Trust trust;
};

/// Errors: NotFound with the command that makes it; those of SigningKey::load and open_first_trust.
[[nodiscard]] Result<Identity> load_identity(const std::string& state);

/// Makes folder, Ed25519 key (mode 0600), trust.klp and agent.conf; the key comes last, so that what was cut off can be
/// repeated. Errors: AlreadyExists when there is a key, and nothing is changed; InvalidArgument; those of the trust
/// document.
[[nodiscard]] Result<Identity> make_identity(const InitConfig& config, Entropy& entropy);

/// Who this device is, and what to type on the hub.
[[nodiscard]] std::string introduction(const Identity& identity);

/// Another install of the same device: generations seen before are forgotten.
/// Errors: NotFound without identity; FailedPrecondition when the state can be read, or an agent is running.
[[nodiscard]] Result<void> renew_state(const std::string& state);

/// One agent per folder, as long as it lives.
class FolderLock {
 public:
  /// Errors: FailedPrecondition when another process holds it; NotFound.
  [[nodiscard]] static Result<FolderLock> take(const std::string& state);

 private:
  explicit FolderLock(Fd folder) : folder_(std::move(folder)) {}
  Fd folder_;
};

}  // namespace kelpie::agent
