// The signed frame: header, signatures, optional Merkle proof, payload. Bytes are verified before any parser runs and
// are never made again to verify them. Source: protocol section 2.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "proto/base/bytes.h"
#include "proto/base/digest.h"
#include "proto/base/ids.h"
#include "proto/wire/keys.h"
#include "proto/wire/refusal.h"

namespace kelpie::wire {

enum class FrameType : std::uint16_t {
  TrustDoc = 1,
  Release = 2,
  Plan = 3,
  Deliver = 4,
  Report = 5,
  Beacon = 6,
  DeviceCert = 7,
  EnrolRequest = 8,
  EnrolGrant = 9,
  Checkpoint = 10,
  Notice = 11,
  Approval = 12,
  Brake = 13,
};

inline constexpr std::size_t kSignaturesMax = 8;

/// Payload cap in bytes of a type.
[[nodiscard]] std::size_t payload_bytes_max(FrameType type);

struct FrameSignature {
  KeyId kid;  // a hint only
  Signature signature;
};

/// A frame that is well formed; nothing in it is proved yet.
struct Frame {
  FrameType type = FrameType::Report;
  std::vector<FrameSignature> signatures;
  std::optional<MerkleProof> proof;
  std::string payload;
};

/// Errors: reason E_FRAME, E_TYPE or E_SIZE. Looks at length, magic, type, cap and counts; nothing else.
[[nodiscard]] Result<Frame> parse_frame(ByteView bytes);
[[nodiscard]] std::string to_bytes(const Frame& frame);

/// The bytes an Ed25519 signature covers when there is no proof.
[[nodiscard]] std::string signed_message(FrameType type, const InstallationId& installation, ByteView payload);

/// One signature, no proof. The caller keeps the payload under payload_bytes_max: every reader refuses more.
[[nodiscard]] std::string seal(FrameType type, const InstallationId& installation, ByteView payload,
                               const SigningKey& key);
/// One signature for a batch (types Deliver, Beacon, Notice): each frame carries its path to the signed root.
/// More payloads than a tree has leaves (2^17) become several batches; one payload is sealed without proof.
[[nodiscard]] std::vector<std::string> seal_batch(FrameType type, const InstallationId& installation,
                                                  const std::vector<std::string>& payloads, const SigningKey& key);
/// Adds a signature to a frame without proof (second operator). Errors: E_FRAME; AlreadyExists when the key signed it.
[[nodiscard]] Result<std::string> add_signature(ByteView frame, const InstallationId& installation,
                                                const SigningKey& key);

/// Public keys whose signature on the frame holds, each once. lookup turns a kid into a key or nothing.
/// Errors: E_SIG when no signature holds, or any signature by a known key is wrong.
using KeyLookup = std::function<std::optional<PublicKey>(const KeyId&)>;
[[nodiscard]] Result<std::vector<PublicKey>> verified_signers(const Frame& frame, const InstallationId& installation,
                                                              const KeyLookup& lookup);

/// An Error with a refusal's code as its reason.
[[nodiscard]] Error refused(Refusal refusal, std::string message);

}  // namespace kelpie::wire
