// Words of states, as people, JSON and events have them; and the proof that every live state has a baton.
#include <array>

#include "hub/core/rollout/rollout.h"

namespace kelpie::hub {
namespace {

enum class Baton { Hub, Device, Operator, Nobody };

struct StateRow {
  TargetState state;
  std::string_view word;
  bool is_terminal;
  Baton baton;        // who must move it
  bool has_deadline;  // a time after which the hub moves it by itself
};

constexpr std::array<StateRow, 14> kTargetStates = {{
    {TargetState::Waiting, "waiting", false, Baton::Hub, true},
    {TargetState::Preparing, "preparing", false, Baton::Device, true},
    {TargetState::Prepared, "prepared", false, Baton::Hub, true},
    {TargetState::Granted, "granted", false, Baton::Device, true},
    {TargetState::Executing, "executing", false, Baton::Device, true},
    {TargetState::Verifying, "verifying", false, Baton::Device, true},
    {TargetState::Soaking, "soaking", false, Baton::Device, true},
    {TargetState::Unknown, "unknown", false, Baton::Device, true},
    {TargetState::Succeeded, "succeeded", true, Baton::Nobody, false},
    {TargetState::Failed, "failed", true, Baton::Operator, false},
    {TargetState::Excluded, "excluded", true, Baton::Nobody, false},
    {TargetState::Superseded, "superseded", true, Baton::Nobody, false},
    {TargetState::Canceled, "canceled", true, Baton::Nobody, false},
    {TargetState::Deferred, "deferred", false, Baton::Device, true},
}};

constexpr bool table_is_sound() {
  for (std::size_t i = 0; i < kTargetStates.size(); ++i) {
    const StateRow& row = kTargetStates[i];
    if (static_cast<std::size_t>(row.state) != i) return false;
    if (!row.is_terminal && (row.baton == Baton::Nobody || !row.has_deadline)) return false;
  }
  return true;
}
static_assert(table_is_sound(), "every live target state has a baton and a deadline, in the enum's order");

}  // namespace

bool is_terminal(TargetState state) {
  return kTargetStates[static_cast<std::size_t>(state)].is_terminal;
}
std::string_view to_string(TargetState state) {
  return kTargetStates[static_cast<std::size_t>(state)].word;
}

bool is_terminal(RolloutPhase phase) {
  return phase == RolloutPhase::Aborted || phase == RolloutPhase::Succeeded;
}

std::string_view to_string(RolloutPhase phase) {
  switch (phase) {
    case RolloutPhase::Running: return "running";
    case RolloutPhase::Paused: return "paused";
    case RolloutPhase::Aborting: return "aborting";
    case RolloutPhase::Aborted: return "aborted";
    case RolloutPhase::Succeeded: return "succeeded";
  }
  return "";
}

std::string_view to_string(DriftRule rule) {
  switch (rule) {
    case DriftRule::Report: return "report";
    case DriftRule::Repair: return "repair";
    case DriftRule::Ignore: return "ignore";
  }
  return "";
}

std::string_view to_string(WavePhase phase) {
  switch (phase) {
    case WavePhase::Pending: return "pending";
    case WavePhase::Open: return "open";
    case WavePhase::Passed: return "passed";
    case WavePhase::Failed: return "failed";
    case WavePhase::Skipped: return "skipped";
  }
  return "";
}

std::string_view to_string(WaitReason reason) {
  switch (reason) {
    case WaitReason::None: return "";
    case WaitReason::Wave: return "wave";
    case WaitReason::Pause: return "pause";
    case WaitReason::Offline: return "offline";
    case WaitReason::Backoff: return "backoff";
    case WaitReason::Conflict: return "conflict";
    case WaitReason::PrepareCapacity: return "prepare-capacity";
  }
  return "";
}

std::string_view to_string(AttemptState state) {
  switch (state) {
    case AttemptState::Preparing: return "preparing";
    case AttemptState::Prepared: return "prepared";
    case AttemptState::Executing: return "executing";
    case AttemptState::Verifying: return "verifying";
    case AttemptState::Soaking: return "soaking";
    case AttemptState::Succeeded: return "succeeded";
    case AttemptState::Failed: return "failed";
    case AttemptState::Cancelled: return "cancelled";
    case AttemptState::Refused: return "refused";
  }
  return "";
}

}  // namespace kelpie::hub
