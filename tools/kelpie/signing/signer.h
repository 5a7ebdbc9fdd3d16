// An operator about to sign: the key, the trust document that says what it may do, and the signing itself.
#pragma once

#include <functional>
#include <string>

#include "proto/wire/frame.h"
#include "proto/wire/trust.h"
#include "tools/kelpie/signing/passphrase.h"

namespace kelpie::cli {

struct Signer {
  wire::SigningKey key;
  wire::Trust trust;
  std::string person;
};

/// Reads a trust document from a file. Errors: NotFound; InvalidArgument; those of open_first_trust.
[[nodiscard]] Result<wire::Trust> read_trust_file(const std::string& path);
/// trust.klp beside a key file.
[[nodiscard]] std::string trust_beside(const std::string& key_path);

/// ask: called only when the key is wrapped. Errors: those of SigningKey::load and of ask.
[[nodiscard]] Result<wire::SigningKey> load_key(const std::string& path,
                                                const std::function<Result<Passphrase>()>& ask);
/// Errors: PermissionDenied when the key is no operator's.
[[nodiscard]] Result<Signer> make_signer(wire::SigningKey key, wire::Trust trust);

[[nodiscard]] std::string signed_frame(wire::FrameType type, const std::string& payload, const Signer& signer);

/// A file as it is, up to the cap of a frame. Errors: NotFound; InvalidArgument.
[[nodiscard]] Result<std::string> read_frame_file(const std::string& path);
/// Errors: AlreadyExists (nothing is overwritten); Unavailable.
[[nodiscard]] Result<void> write_new_file(const std::string& path, std::string_view bytes);

[[nodiscard]] std::string fingerprint_of(const wire::PublicKey& key);

}  // namespace kelpie::cli
