#include "hub/store/head_anchor.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace kelpie::hub {
namespace {

using test::TempDir;

MerkleLog log_of(int entries, const std::string& word = "entry") {
  MerkleLog log;
  for (int i = 0; i < entries; ++i) log.append(merkle_leaf(as_bytes(word + std::to_string(i))));
  return log;
}

void note_up_to(const std::string& path, int entries) {
  const auto anchor = HeadAnchor::open(path);
  ASSERT_TRUE(anchor) << anchor.error().message;
  for (int i = 1; i <= entries; ++i) ASSERT_TRUE((*anchor)->note(log_of(i)));
}

Result<void> check(const std::string& path, const MerkleLog& log) {
  KELPIE_TRY(const auto anchor, HeadAnchor::open(path));
  return anchor->check(log);
}

void damage(const std::string& path, std::streamoff at) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(at);
  file.put('\xFF');
}

TEST(HeadAnchor, TakesTheLogItSawAndALongerOne) {
  const TempDir dir;
  EXPECT_TRUE(check(dir / "head", log_of(0)));
  note_up_to(dir / "head", 5);
  EXPECT_TRUE(check(dir / "head", log_of(5)));
  EXPECT_TRUE(check(dir / "head", log_of(6)));  // the process died between commit and note
  EXPECT_FALSE(check(dir / "head", log_of(5)));
}

TEST(HeadAnchor, AnOlderStoreIsRefusedAndSaysWhatToType) {
  const TempDir dir;
  note_up_to(dir / "head", 5);
  const Result<void> older = check(dir / "head", log_of(4));
  ASSERT_FALSE(older);
  EXPECT_EQ(older.error().reason, "STORE_OLDER");
  EXPECT_NE(older.error().message.find("holds 4 audit entries, the anchor has seen 5"), std::string::npos)
      << older.error().message;
  EXPECT_NE(older.error().hint.find("rm \"" + (dir / "head")), std::string::npos) << older.error().hint;
  EXPECT_FALSE(check(dir / "head", log_of(4))) << "refusing once must not make it true";
}

TEST(HeadAnchor, AnotherLogOfTheSameLengthIsRefused) {
  const TempDir dir;
  note_up_to(dir / "head", 5);
  EXPECT_EQ(check(dir / "head", log_of(5, "other")).error().reason, "STORE_FORKED");
}

TEST(HeadAnchor, ATornSlotLeavesTheOneBefore) {
  const TempDir dir;
  note_up_to(dir / "head", 5);
  damage(dir / "head", 10);  // the first slot: entries 1, 3, 5
  EXPECT_FALSE(check(dir / "head", log_of(3)));
  EXPECT_TRUE(check(dir / "head", log_of(4)));
}

TEST(HeadAnchor, WithBothSlotsDamagedNothingIsGuessed) {
  const TempDir dir;
  note_up_to(dir / "head", 5);
  const auto size = static_cast<std::streamoff>(std::filesystem::file_size(dir / "head"));
  damage(dir / "head", 10);
  damage(dir / "head", size - 1);
  EXPECT_EQ(check(dir / "head", log_of(5)).error().reason, "ANCHOR_DAMAGED");
}

TEST(HeadAnchor, OthersMayNotReadIt) {
  const TempDir dir;
  note_up_to(dir / "head", 1);
  EXPECT_EQ(std::filesystem::status(dir / "head").permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

}  // namespace
}  // namespace kelpie::hub
