#include "proto/base/digest.h"

#include <bit>

#include <fmt/core.h>
#include <sodium.h>

namespace kelpie {
namespace {

template <typename Out>
Out blake2b(ByteView bytes) {
  Out out;
  const int rc = crypto_generichash(out.writable().data(), Out::kSize, bytes.data(), bytes.size(), nullptr, 0);
  KELPIE_ASSERT(rc == 0);
  return out;
}

}  // namespace

std::string sha256_hex(ByteView bytes) {
  std::array<std::uint8_t, crypto_hash_sha256_BYTES> out{};
  crypto_hash_sha256(out.data(), bytes.data(), bytes.size());
  return to_hex(out);
}

Digest blake2b_256(ByteView bytes) {
  return blake2b<Digest>(bytes);
}
ShortDigest blake2b_128(ByteView bytes) {
  return blake2b<ShortDigest>(bytes);
}

Digest merkle_leaf(ByteView bytes) {
  std::string message(1, '\0');
  message.append(as_text(bytes));
  return blake2b_256(message);
}

Digest merkle_node(const Digest& left, const Digest& right) {
  std::string message(1, '\1');
  message.append(as_text(left.view()));
  message.append(as_text(right.view()));
  return blake2b_256(message);
}

MerkleTree::MerkleTree(std::vector<Digest> leaves) {
  leaves.resize(std::bit_ceil(std::max<std::size_t>(leaves.size(), 1)));
  levels_.push_back(std::move(leaves));
  while (levels_.back().size() > 1) {
    const std::vector<Digest>& below = levels_.back();
    std::vector<Digest> level;
    level.reserve(below.size() / 2);
    for (std::size_t i = 0; i < below.size(); i += 2) level.push_back(merkle_node(below[i], below[i + 1]));
    levels_.push_back(std::move(level));
  }
}

Digest MerkleTree::root() const {
  return levels_.back().front();
}

MerkleProof MerkleTree::proof(std::uint32_t index) const {
  KELPIE_ASSERT(index < levels_.front().size());
  MerkleProof out{.index = index, .siblings = {}};
  std::size_t at = index;
  for (std::size_t level = 0; level + 1 < levels_.size(); ++level, at /= 2) {
    out.siblings.push_back(levels_[level][at ^ 1U]);
  }
  return out;
}

Digest merkle_root_of(const Digest& leaf, const MerkleProof& proof) {
  Digest node = leaf;
  for (std::size_t i = 0; i < proof.siblings.size(); ++i) {
    const bool is_right = ((proof.index >> i) & 1U) != 0;
    node = is_right ? merkle_node(proof.siblings[i], node) : merkle_node(node, proof.siblings[i]);
  }
  return node;
}

void MerkleLog::append(const Digest& leaf) {
  Digest node = leaf;
  for (std::uint64_t size = size_; (size & 1U) != 0; size >>= 1U) {
    node = merkle_node(peaks_.back(), node);
    peaks_.pop_back();
  }
  peaks_.push_back(node);
  ++size_;
}

Digest MerkleLog::root() const {
  if (peaks_.empty()) return {};
  Digest node = peaks_.back();
  for (std::size_t i = peaks_.size() - 1; i > 0; --i) node = merkle_node(peaks_[i - 1], node);
  return node;
}

Result<MerkleLog> MerkleLog::restore(std::uint64_t size, std::vector<Digest> peaks) {
  if (static_cast<std::size_t>(std::popcount(size)) != peaks.size()) {
    return fail(Code::DataLoss, fmt::format("audit log of {} leaves cannot have {} peaks", size, peaks.size()));
  }
  MerkleLog log;
  log.size_ = size;
  log.peaks_ = std::move(peaks);
  return log;
}

}  // namespace kelpie
