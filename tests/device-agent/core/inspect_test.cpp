// The door for an archive: of one GO, for an inspect that wants an archive, and gone with the attempt.
#include <gtest/gtest.h>

#include "tests/device-agent/core/core_world.h"

namespace kelpie::agent {
namespace {

using test::CoreWorld;
using test::satisfied;

constexpr const char* kUrl = "http://127.0.0.1:7440/archives/x";

/// GO for one inspect, with a door; its call.
std::optional<Call> begun(CoreWorld& world, const Step& step) {
  PrepareOrder order = test::prepare();
  order.release.steps = {step};
  world.hear(order);
  world.run();
  world.speak();
  GoOrder go = world.go(Duration{});
  go.door = {.url = kUrl, .token = "ab"};
  world.hear(go);
  return next_call(world.memory);
}

const StepCall& step_of(const std::optional<Call>& call) {
  return std::get<StepCall>(call->what);
}

TEST(InspectDoor, IsOpenToTheObservedInspectWithWhatTheAgentRemembers) {
  CoreWorld world;
  const std::optional<Call> call = begun(world, InspectStep{.wants_archive = true});
  ASSERT_TRUE(call);
  EXPECT_EQ(step_of(call).phase, Phase::Observe);
  EXPECT_EQ(step_of(call).door.url, kUrl);
  const std::string& view = step_of(call).agent_view;
  EXPECT_NE(view.find("attempt      01JD0000000000000000000000/"), std::string::npos) << view;
  EXPECT_NE(view.find("newest of    device: generation 5"), std::string::npos) << view;
  EXPECT_EQ(view.find(world.memory.nonce_secret.hex()), std::string::npos);
}

TEST(InspectDoor, IsClosedToOtherSteps) {
  for (const Step& step : {Step(StartStep{}), Step(InspectStep{})}) {
    CoreWorld world;
    const std::optional<Call> call = begun(world, step);
    ASSERT_TRUE(call);
    EXPECT_EQ(step_of(call).door, ArchiveDoor());
    EXPECT_EQ(step_of(call).agent_view, "");
  }
}

TEST(InspectDoor, IsGoneWithTheAttemptAndTheArchiveIsOnRecord) {
  CoreWorld world;
  ASSERT_TRUE(begun(world, InspectStep{.wants_archive = true}));
  EXPECT_EQ(world.attempt().door.url, kUrl) << "through a restart too: it is in the ledger";
  CallResult sent = satisfied();
  sent.archive = {.sha256 = std::string(64, 'a'), .bytes = 7};
  world.answer(sent);
  world.run();
  EXPECT_EQ(world.attempt().state, AttemptState::Succeeded);
  EXPECT_EQ(world.attempt().door, ArchiveDoor());
  EXPECT_EQ(world.attempt().records[0].archive, sent.archive);
}

}  // namespace
}  // namespace kelpie::agent
