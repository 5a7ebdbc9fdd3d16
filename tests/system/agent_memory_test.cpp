// What an agent costs a 1 GB device while it has nothing to do: read from the kernel's own count.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/system/agent_program.h"

namespace kelpie::test {
namespace {

constexpr long kAnonymousMaxKib = 6 * 1'024;  // architecture section 7
constexpr long kPssMaxKib = 24 * 1'024;

long kib_of(const std::string& rollup, const std::string& row) {
  const std::size_t at = rollup.find("\n" + row + ":");
  return at == std::string::npos ? -1 : std::stol(rollup.substr(at + row.size() + 2));
}

TEST(AgentMemory, IdleAndConnectedFitsBesideKubernetes) {
  HubProgram hub;
  hub.start();
  AgentProgram agent(hub, "pi-1");
  agent.start();
  ASSERT_TRUE(eventually([&] { return agent.is_online(); })) << agent.log();
  const std::string rollup = read_file("/proc/" + std::to_string(agent.pid()) + "/smaps_rollup");
  const long anonymous = kib_of(rollup, "Anonymous");
  const long pss = kib_of(rollup, "Pss");
  fmt::print("agent idle: anonymous {} KiB, PSS {} KiB, RSS {} KiB\n", anonymous, pss, kib_of(rollup, "Rss"));
  ASSERT_GT(anonymous, 0) << rollup;
  EXPECT_LE(anonymous, kAnonymousMaxKib) << rollup;
  EXPECT_LE(pss, kPssMaxKib) << rollup;
}

}  // namespace
}  // namespace kelpie::test
