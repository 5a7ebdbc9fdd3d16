// One seed from beginning to end: a storm over a fleet, then calm, then everything must have come to an end.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace kelpie::test {

struct SeedOutcome {
  std::string violation;  // empty: the seed is fine
  std::uint64_t hash = 0;
  std::uint64_t lines = 0;   // of the trace
  std::size_t attempts = 0;  // that devices took in hand
  std::size_t rollouts = 0;  // that operators started
};

[[nodiscard]] SeedOutcome run_seed(std::uint64_t seed, std::function<void(const std::string& line)> print = {});

}  // namespace kelpie::test
