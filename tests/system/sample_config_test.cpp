// The sample files that the packages install say what the programs say of themselves: every option, at its default.
#include <algorithm>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/support/child.h"
#include "tests/support/temp_dir.h"

namespace kelpie::test {
namespace {

/// "--keys DIR  what it is (default /etc/kelpie/hub)" of help, as a line of the file.
std::string line_of(std::string_view help) {
  const std::string_view name = help.substr(0, help.find(' '));
  const std::size_t at = help.find("(default ");
  const std::string_view preset = at == std::string_view::npos ? "" : help.substr(at + 9, help.rfind(')') - at - 9);
  return fmt::format("#{} ={}{}\n", name, preset.empty() ? "" : " ", preset);
}

class SampleConfig : public ::testing::TestWithParam<std::string> {
 protected:
  static std::string ask(const std::vector<std::string>& arguments) {
    std::vector<std::string> argv = {fmt::format("{}/kelpie-{}", KELPIE_BIN_DIR, GetParam())};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    const Finished finished = run({.argv = std::move(argv), .env = {}, .out_file = {}, .err_file = {}});
    return finished.out + finished.err;
  }
  const std::string sample_ = read_file(fmt::format("{}/deploy/etc/{}.conf", KELPIE_SOURCE_DIR, GetParam()));
};

TEST_P(SampleConfig, HasEveryOptionAtItsDefault) {
  const std::string all = ask({"help"});
  const std::string help = all.substr(all.find("flags of run:"));
  std::ptrdiff_t options = 0;
  for (std::size_t at = help.find("  --"); at != std::string::npos; at = help.find("  --", at + 1)) {
    const std::string line = line_of(std::string_view(help).substr(at + 4, help.find('\n', at) - at - 4));
    if (line.starts_with("#config ")) continue;
    EXPECT_NE(sample_.find("\n" + line), std::string::npos) << line;
    ++options;
  }
  EXPECT_GT(options, 0);
  EXPECT_EQ(std::count(sample_.begin(), sample_.end(), '='), options + 1) << "besides, its head explains a line";
}

// A wrong last line is the only complaint, so every line before it was taken; and nothing is started.
TEST_P(SampleConfig, IsTakenWithEveryLineInForce) {
  std::string in_force = sample_.substr(sample_.find("\n\n"));
  for (std::size_t at = in_force.find("\n#"); at != std::string::npos; at = in_force.find("\n#", at + 1)) {
    if (in_force.substr(at + 2, 1) != " ") in_force.erase(at + 1, 1);
  }
  const TempDir dir;
  write_file(dir / "sample.conf", in_force + "colour = red\n");
  const std::string answer = ask({"run", "--config", dir / "sample.conf"});
  EXPECT_NE(answer.find("there is no option \"colour\""), std::string::npos) << answer;
  EXPECT_EQ(answer.find("; "), std::string::npos) << answer;
}

INSTANTIATE_TEST_SUITE_P(Of, SampleConfig, ::testing::Values("hub", "agent"),
                         [](const auto& one) { return one.param; });

}  // namespace
}  // namespace kelpie::test
