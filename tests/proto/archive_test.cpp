// Archives as tar writes and reads them; and bytes that pretend to be one.
#include <gtest/gtest.h>

#include "proto/wire/archive.h"
#include "tests/support/child.h"
#include "tests/support/temp_dir.h"

namespace kelpie::wire {
namespace {

using test::Finished;
using test::run;
using test::TempDir;

constexpr std::size_t kRoom = 1U << 20U;

std::string packed(const std::vector<ArchivedFile>& files) {
  ArchiveWriter writer(kRoom, WallTime{1'795'338'843'000});
  for (const ArchivedFile& file : files) EXPECT_TRUE(writer.add(file)) << file.name;
  return writer.finish();
}

Finished tar(std::vector<std::string> words) {
  words.insert(words.begin(), "/bin/tar");
  return run({.argv = std::move(words), .env = {"PATH=/bin:/usr/bin", "TZ=UTC"}, .out_file = {}, .err_file = {}});
}

TEST(Archive, IsWhatTarUnderstands) {
  const TempDir dir;
  test::write_file(dir / "a.tar.gz",
                   packed({{"summary.txt", "all well\n"}, {"logs/kubelite.txt", std::string(1'500, 'x')}}));

  const Finished list = tar({"tvzf", dir / "a.tar.gz"});
  EXPECT_EQ(list.code, 0) << list.err;
  EXPECT_NE(list.out.find("-rw------- 0/0               9 2026-11-22"), std::string::npos) << list.out;
  EXPECT_NE(list.out.find("logs/kubelite.txt"), std::string::npos) << list.out;
  const Finished text = tar({"xOzf", dir / "a.tar.gz", "summary.txt"});
  EXPECT_EQ(text.out, "all well\n");
}

TEST(Archive, ReadsBackWhatWasPacked) {
  const std::vector<ArchivedFile> files = {
      {"empty.txt", ""}, {"block.txt", std::string(512, 'b')}, {"a/b/c-d_e.txt", "ä\n"}};
  const Result<std::vector<ArchivedFile>> read = read_archive(packed(files));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, files);
}

TEST(Archive, LeavesOutWhatMightNotFit) {
  ArchiveWriter writer(4'096, {});
  EXPECT_TRUE(writer.add({"small.txt", "x"}));
  EXPECT_FALSE(writer.add({"large.txt", std::string(4'096, 'x')}));
  const std::string bytes = writer.finish();
  EXPECT_LE(bytes.size(), 4'096U);
  EXPECT_EQ(read_archive(bytes)->size(), 1U);
}

TEST(Archive, NamesPointNowhereElse) {
  for (const char* const name : {"a", "a.txt", "a/b.txt", "A-1_2/x.y.z"}) EXPECT_TRUE(is_archive_name(name)) << name;
  for (const char* const name :
       {"", "/a", "../a", "a/../b", "a//b", "a/", ".a", "a/.b", "-a", "a b", "a\\b", "a\n", "ä"}) {
    EXPECT_FALSE(is_archive_name(name)) << name;
  }
  EXPECT_FALSE(is_archive_name(std::string(100, 'a')));
}

TEST(Archive, OfOthersIsRefusedUnlessItIsPlain) {
  const std::string good = packed({{"a.txt", "x"}});
  // Without gzip's own checksum at the end it is whole all the same; digests are compared by whoever needs to know.
  constexpr std::size_t kTrailer = 13;
  for (std::size_t size = 0; size + kTrailer < good.size(); ++size)
    EXPECT_FALSE(read_archive(good.substr(0, size))) << size;
  EXPECT_FALSE(read_archive("no gzip at all"));

  const TempDir dir;
  test::write_file(dir / "file", "x");
  ASSERT_EQ(
      run({.argv = {"/bin/ln", "-s", "/etc/passwd", dir / "link"}, .env = {}, .out_file = {}, .err_file = {}}).code, 0);
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"czPf", dir / "bad.tar.gz", dir / "file"},                  // an absolute name
           {"czf", dir / "bad.tar.gz", "-C", dir.path(), "link"},       // a link
           {"czf", dir / "bad.tar.gz", "-C", dir.path(), "./file"}}) {  // a name that begins with a dot
    ASSERT_EQ(tar(words).code, 0);
    EXPECT_FALSE(read_archive(test::read_file(dir / "bad.tar.gz"))) << words.back();
  }
}

TEST(Archive, ThatUnpacksToTooMuchIsRefused) {
  std::string bytes = packed({{"zeros.txt", std::string(1U << 19U, '\0')}});
  EXPECT_TRUE(read_archive(bytes));
  std::string bomb;
  while (bomb.size() < (kArchiveUnpackedBytesMax >> 9U)) bomb += bytes;  // gzip members follow each other
  EXPECT_FALSE(read_archive(bomb));
}

}  // namespace
}  // namespace kelpie::wire
