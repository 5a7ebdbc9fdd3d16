// What goes wrong in a world, and how often. Faults are values beside the work, so that each seed mixes them anew.
#pragma once

#include <cstdint>

#include "tests/sim/dice.h"

namespace kelpie::test {

struct Storm {
  // Of a thousand frames.
  std::uint32_t lost = 0;
  std::uint32_t doubled = 0;
  std::uint32_t replayed = 0;  // an old frame comes once more
  Duration delay_max = std::chrono::milliseconds(50);

  // Mean time between, per device or of the hub; zero: never.
  Duration power_cut_every{};
  Duration link_cut_every{};
  Duration full_card_every{};
  Duration old_card_every{};     // an image of the card taken earlier is put back
  Duration new_card_every{};     // re-imaged: the device remembers nothing
  Duration damage_every{};       // both state slots are lost
  Duration model_fault_every{};  // of a device whose MicroK8s is modelled
  Duration hub_crash_every{};
  Duration hub_clock_every{};                   // its wall clock steps
  Duration away_max = std::chrono::minutes(3);  // how long a cut lasts

  // Of a thousand times that such a point is passed.
  std::uint32_t hub_crash_at_point = 0;
  std::uint32_t agent_crash_at_point = 0;
  std::uint32_t hub_commit_failing = 0;

  // Of a thousand calls that a device carries out.
  std::uint32_t failing = 0;
  std::uint32_t transient = 0;     // of the failing ones
  std::uint32_t half_applied = 0;  // said to have failed and done all the same
  std::uint32_t lying = 0;         // said to be done and not done
  std::uint32_t hanging = 0;       // until the limit
  std::uint32_t undo_failing = 0;

  // Operators: mean time between their acts; zero: only the rollouts are started.
  Duration act_every{};
};

/// Each kind of fault is in or out by the toss of a coin, with a rate of its own: some seeds are nearly calm.
[[nodiscard]] Storm storm_of(Dice& dice);

}  // namespace kelpie::test
