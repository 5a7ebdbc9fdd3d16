// Names of things on the wire and in stores. Each is a type of its own.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "proto/base/bytes.h"
#include "proto/base/clock.h"
#include "proto/base/digest.h"
#include "proto/base/entropy.h"

namespace kelpie {

using DeviceId = FixedBytes<struct DeviceIdTag, 16>;              // BLAKE2b-128 of the first identity key
using InstallationId = FixedBytes<struct InstallationIdTag, 16>;  // BLAKE2b-128 of trust document 1
using KeyId = FixedBytes<struct KeyIdTag, 16>;                    // BLAKE2b-128 of a public key
using InstallId = FixedBytes<struct InstallIdTag, 16>;  // one life of a device's state; fresh after re-imaging
using BootId = FixedBytes<struct BootIdTag, 16>;        // one run of the agent
using Nonce = FixedBytes<struct NonceTag, 16>;          // single use

/// Hex in groups of four: how people compare keys. "9c41 77d0 … e2b8"
[[nodiscard]] std::string fingerprint(ByteView id);
/// Errors: InvalidArgument unless the text is 32 lower- or upper-case hex digits, blanks, dashes and colons ignored.
[[nodiscard]] Result<DeviceId> parse_fingerprint(std::string_view text);

/// A sortable 26-character id (ULID): rollouts, plans, commands, events, requests.
class Ulid {
 public:
  Ulid() = default;
  /// Errors: InvalidArgument unless 26 characters of Crockford's base 32, upper case.
  [[nodiscard]] static Result<Ulid> parse(std::string_view text);
  [[nodiscard]] static Ulid make(WallTime now, Entropy& entropy);
  /// What it was made with; the epoch when it is empty.
  [[nodiscard]] WallTime time() const;
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] bool is_empty() const { return text_.empty(); }
  friend auto operator<=>(const Ulid&, const Ulid&) = default;
  friend bool operator==(const Ulid&, const Ulid&) = default;

 private:
  std::string text_;
};

using RolloutId = Ulid;
using PlanId = Ulid;

/// The n-th run of one target: "rollout/device/n".
struct AttemptId {
  RolloutId rollout;
  DeviceId device;
  std::uint32_t n = 0;

  friend auto operator<=>(const AttemptId&, const AttemptId&) = default;
  friend bool operator==(const AttemptId&, const AttemptId&) = default;
};
[[nodiscard]] std::string to_string(const AttemptId& id);
[[nodiscard]] Result<AttemptId> parse_attempt_id(std::string_view text);

/// attempt_hash = BLAKE2b-256(plan hash ‖ leaf ‖ attempt id). Source: protocol section 3.
[[nodiscard]] Digest attempt_hash(const Digest& plan_hash, ByteView leaf, const AttemptId& id);

/// One line of a plan's audience. Source: protocol section 2, row 3.
struct PlanLeaf {
  DeviceId device;
  std::string scope;  // "device" or "adhoc"
  std::uint64_t generation = 0;
  Digest release;

  friend bool operator==(const PlanLeaf&, const PlanLeaf&) = default;
};
/// device_id ‖ scope ‖ generation u64 LE ‖ release_digest: the bytes hashed into the audience root.
[[nodiscard]] std::string leaf_bytes(const PlanLeaf& leaf);

/// Lower-case letters, digits and dashes, 1 to 63, starting and ending with a letter or digit (RFC 1123 label).
[[nodiscard]] bool is_name(std::string_view text);

}  // namespace kelpie
