#include "tests/system/getting_started.h"

#include <gtest/gtest.h>

#include "tools/kelpie/manifest/load.h"

namespace kelpie::test {

v1::Release getting_started() {
  cli::Problems problems;
  const cli::Manifests manifests =
      cli::load_manifests({.paths = {KELPIE_SOURCE_DIR "/deploy/examples/getting-started"}}, problems);
  EXPECT_EQ(manifests.releases.size(), 1U);
  return manifests.releases.empty() ? v1::Release() : manifests.releases.front().release;
}

sim::World world_of(const v1::Release& release) {
  sim::World world = sim::usual_world();
  for (const v1::Step& step : release.steps()) {
    for (const v1::Image& image : step.images().images()) {
      world.images[image.from().empty() ? image.ref() : image.from()] = {.digest = image.digest()};
    }
  }
  return world;
}

}  // namespace kelpie::test
