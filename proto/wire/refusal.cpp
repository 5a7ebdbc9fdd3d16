#include "proto/wire/refusal.h"

namespace kelpie::wire {

std::string_view to_string(Refusal refusal) {
  switch (refusal) {
    case Refusal::Frame: return "E_FRAME";
    case Refusal::Type: return "E_TYPE";
    case Refusal::Size: return "E_SIZE";
    case Refusal::Sig: return "E_SIG";
    case Refusal::Role: return "E_ROLE";
    case Refusal::TrustChain: return "E_TRUST_CHAIN";
    case Refusal::Schema: return "E_SCHEMA";
    case Refusal::Audience: return "E_AUDIENCE";
    case Refusal::Attempt: return "E_ATTEMPT";
    case Refusal::Nonce: return "E_NONCE";
    case Refusal::Sequence: return "E_SEQUENCE";
    case Refusal::NotPrepared: return "E_NOT_PREPARED";
    case Refusal::Epoch: return "E_EPOCH";
    case Refusal::IdReuse: return "E_ID_REUSE";
    case Refusal::Expired: return "E_EXPIRED";
    case Refusal::ClockUnsure: return "E_CLOCK_UNSURE";
    case Refusal::PlanSig: return "E_PLAN_SIG";
    case Refusal::PlanLeaf: return "E_PLAN_LEAF";
    case Refusal::Threshold: return "E_THRESHOLD";
    case Refusal::GenOld: return "E_GEN_OLD";
    case Refusal::GenConflict: return "E_GEN_CONFLICT";
    case Refusal::Policy: return "E_POLICY";
    case Refusal::Digest: return "E_DIGEST";
    case Refusal::AgentTooOld: return "E_AGENT_TOO_OLD";
    case Refusal::State: return "E_STATE";
  }
  return "E_STATE";
}

bool is_refusal(std::string_view code) {
  for (int i = 0; i <= static_cast<int>(Refusal::State); ++i) {
    if (to_string(static_cast<Refusal>(i)) == code) return true;
  }
  return false;
}

Code code_of(Refusal refusal) {
  switch (refusal) {
    case Refusal::Frame:
    case Refusal::Type:
    case Refusal::Size:
    case Refusal::Schema:
    case Refusal::Audience: return Code::InvalidArgument;
    case Refusal::Sig:
    case Refusal::Role:
    case Refusal::TrustChain:
    case Refusal::PlanSig:
    case Refusal::PlanLeaf:
    case Refusal::Threshold:
    case Refusal::Policy: return Code::PermissionDenied;
    case Refusal::IdReuse:
    case Refusal::GenConflict: return Code::Conflict;
    case Refusal::Digest: return Code::DataLoss;
    case Refusal::AgentTooOld: return Code::NotSupported;
    case Refusal::Attempt:
    case Refusal::Nonce:
    case Refusal::Sequence:
    case Refusal::NotPrepared:
    case Refusal::Epoch:
    case Refusal::Expired:
    case Refusal::ClockUnsure:
    case Refusal::GenOld:
    case Refusal::State: return Code::FailedPrecondition;
  }
  return Code::FailedPrecondition;
}

}  // namespace kelpie::wire
