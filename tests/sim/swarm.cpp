#include "tests/sim/swarm.h"

#include <fmt/core.h>

#include "tests/sim/liveness.h"
#include "tests/sim/operators.h"
#include "tests/sim/weather.h"

namespace kelpie::test {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::uint32_t kModelledPermille = 250;  // chosen: a modelled call costs a millisecond, a scripted one nothing
constexpr std::uint64_t kDevicesMin = 2;
constexpr std::uint64_t kDevicesSpread = 4;

void set_up(World& world, Operators& operators) {
  const std::uint64_t devices = kDevicesMin + world.dice().below(kDevicesSpread);
  for (std::uint64_t i = 1; i <= devices; ++i) operators.add_device(fmt::format("pi-{}", i), {{"fleet", "kiosk"}});
  operators.assign(1, quick_policy(world.dice()));
  world.after(seconds(40), [&operators] { operators.roll_out(); });
  world.after(minutes(12), [&world, &operators] {
    operators.assign(operators.releases() + 1, quick_policy(world.dice()));
    operators.roll_out_beside(quick_policy(world.dice()));
  });
}

std::string settle(World& world) {
  calm(world);
  world.storm().act_every = {};
  std::string open;
  const bool is_settled = world.run_until(
      [&] {
        // Looking costs more than most steps do.
        open = still_open(world);
        return open.empty();
      },
      hours(4));
  if (is_settled || !world.violation().empty()) return world.violation();
  return "not settled after four calm hours: " + open;
}

}  // namespace

SeedOutcome run_seed(std::uint64_t seed, std::function<void(const std::string& line)> print) {
  World world({.seed = seed, .storm = {}, .print = std::move(print)});
  world.storm() = storm_of(world.dice());
  world.set_modelled(world.dice().chance(kModelledPermille));
  Operators operators(world);
  set_up(world, operators);
  let_loose(world);
  operators.keep_meddling();
  world.run_for(minutes(25));
  SeedOutcome out;
  out.violation = world.violation().empty() ? settle(world) : world.violation();
  if (out.violation.empty()) {
    // What is left paused can still be ended by its operator.
    for (const std::string& id : operators.rollouts()) operators.change("Abort", id);
    world.run_for(seconds(30));
    out.violation = settle(world);
  }
  out.hash = world.hash();
  out.lines = world.trace().lines();
  out.attempts = world.safety().executed();
  out.rollouts = operators.rollouts().size();
  return out;
}

}  // namespace kelpie::test
