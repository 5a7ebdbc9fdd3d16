#include "tools/sim/alarms.h"

#include <gtest/gtest.h>

namespace kelpie::sim {
namespace {

TEST(Alarms, AreTakenInTheOrderOfTheirTimesAndOnlyWhenDue) {
  Alarms alarms;
  alarms.set(7, SteadyTime{30});
  alarms.set(2, SteadyTime{10});
  alarms.set(5, SteadyTime{20});
  EXPECT_EQ(alarms.next(), SteadyTime{10});
  EXPECT_EQ(alarms.take(SteadyTime{9}), std::nullopt);
  EXPECT_EQ(alarms.take(SteadyTime{20}), 2U);
  EXPECT_EQ(alarms.take(SteadyTime{20}), 5U);
  EXPECT_EQ(alarms.take(SteadyTime{20}), std::nullopt);
  EXPECT_EQ(alarms.next(), SteadyTime{30});
}

TEST(Alarms, OneHasOneTime) {
  Alarms alarms;
  alarms.set(3, SteadyTime{10});
  alarms.set(3, SteadyTime{50});
  EXPECT_EQ(alarms.take(SteadyTime{10}), std::nullopt);
  EXPECT_EQ(alarms.next(), SteadyTime{50});
  alarms.clear(3);
  alarms.clear(4);  // never had one
  EXPECT_EQ(alarms.next(), std::nullopt);
}

}  // namespace
}  // namespace kelpie::sim
