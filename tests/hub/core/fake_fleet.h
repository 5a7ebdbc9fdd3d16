// A hub core and a handful of devices that answer as the protocol says, with time as a number: stories are told with
// it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "hub/core/decide.h"

namespace kelpie::test {

using namespace std::chrono_literals;

/// One device's side of the protocol, as far as the hub can see it.
struct FakeDevice {
  DeviceId id;
  hub::Incarnation incarnation;
  std::uint64_t sequence = 0;
  Nonce hub_nonce;  // to quote once
  std::uint64_t nonces = 0;
  bool is_on = true;
  std::optional<hub::ReportedAttempt> attempt;
  std::vector<std::string> executed;  // attempts whose GO it accepted, in order
};

class FakeFleet {
 public:
  FakeFleet();

  /// Registers devices pi-1 … pi-n with label role=edge and lets them say hello.
  void add(int count);
  FakeDevice& device(const std::string& name) { return devices_.at(name); }
  hub::HubState& state() { return state_; }

  Result<std::string> write(decltype(hub::ApiWrite::what) what, std::string key = {}, bool is_dry_run = false);
  /// Applies fleet "edge" with that policy and release kiosk@VERSION, plans and starts it. Answers the rollout.
  hub::Rollout& start(const hub::Policy& policy, const std::string& version = "1");
  /// The same release and policy for the same devices, but by selector, beside what the fleet runs.
  hub::Rollout& start_beside(const hub::Policy& policy, const std::string& version);
  /// Plans that, signs it and starts it; the rollout's object.
  Result<std::string> start_plan(const hub::MakePlan& wanted);
  hub::Rollout& rollout();  // the newest

  void hello(const std::string& name);
  void report(const std::string& name);                           // its full state, next sequence
  void report(const std::string& name, hub::Sight sight);         // the same with what its facts show
  void report(const std::string& name, hub::AttemptState state);  // moves its attempt, then reports
  void fail(const std::string& name, const std::string& reason,
            hub::FailedOutcome outcome = hub::FailedOutcome::Restored, bool is_transient = false);
  void finish(const std::string& name);  // EXECUTING, SOAKING, SUCCEEDED
  void pass(Duration time);              // ticks, at most a minute at a time; devices beat every 30 s
  void decide(const hub::Event& event);

  /// Every hub restart: state is what was "stored", secrets of the run are new.
  void restart_hub();

  /// Name of each target and its state: "pi-1 waiting(wave)".
  std::string targets();
  std::vector<std::string> feed;  // "type object reason"
  WallTime now{1'000'000'000'000};

 private:
  void say(const std::string& name, std::optional<hub::Sight> sight);
  void deliver(const hub::Effects& effects);
  void answer(FakeDevice& device, const hub::Message& message);

  hub::HubState state_;
  std::map<std::string, FakeDevice> devices_;
  std::uint64_t requests_ = 0;
  std::vector<hub::Message> pending_;
};

hub::Release make_release(const std::string& version);
hub::Policy make_policy(std::vector<hub::WaveSpec> waves);
hub::WaveSpec wave_of(std::string name, std::uint32_t size);
hub::WaveSpec wave_up_to(std::string name, std::uint32_t basis_points);

}  // namespace kelpie::test
