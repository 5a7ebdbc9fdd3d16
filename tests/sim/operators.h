// The people of a world: they register devices, sign releases and plans, start rollouts, and meddle with them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <kelpie/api/v1/api.pb.h>

#include "tests/sim/world.h"

namespace kelpie::test {

/// What a fleet's rollout is like, small enough that a world sees it end.
[[nodiscard]] api::v1::Policy quick_policy(Dice& dice);

class Operators {
 public:
  explicit Operators(World& world) : world_(world) {}

  /// Registers the device and switches it on.
  void add_device(const std::string& name, const std::map<std::string, std::string>& labels);
  /// Release number n, and a fleet "kiosk" of all devices with label fleet=kiosk that should run it.
  void assign(std::uint32_t release, const api::v1::Policy& policy);
  /// Plans, signs and starts a rollout of the fleet; again when the plan got stale on the way.
  void roll_out();
  /// The same devices and its newest release, by selector: there may be any number of those at once.
  void roll_out_beside(const api::v1::Policy& policy);
  /// A release of its own for some devices: what command send does.
  void send_command();
  void change(const std::string& verb, const std::string& rollout);
  void decommission(const std::string& name);
  void relabel(const std::string& name);

  /// One act by chance.
  void meddle();
  /// Acts again and again, as often as the storm says.
  void keep_meddling();

  /// Ids of the rollouts that an operator was told of.
  [[nodiscard]] const std::vector<std::string>& rollouts() const { return rollouts_; }
  [[nodiscard]] std::uint32_t releases() const { return releases_; }

 private:
  void plan(const api::v1::MakePlanRequest& wanted, const std::string& scope, int tries_left);
  void start(const api::v1::Plan& plan, const std::string& scope, const api::v1::MakePlanRequest& wanted,
             int tries_left);
  void look_around();

  World& world_;
  std::vector<std::string> rollouts_;
  std::vector<std::string> names_;  // of registered devices
  std::uint32_t releases_ = 0;
  std::uint32_t commands_ = 0;
  std::uint32_t joiners_ = 0;
};

}  // namespace kelpie::test
