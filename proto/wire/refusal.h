// Why a frame was refused. A closed set: counted, reported, and each leaves no effect. Those of protocol section 2
// whose rules are not built yet are not here.
#pragma once

#include <string_view>

#include "proto/base/result.h"

namespace kelpie::wire {

enum class Refusal {
  Frame,
  Type,
  Size,
  Sig,
  Role,
  TrustChain,
  Schema,
  Audience,
  Attempt,
  Nonce,
  Sequence,
  NotPrepared,
  Epoch,
  IdReuse,
  Expired,
  ClockUnsure,
  PlanSig,
  PlanLeaf,
  Threshold,
  GenOld,
  GenConflict,
  Policy,
  Digest,
  AgentTooOld,
  State,
};

/// E_FRAME, E_TYPE, …: also Error::reason of what wire and inbound return.
[[nodiscard]] std::string_view to_string(Refusal refusal);
/// The code is of the set.
[[nodiscard]] bool is_refusal(std::string_view code);
/// What the receiver may tell a person who asks.
[[nodiscard]] Code code_of(Refusal refusal);

}  // namespace kelpie::wire
