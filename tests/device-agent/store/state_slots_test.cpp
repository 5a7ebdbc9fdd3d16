// Two slots in turn: whatever happens to one write, the newest whole state is found.
#include "device-agent/store/state_slots.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "proto/base/entropy.h"
#include "tests/support/child.h"
#include "tests/support/temp_dir.h"

namespace kelpie::agent {
namespace {

class Slots : public ::testing::Test {
 protected:
  std::unique_ptr<StateSlots> open() {
    Result<std::unique_ptr<StateSlots>> slots = StateSlots::open(dir_.path());
    EXPECT_TRUE(slots) << slots.error().message;
    return std::move(*slots);
  }
  Result<std::string> load() { return open()->load(); }
  void commit(const std::string& blob) {
    const auto slots = open();
    EXPECT_TRUE(slots->load());
    const Result<void> outcome = slots->commit(blob);
    EXPECT_TRUE(outcome) << outcome.error().message;
  }
  void spoil(const std::string& name, std::size_t at) {
    std::string bytes = test::read_file(dir_ / name);
    bytes.at(at) = static_cast<char>(bytes.at(at) ^ 1);
    test::write_file(dir_ / name, bytes);
  }
  /// What the slot was opened as can no longer be read, as when its blocks of the card have died.
  void make_unreadable(const std::string& name) {
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
      std::error_code gone;
      if (std::filesystem::read_symlink(entry.path(), gone) != dir_ / name) continue;
      const int blind = ::open((dir_ / name).c_str(), O_WRONLY | O_CLOEXEC);
      ASSERT_GE(dup2(blind, std::stoi(entry.path().filename())), 0);
      close(blind);
      return;
    }
    FAIL() << name << " is not open";
  }
  test::TempDir dir_;
};

TEST_F(Slots, AreEmptyAtFirstAndTakeTheirSpaceAtOnce) {
  EXPECT_EQ(*load(), "");
  for (const char* name : {"state.a", "state.b"}) {
    struct stat status {};
    ASSERT_EQ(stat((dir_ / name).c_str(), &status), 0);
    EXPECT_EQ(status.st_size, 256 << 10);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
  }
}

TEST_F(Slots, FindTheNewestAfterARestart) {
  for (const char* blob : {"one", "two and more", "3"}) {
    commit(blob);
    EXPECT_EQ(*load(), blob);
  }
}

TEST_F(Slots, FallBackToTheOneBeforeWhenAWriteWasCutAnywhere) {
  commit("old");  // slot a
  commit("new");  // slot b
  const std::string whole = test::read_file(dir_ / "state.b");
  for (std::size_t at = 0; at < 52 + 3; ++at) {
    spoil("state.b", at);
    EXPECT_EQ(*load(), "old") << "byte " << at;
    test::write_file(dir_ / "state.b", whole);
  }
  EXPECT_EQ(*load(), "new");
}

// What a power cut leaves of a write: its sectors in any order, or none of them.
TEST_F(Slots, AfterAWriteOfWhichAnySectorsArrivedTheOldOrTheNewStateIsThere) {
  constexpr std::size_t kSector = 512;
  const auto blob_of = [](char fill) { return std::string(20'000, fill); };
  commit(blob_of('a'));  // slot a
  commit(blob_of('b'));  // slot b
  const std::string before = test::read_file(dir_ / "state.a");
  commit(blob_of('c'));  // over slot a
  const std::string after = test::read_file(dir_ / "state.a");
  std::size_t old = 0;
  const auto expect_whole = [&](const std::string& torn, const std::string& what) {
    test::write_file(dir_ / "state.a", torn);
    const Result<std::string> found = load();
    ASSERT_TRUE(found) << what;
    EXPECT_TRUE(*found == blob_of('b') || *found == blob_of('c')) << what;
    old += *found == blob_of('b') ? 1 : 0;
    EXPECT_EQ(*found == blob_of('c'), torn == after) << what;
  };
  constexpr std::size_t kSectors = 44;  // what the record takes, and some beyond
  for (std::size_t cut = 0; cut <= kSectors; ++cut) {
    expect_whole(after.substr(0, cut * kSector) + before.substr(cut * kSector), fmt::format("cut at {}", cut));
  }
  SeededEntropy chance(7);
  for (int round = 0; round < 100; ++round) {
    std::string torn = before;
    std::array<std::uint8_t, kSectors> arrived{};
    chance.fill(arrived);
    for (std::size_t i = 0; i < kSectors; ++i) {
      if (arrived[i] % 2 == 0) torn.replace(i * kSector, kSector, after.substr(i * kSector, kSector));
    }
    expect_whole(torn, fmt::format("round {}", round));
  }
  EXPECT_GT(old, 100U);
  test::write_file(dir_ / "state.a", after.substr(0, 3 * kSector) + before.substr(3 * kSector));
  commit(blob_of('d'));
  EXPECT_EQ(*load(), blob_of('d')) << "and the next write finds its place";
}

TEST_F(Slots, ACardThatTakesNoMoreKeepsTheStateAndTakesTheNextOne) {
  commit("old");
  const auto slots = open();
  ASSERT_TRUE(slots->load());
  struct rlimit usual {};
  getrlimit(RLIMIT_FSIZE, &usual);
  signal(SIGXFSZ, SIG_IGN);
  const struct rlimit full { .rlim_cur = 4'096, .rlim_max = usual.rlim_max };
  setrlimit(RLIMIT_FSIZE, &full);
  const Result<void> refused = slots->commit(std::string(20'000, 'x'));
  setrlimit(RLIMIT_FSIZE, &usual);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "state-unwritable");
  EXPECT_EQ(*load(), "old");
  EXPECT_TRUE(slots->commit("new"));
  EXPECT_EQ(*load(), "new");
}

TEST_F(Slots, TheDamagedSlotIsTheNextOneWritten) {
  commit("old");
  commit("new");
  spoil("state.b", 0);
  commit("newer");
  EXPECT_EQ(*load(), "newer");
  spoil("state.b", 54);
  EXPECT_EQ(*load(), "old");
}

TEST_F(Slots, BothDamagedIsALossAndIsSaid) {
  commit("old");
  commit("new");
  spoil("state.a", 3);
  spoil("state.b", 3);
  const Result<std::string> lost = load();
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, Code::DataLoss);
  EXPECT_EQ(lost.error().reason, "state-lost");
}

TEST_F(Slots, OneThatCannotBeReadIsADamagedOne) {
  commit("old");  // slot a
  commit("new");  // slot b
  for (const auto& [name, expected] : {std::pair{"state.b", "old"}, std::pair{"state.a", "new"}}) {
    const auto slots = open();
    make_unreadable(name);
    const Result<std::string> loaded = slots->load();
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ(*loaded, expected) << name;
  }
}

TEST_F(Slots, OneThatCannotBeReadIsNeverTakenForANewOne) {
  commit("old");  // slot a; nothing was ever written to slot b
  const auto slots = open();
  make_unreadable("state.a");
  EXPECT_EQ(slots->load().error().reason, "state-lost");
  make_unreadable("state.b");
  EXPECT_EQ(slots->load().error().code, Code::Unavailable) << "no word from the card is not a loss yet";
}

TEST_F(Slots, TooLargeChangesNothing) {
  commit("old");
  const auto slots = open();
  ASSERT_TRUE(slots->load());
  EXPECT_EQ(slots->commit(std::string(kStateBytesMax + 1, 'x')).error().code, Code::ResourceExhausted);
  EXPECT_TRUE(slots->commit(std::string(kStateBytesMax, 'x')));
  EXPECT_EQ(load()->size(), kStateBytesMax);
}

}  // namespace
}  // namespace kelpie::agent
