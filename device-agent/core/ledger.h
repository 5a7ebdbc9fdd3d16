// What a device remembers through a power cut: the one attempt it holds, how far it came, and the newest permission it
// has seen per scope. Committed before anything is done that it speaks of. Source: protocol section 3.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "device-agent/core/archive.h"
#include "device-agent/core/plan.h"
#include "proto/base/clock.h"
#include "proto/base/ids.h"

namespace kelpie::agent {

enum class AttemptState { Preparing, Prepared, Executing, Verifying, Soaking, Succeeded, Failed, Cancelled, Refused };
[[nodiscard]] std::string_view to_string(AttemptState state);
[[nodiscard]] bool is_final(AttemptState state);

enum class FailedOutcome { None, Restored, Broken, Preflight };
enum class StepOutcome { Open, Unchanged, Changed, Failed, Undone, UndoFailed };

/// One line of the ledger. Intent is written before a step runs, the outcome after it was proved.
struct StepRecord {
  bool has_intent = false;
  StepOutcome outcome = StepOutcome::Open;
  std::string summary;
  std::string output_tail;
  std::uint32_t duration_ms = 0;
  std::string restore;  // what Prepare found, opaque
  std::string note;     // of the step in hand, on its way there or back: opaque, at most 512 bytes
  SentArchive archive;
  friend bool operator==(const StepRecord&, const StepRecord&) = default;
};

/// Why an attempt does not succeed.
struct Failure {
  std::string reason;
  std::string detail;
  std::string refusal;  // E_…, with Refused
  bool is_transient = false;
  friend bool operator==(const Failure&, const Failure&) = default;
};

/// What the hub's GO allowed.
struct Limits {
  Duration soak{};
  Duration step{};
  Duration attempt{};
  Duration verify{};
  friend bool operator==(const Limits&, const Limits&) = default;
};

struct Attempt {
  AttemptId id;
  Digest hash;
  std::string scope;
  std::uint64_t generation = 0;
  std::string release_frame;  // as operators signed it: read and proved again after a restart
  Release release;
  AttemptState state = AttemptState::Preparing;
  Limits limits;
  ArchiveDoor door;            // of the GO; only as long as it is open
  Duration spent{};            // since GO, up to the last commit
  std::uint32_t restarts = 0;  // of the agent since GO
  std::uint32_t step = 0;      // index of the step in hand
  bool is_undoing = false;     // going back from `step`
  FailedOutcome outcome = FailedOutcome::None;
  Failure failure;
  std::vector<StepRecord> records;  // one per step of the release
  friend bool operator==(const Attempt&, const Attempt&) = default;
};

inline constexpr std::string_view kDeviceScope = "device";  // of a fleet's release

/// The release that succeeded here last: what is watched from then on.
struct ProvedRelease {
  Release release;
  std::string frame;  // as operators signed it
  friend bool operator==(const ProvedRelease&, const ProvedRelease&) = default;
};

/// The newest permission of a scope: nothing older is ever prepared again, and nothing that is over.
struct ScopeMark {
  std::uint64_t generation = 0;
  Digest release;
  std::uint32_t n = 0;     // of the newest attempt of that generation
  bool is_closed = false;  // that attempt has ended here, or another took its place
  friend bool operator==(const ScopeMark&, const ScopeMark&) = default;
};

struct Ledger {
  InstallId install;
  std::uint32_t hub_epoch = 0;  // highest seen
  std::optional<Attempt> attempt;
  std::optional<ProvedRelease> proved;
  std::map<std::string, ScopeMark> marks;  // by scope
  friend bool operator==(const Ledger&, const Ledger&) = default;
};

}  // namespace kelpie::agent
