// Two slots in turn: whatever happens to one write, the newest whole state is found.
#include "device-agent/store/state_slots.h"

#include <sys/stat.h>

#include <gtest/gtest.h>

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
