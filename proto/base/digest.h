// BLAKE2b as the protocol uses it, and the Merkle tree over it (plans, delivery batches, audit log).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "proto/base/bytes.h"

namespace kelpie {

using Digest = FixedBytes<struct DigestTag, 32>;            // BLAKE2b-256
using ShortDigest = FixedBytes<struct ShortDigestTag, 16>;  // BLAKE2b-128

[[nodiscard]] Digest blake2b_256(ByteView bytes);
[[nodiscard]] ShortDigest blake2b_128(ByteView bytes);
/// For people, who have sha256sum.
[[nodiscard]] std::string sha256_hex(ByteView bytes);
[[nodiscard]] inline Digest blake2b_256(std::string_view bytes) {
  return blake2b_256(as_bytes(bytes));
}
[[nodiscard]] inline ShortDigest blake2b_128(std::string_view bytes) {
  return blake2b_128(as_bytes(bytes));
}

/// leaf = H(0x00 ‖ bytes), node = H(0x01 ‖ left ‖ right). Source: protocol section 2.
[[nodiscard]] Digest merkle_leaf(ByteView bytes);
[[nodiscard]] Digest merkle_node(const Digest& left, const Digest& right);

struct MerkleProof {
  std::uint32_t index = 0;       // bit i says on which side the i-th sibling stands
  std::vector<Digest> siblings;  // from the leaf upwards; at most kMerkleDepthMax

  friend bool operator==(const MerkleProof&, const MerkleProof&) = default;
};
inline constexpr std::size_t kMerkleDepthMax = 17;  // frame format: nproof 0..17, 131,072 leaves

/// A tree over all leaves at once, padded with 32 zero bytes to a power of two.
class MerkleTree {
 public:
  explicit MerkleTree(std::vector<Digest> leaves);
  [[nodiscard]] Digest root() const;
  [[nodiscard]] MerkleProof proof(std::uint32_t index) const;

 private:
  std::vector<std::vector<Digest>> levels_;  // levels_[0] = padded leaves
};

[[nodiscard]] Digest merkle_root_of(const Digest& leaf, const MerkleProof& proof);

/// An append-only log's root (RFC 6962 shape) kept as its right-hand peaks: O(log n) memory, no rescans.
class MerkleLog {
 public:
  void append(const Digest& leaf);
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] Digest root() const;  // all zero when empty
  [[nodiscard]] const std::vector<Digest>& peaks() const { return peaks_; }
  /// Errors: DataLoss when the number of peaks does not fit the size.
  [[nodiscard]] static Result<MerkleLog> restore(std::uint64_t size, std::vector<Digest> peaks);

 private:
  std::uint64_t size_ = 0;
  std::vector<Digest> peaks_;  // one per set bit of size_, largest subtree first
};

}  // namespace kelpie
