// What must never happen, whatever fails: checked after every step of the hub and of each agent, against what devices
// really did. Source: rollouts section 6; protocol section 3.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "device-agent/core/memory.h"
#include "hub/core/state.h"
#include "hub/store/kv.h"

namespace kelpie::test {

class Safety {
 public:
  // ---- the broker saw ----
  void report_sent(ByteView frame);
  /// A GO or anything else from the hub, as it left.
  void delivery_sent(ByteView frame, const hub::HubState& state);

  // ---- a device did ----
  void agent_stepped(const DeviceId& device, const agent::Memory& memory);
  void observed(const AttemptId& attempt, std::uint32_t step, bool is_unmet);
  void run_started(const AttemptId& attempt, std::uint32_t step);

  // ---- the hub committed ----
  void hub_stepped(const hub::HubState& state, const hub::KeyValueStore& store, WallTime now);
  /// An operator was told that the rollout started (Running) or is being aborted: no crash may undo it.
  void promised(const RolloutId& rollout, hub::RolloutPhase phase);

  [[nodiscard]] const std::string& violation() const { return violation_; }
  void violate(std::string what);
  /// Attempts that a device took in hand.
  [[nodiscard]] std::size_t executed() const { return executed_.size(); }

 private:
  using Key = std::pair<AttemptId, Nonce>;
  struct StepSeen {
    bool may_run = false;
    std::uint32_t runs = 0;
  };
  struct DeviceSeen {
    InstallId install;
    std::optional<AttemptId> attempt;
    agent::AttemptState state = agent::AttemptState::Preparing;
    bool is_undoing = false;
    bool is_confirmed = true;
    Nonce nonce;
    bool has_soaked = false;
  };
  struct RolloutSeen {
    hub::RolloutPhase phase = hub::RolloutPhase::Running;
    WallTime since;
  };

  void check_rollout(const hub::HubState& state, const hub::Rollout& rollout, WallTime now);
  void check_target(const hub::HubState& state, const hub::Rollout& rollout, const hub::Target& target);
  void check_devices(const hub::HubState& state);
  void check_store(const hub::HubState& state, const hub::KeyValueStore& store);
  void check_lease_end(const AttemptId& ended, const DeviceId& device);
  void check_go(const AttemptId& id, const Nonce& nonce, const hub::HubState& state);

  std::set<Key> prepared_;
  std::set<Key> gone_;      // GOs that left
  std::set<Key> accepted_;  // GOs that a device obeyed
  std::set<AttemptId> executed_;
  std::set<AttemptId> known_started_;  // to the hub
  std::set<AttemptId> succeeded_;
  std::map<std::pair<AttemptId, std::uint32_t>, StepSeen> steps_;
  std::map<DeviceId, DeviceSeen> devices_;
  std::map<std::pair<DeviceId, std::string>, std::pair<std::uint64_t, std::uint32_t>> newest_;  // per scope

  std::map<RolloutId, RolloutSeen> rollouts_;
  std::map<RolloutId, hub::RolloutPhase> promises_;  // Running or Aborting: what no retry or resume takes back
  std::map<DeviceId, AttemptId> leases_;
  std::string violation_;
};

}  // namespace kelpie::test
