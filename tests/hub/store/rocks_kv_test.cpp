#include "hub/store/rocks_kv.h"

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace kelpie::hub {
namespace {

TEST(RocksKv, KeepsWhatWasCommittedAndPagesThroughAPrefix) {
  const test::TempDir dir;
  {
    const auto store = RocksKv::open(dir / "store");
    ASSERT_TRUE(store) << store.error().message;
    ASSERT_TRUE((*store)->commit({.puts = {{"a/1", "one"}, {"a/2", "two"}, {"b/1", "else"}}, .deletes = {}}));
    ASSERT_TRUE((*store)->commit({.puts = {{"a/3", "three"}}, .deletes = {"a/1"}, .must_sync = true}));
  }
  const auto store = RocksKv::open(dir / "store");
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_EQ(**(*store)->get("a/2"), "two");
  EXPECT_FALSE((*store)->get("a/1")->has_value());
  std::string seen;
  ASSERT_TRUE((*store)->scan("a/", "a/2", [&](std::string_view key, std::string_view value) {
    seen.append(key).append("=").append(value).append(" ");
    return true;
  }));
  EXPECT_EQ(seen, "a/3=three ");
}

TEST(RocksKv, SaysHowMuchDiskItTakes) {
  const test::TempDir dir;
  const auto store = RocksKv::open(dir / "store");
  ASSERT_TRUE(store) << store.error().message;
  const std::uint64_t before = (*store)->bytes_on_disk();
  ASSERT_TRUE((*store)->commit({.puts = {{"a/1", std::string(100'000, 'x')}}, .deletes = {}, .must_sync = true}));
  EXPECT_GE((*store)->bytes_on_disk(), before + 100'000);
}

TEST(RocksKv, AFolderInUseIsRefused) {
  const test::TempDir dir;
  const auto first = RocksKv::open(dir / "store");
  ASSERT_TRUE(first);
  EXPECT_EQ(RocksKv::open(dir / "store").error().code, Code::Unavailable);
}

}  // namespace
}  // namespace kelpie::hub
