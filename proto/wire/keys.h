// Ed25519 keys: they zero themselves, cannot be printed, and sign exact bytes.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "proto/base/bytes.h"
#include "proto/base/entropy.h"
#include "proto/base/ids.h"

namespace kelpie::wire {

using PublicKey = FixedBytes<struct PublicKeyTag, 32>;
using Signature = FixedBytes<struct SignatureTag, 64>;

[[nodiscard]] KeyId key_id(const PublicKey& key);           // BLAKE2b-128
[[nodiscard]] DeviceId device_id_of(const PublicKey& key);  // the same hash, as a device's name

class SigningKey {
 public:
  [[nodiscard]] static SigningKey generate(Entropy& entropy);
  /// Reads a key file: 32-byte seed, plain or wrapped with a passphrase (Argon2id, XChaCha20-Poly1305).
  /// Errors: PermissionDenied when others may read the file; InvalidArgument when it is no key file; FailedPrecondition
  ///         when it is wrapped and the passphrase is empty or wrong.
  [[nodiscard]] static Result<SigningKey> load(const std::string& path, std::string_view passphrase = {});
  /// Writes with mode 0600, never over an existing file. Errors: AlreadyExists, Unavailable.
  [[nodiscard]] Result<void> save(const std::string& path, Entropy& entropy, std::string_view passphrase = {}) const;

  SigningKey(SigningKey&&) noexcept;
  SigningKey& operator=(SigningKey&&) noexcept;
  ~SigningKey();

  [[nodiscard]] const PublicKey& public_key() const { return public_key_; }
  [[nodiscard]] Signature sign(ByteView message) const;

 private:
  struct Secret;
  SigningKey(std::unique_ptr<Secret> secret, const PublicKey& public_key);
  std::unique_ptr<Secret> secret_;
  PublicKey public_key_;
};

[[nodiscard]] bool verify(const PublicKey& key, ByteView message, const Signature& signature);

}  // namespace kelpie::wire
