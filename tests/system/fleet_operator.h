// An operator at work: makes releases, plans and rollouts over the hub's socket and waits for their ends.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include <kelpie/v1/release.pb.h>

#include "tests/system/hub_program.h"

namespace kelpie::test {

class FleetOperator {
 public:
  /// live: called again and again while waiting; keeps the world going.
  FleetOperator(HubProgram& program, std::function<void()> live) : program_(program), live_(std::move(live)) {}

  /// Until the hub has answered: the same request under the same key, as a client would.
  std::string call(const std::string& method, const std::string& path, const google::protobuf::Message& body,
                   const std::string& key);
  /// Release kiosk@number for the fleet of all devices, so that every device has something to do. The rollout's id.
  std::string start_rollout(int number);
  /// The same with any release; the n-th rollout of this operator.
  std::string start_rollout(const v1::Release& release);
  /// The rollout as it ended; the test fails when that takes longer than patience.
  api::v1::Rollout finish(const std::string& id, std::chrono::seconds patience = kPatience);

 private:
  std::string make_plan(v1::Plan& payload);

  HubProgram& program_;
  std::function<void()> live_;
  int rollouts_ = 0;
};

}  // namespace kelpie::test
