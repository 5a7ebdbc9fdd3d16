// What each kind of step does, as a page: written from what the agent did on the modelled device and from the reasons
// that tests brought about.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/device-agent/microk8s/kill_world.h"

namespace kelpie::test {

struct StepPage {
  std::string kind;
  std::string proof;  // from the README beside the code
  std::string undo;
  std::vector<AskedOfDevice> asked;
};
using ReasonTests = std::map<std::string, std::string>;               // reason → the first test that brings it about
using ReasonsOfKinds = std::map<std::string, std::set<std::string>>;  // kind → reasons

[[nodiscard]] std::string step_table(const std::vector<StepPage>& pages, const ReasonsOfKinds& reasons,
                                     const ReasonTests& tests);

}  // namespace kelpie::test
