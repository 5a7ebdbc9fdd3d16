// What can happen to the hub, judged and parsed: inbound makes these, decide takes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "hub/core/state.h"

namespace kelpie::hub {

// ---- from devices -------------------------------------------------------------------------------------------------

struct HelloReport {
  IdentityKey key;
  std::string agent_version;
  std::uint32_t trust_version = 0;
  std::uint32_t schema_max = 0;
};

/// A report whose signature by the device's own key holds.
struct ReportReceived {
  DeviceId device;
  Incarnation incarnation;
  std::uint64_t sequence = 0;
  Nonce hub_nonce;        // zero: none quoted
  Nonce heartbeat_nonce;  // zero: none
  std::optional<HelloReport> hello;
  std::optional<ReportedAttempt> attempt;
  std::optional<FactsSummary> facts;
  std::optional<Sight> sight;  // of the same facts: what can deny a release
  Readings readings;           // of the same facts: what can warn
  std::string facts_bytes;     // the sheet as it came, for the store; empty when facts is absent
  std::string health_note;
  Refusals refusals;  // frames that the device refused since its agent's start
  Digest frame_hash;
};

/// A frame that was refused: counted, never answered.
struct FrameRefused {
  std::string code;  // E_…
};

struct BrokerLink {
  bool is_connected = false;
};

// ---- from operators -----------------------------------------------------------------------------------------------

struct Actor {
  std::string name;
  std::string request;  // request id, for logs
};

struct AddDevice {
  std::string name;
  DeviceId id;
  Labels labels;
};
struct LabelDevice {
  std::string name;
  Labels set;
  std::vector<std::string> remove;
};
struct RenameDevice {
  std::string name;
  std::string new_name;
};
struct DecommissionDevice {
  std::string name;
  std::string reason;
};
/// The frame's signature by an operator holds and its content is valid.
struct StoreRelease {
  Release release;
};
struct ApplyFleet {
  Fleet fleet;  // revision, created_at and rollout are the hub's
  std::optional<std::uint32_t> if_revision;
};
struct DeleteFleet {
  std::string name;
  std::optional<std::uint32_t> if_revision;
};
struct MakePlan {
  std::string fleet;                 // this fleet's devices and policy, unless…
  std::string selector;              // …ad hoc: this selector's,
  std::vector<std::string> devices;  // or these, by name
  std::string release;               // name@version; empty: the fleet's
  std::optional<Policy> policy;      // over the fleet's
};
/// An operator's signature over a Plan payload. inbound checked signatures and thresholds; decide compares the meaning
/// with the stored plan.
struct SignedPlan {
  Digest hash;  // BLAKE2b-256 of the payload
  std::string frame;
  std::string scope;
  std::uint32_t count = 0;
  Digest audience_root;
  Digest policy_hash;
  WallTime not_after;
  std::vector<std::string> persons;
  bool is_dangerous = false;  // its class
};
struct StartRollout {
  PlanId plan;
  SignedPlan signed_plan;
  std::string reason;
  std::string verb;  // with command send: what it says; empty otherwise
};
enum class RolloutVerb { Pause, Resume, Abort, Retry };
struct ChangeRollout {
  RolloutId rollout;
  RolloutVerb verb = RolloutVerb::Pause;
  std::string reason;
  std::vector<std::string> devices;  // Retry: only these; empty: all failed ones
};

/// An archive has come whole and lies in its file. Not asked by an operator: by the door for devices.
struct StoreArchive {
  AttemptId attempt;
  std::string sha256;  // hex
  std::uint32_t bytes = 0;
};

struct ApiWrite {
  std::uint64_t request = 0;  // where the reply goes
  Actor actor;
  std::string idempotency_key;  // empty: none
  std::string fingerprint;      // of the request
  bool is_dry_run = false;
  std::variant<AddDevice, LabelDevice, RenameDevice, DecommissionDevice, StoreRelease, ApplyFleet, DeleteFleet,
               MakePlan, StartRollout, ChangeRollout, StoreArchive>
      what;
};

/// First event of every run.
struct HubStarted {
  Digest nonce_secret;
};
struct Tick {};

using Event = std::variant<HubStarted, Tick, BrokerLink, ReportReceived, FrameRefused, ApiWrite>;

}  // namespace kelpie::hub
