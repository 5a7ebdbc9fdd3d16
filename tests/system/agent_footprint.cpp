#include "tests/system/agent_footprint.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/support/child.h"

namespace kelpie::test {
namespace {

constexpr long kAnonymousMaxKib = 6 * 1'024;
constexpr long kPssMaxKib = 24 * 1'024;

long kib_of(const std::string& rollup, const std::string& row) {
  const std::size_t at = rollup.find("\n" + row + ":");
  return at == std::string::npos ? -1 : std::stol(rollup.substr(at + row.size() + 2));
}

}  // namespace

void expect_small(pid_t agent, std::string_view when) {
  const std::string rollup = read_file(fmt::format("/proc/{}/smaps_rollup", agent));
  const long anonymous = kib_of(rollup, "Anonymous");
  const long pss = kib_of(rollup, "Pss");
  fmt::print("agent {}: anonymous {} KiB, PSS {} KiB, RSS {} KiB\n", when, anonymous, pss, kib_of(rollup, "Rss"));
  ASSERT_GT(anonymous, 0) << rollup;
  EXPECT_LE(anonymous, kAnonymousMaxKib) << rollup;
  EXPECT_LE(pss, kPssMaxKib) << rollup;
}

}  // namespace kelpie::test
