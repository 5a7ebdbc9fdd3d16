// Trees and the audit log's running root, against the plain recursion of RFC 6962 section 2.1.
#include <bit>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "proto/base/digest.h"

namespace kelpie {
namespace {

std::vector<Digest> leaves_of(std::size_t count) {
  std::vector<Digest> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(merkle_leaf(as_bytes(fmt::format("leaf {}", i))));
  return out;
}

/// MTH(D[n]): split at the largest power of two smaller than n.
Digest rfc6962_root(std::span<const Digest> leaves) {
  if (leaves.size() == 1) return leaves.front();
  const std::size_t split = std::bit_ceil(leaves.size()) / 2;
  return merkle_node(rfc6962_root(leaves.first(split)), rfc6962_root(leaves.subspan(split)));
}

TEST(MerkleLog, HasTheRootOfRfc6962AtEverySize) {
  const std::vector<Digest> leaves = leaves_of(130);
  MerkleLog log;
  EXPECT_TRUE(log.root().is_zero());
  for (std::size_t size = 1; size <= leaves.size(); ++size) {
    log.append(leaves[size - 1]);
    EXPECT_EQ(log.root(), rfc6962_root(std::span(leaves).first(size))) << size;
    EXPECT_EQ(log.size(), size);
  }
}

TEST(MerkleLog, GoesOnFromItsPeaks) {
  const std::vector<Digest> leaves = leaves_of(13);
  MerkleLog log;
  for (std::size_t i = 0; i < 11; ++i) log.append(leaves[i]);

  Result<MerkleLog> restored = MerkleLog::restore(log.size(), log.peaks());
  ASSERT_TRUE(restored);
  for (std::size_t i = 11; i < 13; ++i) restored->append(leaves[i]);

  EXPECT_EQ(restored->root(), rfc6962_root(leaves));
}

TEST(MerkleLog, RefusesPeaksThatDoNotFitTheSize) {
  EXPECT_FALSE(MerkleLog::restore(3, leaves_of(1)));
  EXPECT_FALSE(MerkleLog::restore(0, leaves_of(1)));
  EXPECT_TRUE(MerkleLog::restore(0, {}));
}

TEST(MerkleTree, ProvesEachLeafAtEverySizeAndNoOther) {
  for (const std::size_t size : {1U, 2U, 3U, 4U, 5U, 7U, 8U, 9U, 33U}) {
    const std::vector<Digest> leaves = leaves_of(size);
    const MerkleTree tree(leaves);
    for (std::uint32_t i = 0; i < size; ++i) {
      const MerkleProof proof = tree.proof(i);
      EXPECT_EQ(proof.siblings.size(), std::bit_width(std::bit_ceil(size)) - 1U);
      EXPECT_EQ(merkle_root_of(leaves[i], proof), tree.root()) << size << " " << i;
      EXPECT_NE(merkle_root_of(merkle_leaf(as_bytes("stranger")), proof), tree.root());
    }
  }
}

TEST(MerkleTree, PadsWithZeroLeaves) {
  std::vector<Digest> leaves = leaves_of(3);
  const MerkleTree tree(leaves);
  leaves.emplace_back();

  EXPECT_EQ(tree.root(), rfc6962_root(leaves));
}

TEST(MerkleTree, SeparatesLeavesFromNodes) {
  const std::vector<Digest> leaves = leaves_of(2);
  const std::string children = leaves[0].bytes() + leaves[1].bytes();

  EXPECT_NE(merkle_leaf(as_bytes(children)), merkle_node(leaves[0], leaves[1]));
}

}  // namespace
}  // namespace kelpie
