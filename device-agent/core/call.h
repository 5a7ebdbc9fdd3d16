// What the agent's loop asks of a worker, one at a time, and what comes back. Values only: the loop commits before it
// asks, and nothing here knows how it is done.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "device-agent/core/archive.h"
#include "device-agent/core/facts.h"
#include "device-agent/core/plan.h"
#include "proto/base/clock.h"

namespace kelpie::agent {

enum class Phase {
  Prepare,  // harmless: preflight, whatever can be fetched and pinned before GO; answers with the restore point
  Observe,  // is it so already? changes nothing
  Run,      // make it so; safe to repeat
  Verify,   // is it so now, by its effect
  Undo,     // back to the restore point, proved
};
[[nodiscard]] std::string_view to_string(Phase phase);

struct StepCall {
  Phase phase = Phase::Observe;
  Step step;
  std::string restore;                // Undo: what Prepare answered for this step
  std::string note = {};              // Observe, Run, Verify, Undo: what this step noted last, before a restart too
  std::uint64_t disk_free_bytes = 0;  // Prepare: the release's preflight
  ArchiveDoor door = {};              // inspect that wants an archive, Observe: where it goes
  std::string agent_view = {};        // with it: what the agent remembers, for people
};
struct ChecksCall {
  std::vector<Check> checks;
};
enum class Depth { Quick, Checkup };
struct FactsCall {
  std::vector<std::string> images;  // refs to report with their digests, beside the pinned ones
  Depth depth = Depth::Quick;
  std::vector<Step> watched;  // Checkup: of the release that succeeded here last
  Digest release;             // its digest; zero: none
};

struct Call {
  std::uint64_t id = 0;
  std::variant<StepCall, ChecksCall, FactsCall> what;
  Duration limit{};  // the worker kills what it started and answers when this has passed
};

enum class Verdict {
  Satisfied,  // Prepare: ready; Observe: is so; Run, Verify, Undo, checks: done and true
  Unmet,      // Observe: is not so; Verify, checks: not true
  Failed,     // could not be carried out
};

struct CallResult {
  Verdict verdict = Verdict::Failed;
  std::string summary;  // one line of evidence for people, at most 512 bytes
  std::string reason;   // closed set of words, with Unmet and Failed: image-pull-failed, sandbox-image-unavailable, …
  std::string detail;   // what, on what, why; at most 2048 bytes
  std::string output_tail;    // of the command that failed, colours stripped, at most 2048 bytes
  bool is_transient = false;  // rule R12: network, registry 5xx, disk pressure, lock busy, API server starting
  std::string restore;        // Prepare: opaque, at most 96 KiB; of all steps together 128 KiB
  Facts facts;                // FactsCall
  SentArchive archive;        // inspect with a door

  friend bool operator==(const CallResult&, const CallResult&) = default;
};

}  // namespace kelpie::agent
