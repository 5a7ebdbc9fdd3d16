#include "tests/sim/storm.h"

namespace kelpie::test {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

std::uint32_t maybe_rate(Dice& dice, std::uint64_t most) {
  return dice.chance(500) ? static_cast<std::uint32_t>(1 + dice.below(most)) : 0;
}

Duration maybe_every(Dice& dice, Duration least, Duration most, std::uint32_t permille = 500) {
  return dice.chance(permille) ? dice.between(least, most) : Duration{};
}

}  // namespace

Storm storm_of(Dice& dice) {
  Storm storm;
  storm.lost = maybe_rate(dice, 200);
  storm.doubled = maybe_rate(dice, 200);
  storm.replayed = maybe_rate(dice, 60);
  if (dice.chance(500)) storm.delay_max = dice.between(seconds(1), seconds(40));
  storm.power_cut_every = maybe_every(dice, minutes(3), minutes(20));
  storm.link_cut_every = maybe_every(dice, minutes(2), minutes(20));
  storm.full_card_every = maybe_every(dice, minutes(5), minutes(20), 300);
  storm.old_card_every = maybe_every(dice, minutes(10), minutes(40), 300);
  storm.new_card_every = maybe_every(dice, minutes(15), minutes(40), 250);
  storm.damage_every = maybe_every(dice, minutes(20), minutes(60), 150);
  storm.hub_crash_every = maybe_every(dice, minutes(3), minutes(20));
  storm.away_max = dice.between(seconds(20), minutes(8));
  storm.hub_crash_at_point = maybe_rate(dice, 10);
  storm.agent_crash_at_point = maybe_rate(dice, 30);
  storm.hub_commit_failing = dice.chance(200) ? 3 : 0;
  storm.failing = maybe_rate(dice, 60);
  storm.transient = static_cast<std::uint32_t>(dice.below(1'000));
  storm.half_applied = static_cast<std::uint32_t>(dice.below(500));
  storm.lying = maybe_rate(dice, 30);
  storm.hanging = maybe_rate(dice, 30);
  storm.undo_failing = maybe_rate(dice, 600);  // three times in a row is broken
  storm.model_fault_every = maybe_every(dice, minutes(2), minutes(15));
  storm.hub_clock_every = maybe_every(dice, minutes(2), minutes(12), 300);
  storm.act_every = maybe_every(dice, minutes(1), minutes(6), 800);
  return storm;
}

}  // namespace kelpie::test
