// A rollout as the hub records it: the frozen plan, its waves and their counters, its targets. Pure values.
// State tables: rollouts section 3; counters: R4.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "hub/core/device.h"
#include "hub/core/policy.h"

namespace kelpie::hub {

/// One wave of a plan: who, and the integers that will be enforced.
struct PlannedWave {
  std::string name;
  std::vector<DeviceId> devices;  // R2's order
  std::uint32_t failures_max = 0;
  std::uint32_t deferred_max = 0;
  std::uint32_t successes_min = 1;
  std::uint32_t failure_bp = 0;  // what the integers came from, for when members leave (R4: X)
  std::uint32_t deferred_bp = 0;
  Duration soak{};
  friend bool operator==(const PlannedWave&, const PlannedWave&) = default;
};

/// The frozen preview of a rollout. Nothing in it changes by the minute (R27).
struct Plan {
  PlanId id;
  std::string fleet;  // empty: ad hoc
  std::uint32_t fleet_revision = 0;
  std::string selector;  // as written; empty when devices were named
  Digest release;
  std::string scope;  // kDeviceScope or kAdhocScope
  Policy policy;
  std::vector<PlannedWave> waves;
  std::vector<PlanLeaf> leaves;            // sorted by device id; every member of every wave, once
  std::vector<std::string> already_there;  // names of members that report this release as proved (they become no-ops)
  std::vector<std::string> warnings;       // for people
  WallTime created_at;
  std::string created_by;
  RolloutId started_as;  // empty: not started
  Digest policy_hash;    // BLAKE2b-256 over release, ordered members per wave, integers, policy: never estimates
  Digest audience_root;  // Merkle root of leaves
};

enum class RolloutPhase { Running, Paused, Aborting, Aborted, Succeeded };
enum class WavePhase { Pending, Open, Passed, Failed, Skipped };
enum class TargetState {
  Waiting,
  Preparing,
  Prepared,
  Granted,
  Executing,
  Verifying,
  Soaking,
  Unknown,
  Succeeded,
  Failed,
  Excluded,
  Superseded,
  Canceled,
  Deferred,
};
/// Closed set (rollouts section 3); those whose rules are not built yet are not here.
enum class WaitReason { None, Wave, Pause, Offline, Backoff, Conflict, PrepareCapacity };

[[nodiscard]] std::string_view to_string(RolloutPhase phase);
[[nodiscard]] std::string_view to_string(WavePhase phase);
[[nodiscard]] std::string_view to_string(TargetState state);
[[nodiscard]] std::string_view to_string(WaitReason reason);
[[nodiscard]] std::string_view to_string(AttemptState state);

struct Target {
  RolloutId rollout;
  DeviceId device;
  std::uint32_t wave = 0;  // index
  std::uint64_t generation = 0;
  std::uint32_t leaf_index = 0;
  TargetState state = TargetState::Waiting;
  WaitReason reason = WaitReason::Wave;
  std::string conflict;          // with WaitReason::Conflict: the other rollout's id
  WallTime wake_at;              // when it is next looked at; every live target has one
  WallTime since;                // when it came into this state
  WallTime deadline;             // of this state; what happens then is the state table's
  std::uint32_t attempt = 0;     // n of the newest attempt; 0: none yet
  bool is_attempt_open = false;  // the device may still hold or take it; a new one is made only when it is closed
  std::uint32_t transient_failures = 0;
  bool is_cancelling = false;           // CANCEL is sent until the device closes the attempt
  bool is_catch_up = false;             // deferred once, now served beside later waves
  std::optional<Nonce> prepared_nonce;  // of the newest PREPARED report
  WallTime prepared_at;
  std::optional<Nonce> granted_nonce;  // quoted by the last GO
  WallTime granted_at;
  std::uint32_t sends = 0;   // of the present message, for back-off
  ReportedAttempt reported;  // newest state of the newest attempt, for people
};

/// R4's letters. M = S + F + U + D + X + R at every commit.
struct WaveCounters {
  std::uint32_t members = 0;    // M
  std::uint32_t excluded = 0;   // X: excluded, superseded, canceled
  std::uint32_t deferred = 0;   // D
  std::uint32_t succeeded = 0;  // S
  std::uint32_t failed = 0;     // F: failed, and regressed from any passed wave
  std::uint32_t unknown = 0;    // U
  std::uint32_t rest = 0;       // R
  friend bool operator==(const WaveCounters&, const WaveCounters&) = default;
};

/// Who of a wave has a GO and who could still get one, catch-up included; kept for people, never stored.
struct WaveMoves {
  std::uint32_t in_flight = 0;
  std::uint32_t waiting = 0;
};

struct Wave {
  PlannedWave plan;
  WavePhase phase = WavePhase::Pending;
  WaveCounters counters;
  WaveMoves moves;
  WallTime opened_at;
  WallTime closed_at;
};

struct Rollout {
  RolloutId id;
  PlanId plan;
  std::string fleet;  // empty: ad hoc
  Digest release;
  std::string scope;
  Policy policy;
  std::string verb;        // with ad hoc: what command send was asked ("enable-addon dns"); empty otherwise
  Digest plan_hash;        // BLAKE2b-256 of the signed payload
  std::string plan_frame;  // exactly as operators signed it
  RolloutPhase phase = RolloutPhase::Running;
  std::string phase_reason;  // failure_limit, operator, deadline, no_evidence, …; empty while running
  std::string phase_detail;  // one sentence with numbers for people
  std::vector<Wave> waves;
  std::uint32_t open_wave = 0;
  std::map<DeviceId, Target> targets;
  std::map<std::string, std::set<DeviceId>> failed;  // by reason; kept, never stored
  std::uint32_t catch_up_left = 0;                   // deferred targets still served
  WallTime started_at;
  std::string started_by;
  std::string signed_by;  // persons, "ana, ben"
  std::string reason;     // the operator's --reason
  WallTime ended_at;
  WallTime deadline;
  std::uint32_t revision = 1;
  std::vector<PlanLeaf> leaves;                // sorted by device id; a target's leaf_index points here
  std::shared_ptr<const MerkleTree> audience;  // over leaves; built once, never stored
};

[[nodiscard]] bool is_terminal(RolloutPhase phase);
[[nodiscard]] bool is_terminal(TargetState state);

}  // namespace kelpie::hub
