// The first five minutes: tools/demo tells the same story each time. What differs from run to run (ids, keys, times,
// ports, who is logged in) is masked; lines of progress come at their own pace and are left out.
#include <cstdlib>
#include <regex>

#include <gtest/gtest.h>

#include "tests/support/child.h"

namespace kelpie::test {
namespace {

constexpr std::chrono::minutes kStoryMax{4};  // issue: under four minutes with everything installed and built
constexpr const char* kStory = KELPIE_SOURCE_DIR "/tests/golden/demo.txt";

std::string masked(std::string text) {
  const std::vector<std::pair<std::regex, std::string>> masks = {
      {std::regex(R"(20\d\d-\d\d-\d\dT[^\n]*\n)"), ""},            // progress
      {std::regex(R"(/tmp/[^ \n]*kelpie-demo\.\w+)"), "RUN"},      //
      {std::regex(R"(\b[0-9A-HJKMNP-TV-Z]{26}\b)"), "ID"},         //
      {std::regex(R"(\b[0-9a-f]{4}( [0-9a-f]{4}){7}\b)"), "KEY"},  //
      {std::regex(R"(127\.0\.0\.1:\d+)"), "127.0.0.1:PORT"},       //
      {std::regex(R"(\b\d+(s|m\d+s)\b)"), "TIME"},                 //
      {std::regex(R"( by [\w.-]+: )"), " by SOMEBODY: "},          //
      {std::regex(R"([ ]+)"), " "},                                // columns are as wide as what is masked
      {std::regex(R"([ ]+\n)"), "\n"},
  };
  for (const auto& [what, mask] : masks) text = std::regex_replace(text, what, mask);
  return text;
}

TEST(Demo, TellsTheSameStoryEachTime) {
  const Finished demo = run({.argv = {KELPIE_SOURCE_DIR "/tools/demo", "--once", "--bin", KELPIE_BIN_DIR},
                             .env = {"LC_ALL=C.UTF-8"},
                             .out_file = {},
                             .err_file = {},
                             .in_file = {}},
                            kStoryMax);
  ASSERT_EQ(demo.code, 0) << demo.out << demo.err;
  const std::string story = masked(demo.out);
  if (std::getenv("KELPIE_GOLDEN_WRITE") != nullptr) write_file(kStory, story);
  EXPECT_EQ(story, read_file(kStory)) << demo.out;
}

}  // namespace
}  // namespace kelpie::test
