// What an agent costs a 1 GB device while it has nothing to do: read from the kernel's own count.
#include <gtest/gtest.h>

#include "tests/system/agent_footprint.h"
#include "tests/system/agent_program.h"

namespace kelpie::test {
namespace {

TEST(AgentMemory, IdleAndConnectedFitsBesideKubernetes) {
  HubProgram hub;
  hub.start();
  AgentProgram agent(hub, "pi-1");
  agent.start();
  ASSERT_TRUE(eventually([&] { return agent.is_online(); })) << agent.log();
  expect_small(agent.pid(), "idle and connected");
}

}  // namespace
}  // namespace kelpie::test
