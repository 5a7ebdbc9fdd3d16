// Wall time for deadlines (rule R22): of the wall and the steady clock the larger elapsed time counts, so that a wall
// clock which is set back stops no deadline.
#pragma once

#include <algorithm>

#include "proto/base/clock.h"

namespace kelpie::hub {

class OnwardTime {
 public:
  explicit OnwardTime(Clock& clock) : clock_(clock), now_(clock.wall()), read_at_(clock.steady()) {}
  [[nodiscard]] WallTime now() {
    const SteadyTime steady = clock_.steady();
    now_ = std::max(clock_.wall(), now_ + (steady - read_at_));
    read_at_ = steady;
    return now_;
  }

 private:
  Clock& clock_;
  WallTime now_;
  SteadyTime read_at_;
};

}  // namespace kelpie::hub
