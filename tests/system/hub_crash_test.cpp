// The real hub dies again and again, at every kind of moment, in the middle of rollouts: no result is lost and nothing
// runs twice, read from what the devices themselves ran.
#include <algorithm>
#include <set>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/system/fleet_operator.h"

namespace kelpie::test {
namespace {

constexpr int kKillsEach = 17;  // of three kinds: 51
constexpr int kCommitsMax = 9;  // how far into a hub's life a kill falls at most
constexpr std::chrono::milliseconds kPump{20};

class CrashTest : public ::testing::Test {
 protected:
  CrashTest() {
    for (const char* point : {"before-commit", "after-commit", "after-publish"}) {
      for (int i = 0; i < kKillsEach; ++i) {
        plan_.push_back(fmt::format("{}:{}", point, 1 + uniform(entropy_, kCommitsMax)));
      }
    }
    for (std::size_t i = plan_.size() - 1; i > 0; --i) std::swap(plan_[i], plan_[uniform(entropy_, i + 1)]);
  }

  /// Starts the hub again when it is dead, with the next kill planned for it.
  void keep_alive() {
    if (program_.is_running()) return;
    if (!current_.empty()) {
      EXPECT_NE(program_.log().find("crash point reached"), std::string::npos) << program_.log();
      ++kills_[current_.substr(0, current_.find(':'))];
    }
    current_ = plan_.empty() ? std::string() : plan_.back();
    if (!plan_.empty()) plan_.pop_back();
    program_.start(current_);
  }

  void live() {
    keep_alive();
    program_.pump(kPump);
  }

  SeededEntropy entropy_{20'261'124};
  std::vector<std::string> plan_;
  std::string current_;
  std::map<std::string, int> kills_;
  HubProgram program_;
  FleetOperator operator_{program_, [this] { live(); }};
};

TEST_F(CrashTest, NothingIsLostAndNothingRunsTwice) {
  program_.start();
  for (const char* name : {"pi-1", "pi-2", "pi-3"}) program_.add_device(name);
  program_.kill();
  int rollouts = 0;
  while (!plan_.empty() || !current_.empty()) {
    const std::string id = operator_.start_rollout(++rollouts);
    const api::v1::Rollout rollout = operator_.finish(id);
    ASSERT_EQ(rollout.status().phase(), "succeeded") << rollout.status().why();
    EXPECT_EQ(rollout.status().succeeded(), 3U);
    ASSERT_LT(rollouts, 200);
  }
  for (const auto& [name, played] : program_.devices()) {
    const std::set<std::string> distinct(played->ran().begin(), played->ran().end());
    EXPECT_EQ(distinct.size(), played->ran().size()) << name << " ran an attempt twice";
    EXPECT_EQ(played->ran().size(), static_cast<std::size_t>(rollouts)) << name;
  }
  for (const char* point : {"before-commit", "after-commit", "after-publish"}) EXPECT_EQ(kills_[point], kKillsEach);
}

}  // namespace
}  // namespace kelpie::test
