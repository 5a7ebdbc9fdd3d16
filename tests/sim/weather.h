// Lets the storm loose on a world's hub and devices, and ends it.
#pragma once

#include "tests/sim/world.h"

namespace kelpie::test {

/// Faults come and go until calm(); frames, points and calls fail by the world's own storm.
void let_loose(World& world);
/// Faults come for this device too, from now on.
void expose(World& world, SimDevice& device);
/// No fault any more: everybody has power, a link and a card that works.
void calm(World& world);

}  // namespace kelpie::test
