// A device as the hub knows it, and what it reported about its attempt. Pure values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/core/drift.h"
#include "hub/core/policy.h"
#include "hub/core/warnings.h"
#include "proto/base/clock.h"
#include "proto/base/ids.h"

namespace kelpie::hub {

using IdentityKey = FixedBytes<struct IdentityKeyTag, 32>;  // Ed25519 public key; its BLAKE2b-128 is the device id
using Labels = std::map<std::string, std::string>;
using Refusals = std::map<std::string, std::uint64_t>;  // how often, by code: E_…

inline constexpr std::string_view kDeviceScope = "device";  // what a fleet assigns
inline constexpr std::string_view kAdhocScope = "adhoc";    // what command send makes

enum class AttemptState { Preparing, Prepared, Executing, Verifying, Soaking, Succeeded, Failed, Cancelled, Refused };
enum class FailedOutcome { None, Restored, Broken, Preflight };
enum class StepOutcome { Unchanged, Changed, Failed, Undone, UndoFailed };

struct StepResult {
  std::string kind;
  StepOutcome outcome = StepOutcome::Unchanged;
  std::string summary;
  std::string output_tail;
  std::uint32_t duration_ms = 0;
  std::string archive_sha256;  // hex, of what inspect sent; empty: nothing
  std::uint32_t archive_bytes = 0;
  friend bool operator==(const StepResult&, const StepResult&) = default;
};

/// The full state of a device's one attempt, as its newest report says.
struct ReportedAttempt {
  AttemptId id;
  Digest hash;
  AttemptState state = AttemptState::Preparing;
  Nonce nonce;  // with Prepared
  std::uint32_t step = 0;
  std::uint32_t step_count = 0;
  std::string step_kind;
  std::string phase;
  std::string progress;
  FailedOutcome outcome = FailedOutcome::None;
  std::string reason;
  std::string detail;
  std::string refusal;  // with Refused: E_…
  bool is_transient = false;
  Duration prepared_ago{};
  std::vector<StepResult> results;
  friend bool operator==(const ReportedAttempt&, const ReportedAttempt&) = default;
};
[[nodiscard]] bool is_final(AttemptState state);

/// What of the facts the core decides and counts by; the whole sheet lies in the store, opaque.
struct FactsSummary {
  bool is_ready = false;
  std::string node_state;  // running, starting, stopped, not-ready, worker, low-memory, not-installed, unknown
  std::uint32_t workloads_down = 0;
  std::string first_trouble;  // "nodered: ImagePullBackOff"
  std::string address;        // on the interface of its default route
  friend bool operator==(const FactsSummary&, const FactsSummary&) = default;
};

/// Which life and run of a device reported; neither has an order.
struct Incarnation {
  InstallId install;
  BootId boot;
  friend auto operator<=>(const Incarnation&, const Incarnation&) = default;
  friend bool operator==(const Incarnation&, const Incarnation&) = default;
};

/// What an inspect of this device sent, as it lies in a file of the hub.
struct Archive {
  AttemptId attempt;
  std::string sha256;  // hex, of the bytes that came
  std::uint32_t bytes = 0;
  WallTime at;
  std::uint32_t uploads = 1;  // in this attempt; the last one counts
  friend bool operator==(const Archive&, const Archive&) = default;
};

struct Assigned {
  std::uint64_t generation = 0;  // highest an accepted plan gave this device
  Digest release;
  friend bool operator==(const Assigned&, const Assigned&) = default;
};

enum class Connection { NeverSeen, Online, Offline };
enum class Update { UpToDate, Updating, OutOfDate, Failed };
enum class Health { Healthy, Degraded, Failed, Unknown };

/// What the hub did by itself about drift, and why it does nothing although the fleet wants it.
struct Repairs {
  std::map<std::string, std::vector<WallTime>, std::less<>> tries;  // of the last day, by field
  std::string held;
  friend bool operator==(const Repairs&, const Repairs&) = default;
};

struct Device {
  DeviceId id;
  std::string name;  // unique, for people
  Labels labels;
  std::uint32_t revision = 1;  // rises with every operator's change
  WallTime added_at;
  std::string added_by;

  std::optional<IdentityKey> key;  // brought by the first HELLO
  std::optional<Incarnation> incarnation;
  std::uint64_t sequence = 0;  // highest committed of this incarnation
  Nonce hub_nonce;             // outstanding; zero: none. Used up by the first report that quotes it; never restored
  std::string agent_version;
  std::uint32_t schema_max = 0;
  std::uint32_t heartbeat_s = 30;
  Connection connection = Connection::NeverSeen;
  WallTime last_seen;
  std::optional<FactsSummary> facts;
  Warnings warnings;        // of the newest readings
  std::string health_note;  // e.g. state-unwritable
  Refusals refusals;        // frames that it refused since its agent's start

  std::map<std::string, Assigned, std::less<>> assigned;  // by scope
  Digest proved_release;  // release of scope "device" whose success this install reported; zero: none
  Drift drift;            // what facts of after that success deny of it
  Repairs repairs;
  std::optional<AttemptId> lease;    // the right to be disrupted, held until health is proved
  std::optional<RolloutId> rollout;  // the one whose target is active here
  bool is_updating = false;          // GO given, no final word yet
  std::string failure_reason;        // of the last FAILED attempt while its release is still wanted
  std::string failure_detail;
  std::optional<AttemptId> failed_attempt;
  std::vector<Archive> archives;  // newest first
};

/// The release it proved and still has; zero: none.
[[nodiscard]] Digest present_release(const Device& device);
/// wanted: zero when in no fleet. With drift ignored, what it proved counts.
[[nodiscard]] Update update_of(const Device& device, const Digest& wanted, DriftRule drift);
[[nodiscard]] Health health_of(const Device& device);
[[nodiscard]] std::string_view to_string(Connection connection);
[[nodiscard]] std::string_view to_string(Update update);
[[nodiscard]] std::string_view to_string(Health health);

}  // namespace kelpie::hub
