// One device of a world: the agent with its seams, its card, its MicroK8s, its power and its link.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "device-agent/agent.h"
#include "tests/sim/modelled_work.h"
#include "tests/sim/scripted_work.h"
#include "tests/sim/stores.h"

namespace kelpie::test {

/// Thrown out of a step by a crash point; the world catches it and throws the object away.
struct PowerCut {};

struct SimDevice {
  std::string name;
  std::uint64_t key_seed = 0;
  DeviceId id;
  std::string down_topic;
  ForgetfulCard card;
  ScriptedWork work;
  std::unique_ptr<ModelledWork> model;  // null: the script
  std::unique_ptr<SeededEntropy> entropy;
  std::unique_ptr<class DevicePort> port;
  std::unique_ptr<agent::Agent> agent;  // null: without power

  Duration clock_offset{};  // of the agent's own clock, which starts anew at each boot
  std::uint64_t life = 0;   // boots so far: what belongs to an older one is dropped
  bool is_linked = false;
  bool is_deaf = false;          // frames of both ways are lost and nobody is told
  bool is_gone = false;          // decommissioned: never switched on again
  std::uint64_t connection = 0;  // frames of an older one are lost
  std::vector<agent::Incoming> inbox;
  SteadyTime turn_at;  // the next turn that is planned
  std::int64_t busy_minute = 0;
  std::uint32_t turns_in_minute = 0;

  struct Image {  // of the card, with what MicroK8s was then
    std::string blob;
    ScriptedWork::Facts facts;
    sim::DeviceState state;
  };
  Image image;

  [[nodiscard]] SteadyTime own_clock(SteadyTime world) const { return world + clock_offset; }
};

}  // namespace kelpie::test
