#include "tools/sim/open_files.h"

#include <sys/resource.h>

#include <gtest/gtest.h>

namespace kelpie::sim {
namespace {

TEST(OpenFiles, TheSoftLimitIsRaisedToWhatAFleetNeeds) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit low{.rlim_cur = 100, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  EXPECT_TRUE(allow_files(200));
  rlimit after{};
  getrlimit(RLIMIT_NOFILE, &after);
  EXPECT_GE(after.rlim_cur, 200U);
  EXPECT_EQ(after.rlim_max, before.rlim_max);
  setrlimit(RLIMIT_NOFILE, &before);
}

TEST(OpenFiles, AFleetAboveWhatTheSystemAllowsIsToldWhatToType) {
  constexpr std::size_t kTooMany = 4'000'000'000;  // above every kernel's fs.nr_open
  const Result<void> refused = allow_files(kTooMany);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::ResourceExhausted);
  EXPECT_NE(refused.error().message.find("4000000000 connections"), std::string::npos) << refused.error().message;
  EXPECT_NE(refused.error().hint.find("ulimit -Hn"), std::string::npos) << refused.error().hint;
}

}  // namespace
}  // namespace kelpie::sim
