#include "tools/kelpie/suggest.h"

#include <gtest/gtest.h>

namespace kelpie::cli {
namespace {

TEST(Distance, CountsLettersAndSwappedNeighbours) {
  EXPECT_EQ(distance("", "abc"), 3U);
  EXPECT_EQ(distance("device", "devise"), 1U);
  EXPECT_EQ(distance("rollout", "rolluot"), 1U);
  EXPECT_EQ(distance("kitten", "sitting"), 3U);
  EXPECT_EQ(distance("same", "same"), 0U);
}

TEST(Closest, IsWhatAPersonMeantOrNothing) {
  const std::vector<std::string> nouns = {"device", "fleet", "release", "rollout", "hub"};
  EXPECT_EQ(closest("devise", nouns), "device");
  EXPECT_EQ(closest("realease", nouns), "release");
  EXPECT_EQ(closest("hubb", nouns), "hub");
  EXPECT_EQ(closest("pod", nouns), "");
  EXPECT_EQ(closest("", nouns), "");
  EXPECT_EQ(closest(std::string(10'000, 'x'), nouns), "");
}

}  // namespace
}  // namespace kelpie::cli
