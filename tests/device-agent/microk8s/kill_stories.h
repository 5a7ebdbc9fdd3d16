// For each kind of step the devices and releases that it is killed in: before the step it is not so, after it it is.
// A kind without a story fails the matrix: see kill_stories.cpp.
#pragma once

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include <kelpie/v1/release.pb.h>

#include "tests/tools/sim/microk8s/device.h"

namespace kelpie::test {

struct KillStory {
  std::string name;  // begins with the kind: "install-refresh"
  std::function<void(sim::Device& device)> device;
  std::function<void(v1::Step& step)> step;
  bool keeps_effect = false;     // going back leaves what works: a renewed certificate, a copy of the datastore
  bool changes_nothing = false;  // no INTENT is ever written: nothing to be killed in
  friend std::ostream& operator<<(std::ostream& out, const KillStory& story) { return out << story.name; }
};

/// Of every kind in agent::Step.
[[nodiscard]] std::vector<KillStory> kill_stories();

/// Kinds in agent::Step that nobody is killed in.
[[nodiscard]] std::vector<std::string> kinds_without_story();

}  // namespace kelpie::test
