#include "hub/onward_time.h"

#include <gtest/gtest.h>

namespace kelpie::hub {
namespace {

using namespace std::chrono_literals;

class MovedClock final : public Clock {
 public:
  [[nodiscard]] WallTime wall() override { return wall_; }
  [[nodiscard]] SteadyTime steady() override { return steady_; }
  void pass(Duration by) {
    wall_ = wall_ + by;
    steady_ = steady_ + by;
  }
  void set(WallTime wall) { wall_ = wall; }

 private:
  WallTime wall_{1'000'000};
  SteadyTime steady_{5};
};

TEST(OnwardTime, GoesOnWhenTheWallClockIsSetBackAndJumpsForwardWithIt) {
  MovedClock clock;
  OnwardTime time(clock);
  clock.pass(1s);
  EXPECT_EQ(time.now(), WallTime{1'001'000});
  clock.set(WallTime{0});  // an hour back would stop every deadline for an hour
  EXPECT_EQ(time.now(), WallTime{1'001'000});
  clock.pass(2s);
  EXPECT_EQ(time.now(), WallTime{1'003'000});
  clock.set(WallTime{9'000'000});
  EXPECT_EQ(time.now(), WallTime{9'000'000});
}

}  // namespace
}  // namespace kelpie::hub
