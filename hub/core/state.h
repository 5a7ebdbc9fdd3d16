// Everything the hub decides by. Owned by the loop; rebuilt from the store at start.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "hub/core/device.h"
#include "hub/core/drift.h"
#include "hub/core/rollout/rollout.h"

namespace kelpie::hub {

struct Release {
  Digest digest;  // BLAKE2b-256 of the payload
  std::string name;
  std::string version;
  std::string scope;
  std::string signed_by;                // person
  std::string frame;                    // exactly as signed
  std::vector<std::string> steps;       // one line each for people: "install 1.32/stable, held"
  std::vector<std::string> step_kinds;  // install, start, …
  std::vector<std::string> dangers;     // why a plan for it must be of class dangerous; empty: a change
  Wants wants;                          // what facts can deny of it; read from the frame, not stored
  bool asks_for_archive = false;        // of whoever carries it out; read from the frame, not stored
  WallTime created_at;
};

struct Fleet {
  std::string name;
  std::uint32_t revision = 1;
  std::string selector;   // as written, valid
  std::string release;    // name@version, or empty
  Digest release_digest;  // zero when release is empty
  Policy policy;
  WallTime created_at;
  std::string rollout;  // id of its newest rollout; empty: none
};

/// What an audit leaf holds; its bytes are records' business, its hash goes into the Merkle log.
struct AuditEntry {
  std::uint64_t number = 0;  // 0-based place in the log
  WallTime time;
  std::string actor;   // person, "device/<id>" or "hub"
  std::string action;  // rollout.start, target.granted, …
  std::string object;  // rollout/01J…, device/pi-07
  std::string reason;
  std::string plan_hash;   // hex, when there is one
  std::string frame_hash;  // hex, of the exact frame, when there is one
};
[[nodiscard]] std::string audit_leaf_bytes(const AuditEntry& entry);

/// A line of the event stream.
struct FeedEvent {
  std::uint64_t sequence = 0;  // 1-based, no gaps
  WallTime time;
  std::string type;    // device.online, target.failed, wave.opened, rollout.paused, …
  std::string object;  // device/pi-07, rollout/01J…, fleet/kiosk
  std::string reason;
  std::string message;
  std::string rollout;  // id, when it belongs to one
  std::string device;   // name, when it is about one
};

struct DueKey {
  WallTime at;
  enum class Kind { Target, Device, Rollout, Repair } kind = Kind::Target;
  std::string id;  // rollout ‖ '/' ‖ device hex; device hex; rollout; device hex
  friend auto operator<=>(const DueKey&, const DueKey&) = default;
  friend bool operator==(const DueKey&, const DueKey&) = default;
};

/// How many devices are where; kept, never counted by a scan.
struct Totals {
  std::map<Connection, std::uint32_t> connection;
  std::map<Update, std::uint32_t> update;
  std::map<Health, std::uint32_t> health;
};
struct FleetTotals {
  std::uint32_t devices = 0;
  Totals totals;
};

/// What a request with this key was answered, so that a retry after a lost reply does nothing twice.
struct Remembered {
  std::string fingerprint;  // BLAKE2b of the request; another request under the same key is an error
  std::string object;       // device/…, plan/…, rollout/…
  WallTime at;
};

/// What of devices' archives is kept.
struct ArchiveLimits {
  std::size_t per_device_max = 3;
  std::uint64_t bytes_max = 1ULL << 30U;  // of all together
};

struct HubState {
  using ByName = std::map<std::string, DeviceId, std::less<>>;
  std::map<DeviceId, Device> devices;
  ByName device_names;
  std::map<std::string, Fleet, std::less<>> fleets;
  std::map<Digest, Release> releases;
  std::map<std::string, Digest, std::less<>> release_names;  // name@version
  std::map<PlanId, Plan> plans;
  std::map<RolloutId, Rollout> rollouts;
  std::map<std::string, Remembered, std::less<>> remembered;  // by idempotency key

  std::set<DueKey> due;
  Totals totals;
  std::map<std::string, FleetTotals, std::less<>> fleet_totals;
  std::map<DeviceId, std::string> fleet_of;                // a device belongs to at most one fleet
  std::map<std::string, ByName, std::less<>> fleet_pages;  // fleet_of turned round, in the order people page through
  struct Counted {
    Connection connection;
    std::optional<Update> update;  // empty: in no fleet
    Health health;
    std::string fleet;
    Digest proved;
  };
  std::map<Digest, std::uint32_t> proved;          // devices that proved a release, kept
  std::map<DeviceId, Counted> counted;             // what each device adds to the totals now
  std::map<DeviceId, std::set<RolloutId>> queued;  // rollouts that wait for another one to leave the device
  std::set<DeviceId> repairs_held;                 // that their fleet wants repaired and nothing repairs
  Refusals refusals;                               // messages that this hub refused
  Refusals device_refusals;                        // frames that devices refused, as this run heard of them

  MerkleLog audit;
  std::uint64_t feed_sequence = 0;  // of the last event

  std::set<std::pair<WallTime, AttemptId>> archives_by_age;  // of all devices
  std::uint64_t archive_bytes = 0;                           // of all devices

  // Of this run only, never stored.
  ArchiveLimits archive_limits;
  WallTime started_at;
  WallTime newest_id;   // of rollouts and plans
  Digest nonce_secret;  // fresh at each start; nonces are its keyed hashes
  std::uint64_t nonces_drawn = 0;
  std::uint32_t trust_version = 1;
};

}  // namespace kelpie::hub
