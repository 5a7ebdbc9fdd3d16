// What follows from a decision. The shell commits `changed`, `audit`, `feed` and `facts` in one batch, then acts on
// the rest. Nothing here is done before the commit.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "hub/core/state.h"

namespace kelpie::hub {

// ---- records to write or delete (whatever is no longer in the state is deleted)
// --------------------------------------
struct DeviceKey {
  DeviceId id;
  friend auto operator<=>(const DeviceKey&, const DeviceKey&) = default;
};
struct FleetKey {
  std::string name;
  friend auto operator<=>(const FleetKey&, const FleetKey&) = default;
};
struct ReleaseKey {
  Digest digest;
  friend auto operator<=>(const ReleaseKey&, const ReleaseKey&) = default;
};
struct PlanKey {
  PlanId id;
  friend auto operator<=>(const PlanKey&, const PlanKey&) = default;
};
struct RolloutKey {  // without its targets; waves and counters included
  RolloutId id;
  friend auto operator<=>(const RolloutKey&, const RolloutKey&) = default;
};
struct TargetKey {
  RolloutId rollout;
  DeviceId device;
  friend auto operator<=>(const TargetKey&, const TargetKey&) = default;
};
struct RememberedKey {
  std::string key;
  friend auto operator<=>(const RememberedKey&, const RememberedKey&) = default;
};
using RecordKey = std::variant<DeviceKey, FleetKey, ReleaseKey, PlanKey, RolloutKey, TargetKey, RememberedKey>;

// ---- messages: outbound seals them with the hub's key ---------------------------------------------------------------
struct SendPrepare {
  AttemptId attempt;  // plan frame, leaf, proof and release frame are in the state
};
struct SendGo {
  AttemptId attempt;
  Nonce nonce;
  std::uint32_t soak_s = 0;
  std::uint32_t step_limit_s = 0;
  std::uint32_t attempt_limit_s = 0;
  std::uint32_t verify_limit_s = 0;
};
struct SendCancel {
  AttemptId attempt;
  Digest attempt_hash;
};
struct SendRead {
  DeviceId device;
  Nonce hub_nonce;
};
struct SendBeacon {
  DeviceId device;
  Nonce heartbeat_nonce;  // zero: none
  Incarnation incarnation;
  std::uint64_t sequence = 0;
  Digest holds_digest;
  Nonce hub_nonce;  // zero: none
};
using Message = std::variant<SendPrepare, SendGo, SendCancel, SendRead, SendBeacon>;

/// What a write made or changed: "device/pi-07", "plan/01J…"; the API shows that object.
struct Reply {
  std::uint64_t request = 0;
  Result<std::string> object;
};

struct Effects {
  std::set<RecordKey> changed;
  std::vector<AuditEntry> audit;
  std::vector<FeedEvent> feed;
  std::vector<std::pair<DeviceId, std::string>> facts;  // sheets to store as they came
  bool must_sync = false;  // GO with its lease, audit, whatever ends something; heartbeats never
  std::vector<Message> messages;
  std::vector<Reply> replies;
  std::vector<std::string> dropped_files;  // of archives that are kept no more
};

}  // namespace kelpie::hub
