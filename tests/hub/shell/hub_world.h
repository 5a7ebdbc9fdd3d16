// A hub and its devices without a network: frames are handed over by hand, time moves by hand, a crash is a new hub
// from the same store.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "hub/hub.h"
#include "tests/hub/api/samples.h"
#include "tests/support/played_device.h"

namespace kelpie::test {

class BusSpy final : public wire::Bus {
 public:
  void publish(const std::string& topic, ByteView payload) override {
    sent.emplace_back(topic, std::string(as_text(payload)));
  }
  std::vector<std::pair<std::string, std::string>> sent;
};

class DoorSpy final : public hub::ApiDoor {
 public:
  void deliver(std::uint64_t request, hub::Answer answer) override { answers.insert_or_assign(request, answer); }
  void feed(const std::vector<hub::FeedEvent>& events) override {
    for (const hub::FeedEvent& event : events) types.push_back(event.type);
  }
  std::map<std::uint64_t, hub::Answer> answers;
  std::vector<std::string> types;
};

class HubWorld {
 public:
  HubWorld() { start_hub(); }

  void start_hub();
  /// Power cut: what was published and not delivered is gone with the process.
  void crash_hub();
  PlayedDevice& add_device(const std::string& name);
  template <typename Request>
  hub::Answer ask(const std::string& method, Request request) {
    hub::ApiCall call = call_of(method, std::move(request));
    call.request = ++requests_;
    step({call});
    return door_.answers.at(requests_);
  }
  /// Stores the sample release and the fleet "kiosk" of all devices with one wave; plans, signs and starts.
  /// The rollout's id.
  RolloutId start_rollout();
  void step(const std::vector<hub::Incoming>& incoming);
  void frame(std::string bytes) { step({hub::FrameArrived{std::move(bytes)}}); }
  /// Hands over frames both ways and moves time until `done` or ten simulated minutes have passed.
  [[nodiscard]] bool run_until(const std::function<bool()>& done);
  void move_time(Duration by) { now_ = now_ + by; }

  [[nodiscard]] const hub::HubState& state() const { return hub_->state(); }
  [[nodiscard]] const hub::Device& device(const std::string& name) const;
  [[nodiscard]] PlayedDevice& played(const std::string& name) { return *devices_.at(name); }
  [[nodiscard]] BusSpy& bus() { return bus_; }
  [[nodiscard]] std::uint64_t refused(const std::string& code) const;

 private:
  void deliver_down();

  WallTime now_{1'700'000'000'000};
  MemoryStore store_;
  BusSpy bus_;
  DoorSpy door_;
  SeededEntropy entropy_{77};
  std::unique_ptr<hub::Hub> hub_;
  std::map<std::string, std::unique_ptr<PlayedDevice>> devices_;
  std::deque<std::string> up_;
  std::uint64_t requests_ = 0;
};

}  // namespace kelpie::test
