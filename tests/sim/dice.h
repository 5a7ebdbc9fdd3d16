// The one source of chance of a world: every choice is drawn from here, so that a seed is the whole story.
#pragma once

#include <cstdint>

#include "proto/base/clock.h"
#include "proto/base/result.h"

namespace kelpie::test {

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers on every platform.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}

  std::uint64_t draw() {
    state_ += 0x9E3779B97F4A7C15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31U);
  }
  /// In [0, bound). The bias of the remainder is below 2^-40 for the bounds used here.
  std::uint64_t below(std::uint64_t bound) {
    KELPIE_ASSERT(bound > 0);
    return draw() % bound;
  }
  bool chance(std::uint32_t permille) { return permille > 0 && below(1'000) < permille; }
  Duration between(Duration least, Duration most) {
    return least + Duration(static_cast<std::int64_t>(below(static_cast<std::uint64_t>((most - least).count()) + 1)));
  }
  [[nodiscard]] std::uint64_t state() const { return state_; }

 private:
  std::uint64_t state_;
};

}  // namespace kelpie::test
