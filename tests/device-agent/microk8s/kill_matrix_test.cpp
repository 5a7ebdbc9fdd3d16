// Whoever dies between INTENT and DONE of any kind of step, at any moment of it: in the end the device is in the goal
// or in the restore point, and observing it anew says the same.
#include <algorithm>
#include <iostream>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/device-agent/microk8s/kill_world.h"

namespace kelpie::test {
namespace {

struct Way {
  std::string name;
  bool goes_back;
  Victim victim;
  bool is_hub_forgetful = false;
};
const std::vector<Way> kWays{
    {.name = "agent", .goes_back = false, .victim = Victim::Agent},
    {.name = "agent on the way back", .goes_back = true, .victim = Victim::Agent},
    {.name = "agent, and the hub forgets", .goes_back = false, .victim = Victim::Agent, .is_hub_forgetful = true},
    {.name = "child", .goes_back = false, .victim = Victim::Child},
    {.name = "child on the way back", .goes_back = true, .victim = Victim::Child},
    {.name = "power", .goes_back = false, .victim = Victim::Power},
    {.name = "power on the way back", .goes_back = true, .victim = Victim::Power},
};

class KillMatrixOf : public testing::TestWithParam<KillStory> {};

struct Count {
  std::size_t moments = 0;
  std::size_t goals = 0;
};

Count kill_at_every_moment(const KillStory& story, const sim::Device& before, const Way& way) {
  Count count;
  while (true) {
    KillWorld world(story, before, way.goes_back,
                    {.victim = way.victim, .at = count.moments + 1, .is_hub_forgetful = way.is_hub_forgetful});
    world.live();
    if (!world.was_killed()) return count;
    ++count.moments;
    const std::string complaint = world.complaint();
    EXPECT_EQ(complaint, "") << story.name << ", " << way.name << ", moment " << count.moments << ": "
                             << world.moment();
    count.goals += world.ended().state() == v1::SUCCEEDED ? 1 : 0;
    if (!complaint.empty()) return count;
  }
}

TEST(KillMatrix, HasAStoryForEveryKind) {
  EXPECT_EQ(kinds_without_story(), std::vector<std::string>{}) << "add one to kill_stories.cpp";
}

TEST_P(KillMatrixOf, EndsInTheGoalOrTheRestorePoint) {
  const KillStory& story = GetParam();
  sim::Device before;
  story.device(before);
  KillWorld undisturbed(story, before, false, {});
  undisturbed.live();
  ASSERT_EQ(undisturbed.ended().state(), v1::SUCCEEDED) << undisturbed.ended().ShortDebugString();
  ASSERT_EQ(undisturbed.complaint(), "");
  for (const Way& way : kWays) {
    const Count count = kill_at_every_moment(story, before, way);
    std::cout << fmt::format("{}: {} dies at {} moments, {} end in the goal, {} in the restore point\n", story.name,
                             way.name, count.moments, count.goals, count.moments - count.goals);
    const bool has_moments = count.moments > 0;
    EXPECT_TRUE(has_moments || story.changes_nothing || way.victim != Victim::Agent) << way.name;
  }
}

std::string name_of(const testing::TestParamInfo<KillStory>& row) {
  std::string name = row.param.name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(Steps, KillMatrixOf, testing::ValuesIn(kill_stories()), name_of);

}  // namespace
}  // namespace kelpie::test
