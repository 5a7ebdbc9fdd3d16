// Why a frame was refused. A closed set: counted, reported, and each leaves no effect. Source: protocol section 2.
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
  KeyRevoked,
  KeyExpired,
  TrustBehind,
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
  NotYet,
  ClockUnsure,
  PlanSig,
  PlanLeaf,
  Threshold,
  GenOld,
  GenConflict,
  Policy,
  Held,
  Brake,
  Digest,
  Resource,
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
