// The trust document as a value: which key may do what. Parsed once from verified bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proto/base/ids.h"
#include "proto/wire/frame.h"
#include "proto/wire/keys.h"

namespace kelpie::wire {

struct TrustOperator {
  PublicKey key;
  std::string person;
};
struct TrustHub {
  PublicKey key;
  std::uint32_t epoch = 0;
};

struct Trust {
  InstallationId installation;
  std::uint32_t version = 0;
  std::string name;
  std::vector<TrustOperator> roots;
  std::uint32_t root_threshold = 1;
  std::vector<TrustOperator> operators;
  std::vector<TrustHub> hubs;
  std::uint32_t change_threshold = 1;
  std::uint32_t dangerous_threshold = 2;
  std::string frame;  // exactly as signed

  [[nodiscard]] std::optional<PublicKey> operator_key(const KeyId& kid) const;
  [[nodiscard]] std::optional<PublicKey> hub_key(const KeyId& kid) const;
  [[nodiscard]] const TrustHub* hub(const PublicKey& key) const;
  /// Person behind an operator's key; empty when it is none.
  [[nodiscard]] std::string person(const PublicKey& key) const;
};

/// Reads trust document 1: its own payload names the installation and its roots, so it is proved only by being the
/// file a person put there. Errors: E_FRAME, E_SIG, E_THRESHOLD, E_SCHEMA, E_TRUST_CHAIN (version is not 1).
[[nodiscard]] Result<Trust> open_first_trust(ByteView frame);

}  // namespace kelpie::wire
