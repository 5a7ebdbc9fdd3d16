// The wire's and the reports' words for the core's enums.
#include "device-agent/core/call.h"
#include "device-agent/core/ledger.h"

namespace kelpie::agent {

std::string_view to_string(Phase phase) {
  switch (phase) {
    case Phase::Prepare: return "prepare";
    case Phase::Observe: return "observe";
    case Phase::Run: return "run";
    case Phase::Verify: return "verify";
    case Phase::Undo: return "undo";
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

bool is_final(AttemptState state) {
  return state >= AttemptState::Succeeded;
}

}  // namespace kelpie::agent
