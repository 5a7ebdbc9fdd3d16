// The ends of the seams that lead from the hub and from an agent into their world.
#pragma once

#include "tests/sim/world.h"

namespace kelpie::test {

class HubClock final : public Clock {
 public:
  explicit HubClock(const World& world) : world_(world) {}
  WallTime wall() override { return world_.wall() + world_.hub_clock_off_; }
  SteadyTime steady() override { return world_.now(); }

 private:
  const World& world_;
};

class HubPort final : public wire::Bus, public hub::ApiDoor {
 public:
  explicit HubPort(World& world) : world_(world) {}
  void publish(const std::string& topic, ByteView payload) override { world_.hub_published(topic, payload); }
  void deliver(std::uint64_t request, hub::Answer answer) override { world_.take_answer(request, answer); }
  void feed(const std::vector<hub::FeedEvent>& events) override {
    for (const hub::FeedEvent& event : events)
      world_.note("hub", event.type + " " + event.object + " " + event.reason + " " + event.message);
  }

 private:
  World& world_;
};

class DevicePort final : public wire::Bus, public agent::StepRunner {
 public:
  DevicePort(World& world, SimDevice& device) : world_(world), device_(device) {}
  void publish(const std::string&, ByteView payload) override { world_.agent_published(device_, payload); }
  void start(agent::Call call) override { world_.start_call(device_, std::move(call)); }
  void give_up(std::uint64_t) override {}  // modelled work takes its time

 private:
  World& world_;
  SimDevice& device_;
};

}  // namespace kelpie::test
