#include "hub/core/selector.h"

#include <gtest/gtest.h>

namespace kelpie::hub {
namespace {

struct Case {
  const char* text;
  Labels labels;
  bool is_match;
};

TEST(Selector, MatchesAsWritten) {
  const Labels turin = {{"site", "turin"}, {"ring", "canary"}};
  const Case cases[] = {
      {"site=turin", turin, true},
      {"site=oslo", turin, false},
      {"site!=oslo", turin, true},
      {"site!=turin", turin, false},
      {"site in (oslo,turin)", turin, true},
      {"site notin (oslo)", turin, true},
      {"ring", turin, true},
      {"!ring", turin, false},
      {"!spare,site==turin", turin, true},
      {"zone!=a", turin, true},
      {"*", {}, true},
      {"", turin, false},
      {"site=turin,ring=rest", turin, false},
  };
  for (const Case& c : cases) {
    const Result<Selector> selector = Selector::parse(c.text);
    ASSERT_TRUE(selector.has_value()) << c.text;
    EXPECT_EQ(selector->matches(c.labels), c.is_match) << c.text;
  }
}

TEST(Selector, SaysWhereItIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"site=", "column 6: expected a label name or value"},
      {"=x", "column 1"},
      {"site in turin", "column 9: expected ("},
      {"a=b c=d", "column 5: expected a comma or the end"},
      {"site in (a", "column 11"},
      {"a!b", "column 3"},
  };
  for (const auto& [text, expected] : cases) {
    const Result<Selector> selector = Selector::parse(text);
    ASSERT_FALSE(selector.has_value()) << text;
    EXPECT_NE(selector.error().message.find(expected), std::string::npos) << selector.error().message;
    EXPECT_EQ(selector.error().code, Code::InvalidArgument);
  }
}

}  // namespace
}  // namespace kelpie::hub
