// What an operator signs when a rollout starts: made from the preview that was shown, never from what the hub says the
// result is. ARCHITECTURE decision 4. Pure.
#pragma once

#include <string>

#include <kelpie/api/v1/api.pb.h>
#include <kelpie/v1/release.pb.h>

#include "proto/base/clock.h"
#include "proto/wire/trust.h"

namespace kelpie::cli {

/// A release whose signatures by operators hold.
struct ProvedRelease {
  v1::Release release;
  Digest digest;
  std::vector<std::string> persons;  // who signed it
  std::vector<std::string> dangers;  // why a plan for it must be dangerous
};
/// Errors: E_FRAME, E_TYPE, E_SIG, E_SCHEMA.
[[nodiscard]] Result<ProvedRelease> prove_release(std::string_view frame, const wire::Trust& trust);

/// The payload to sign. Recomputes the audience root from the leaves and the policy hash from waves and policy, as they
/// are in the preview, and checks that every number of a wave follows from its share.
/// Errors: PLAN_MISMATCH (code PermissionDenied) when the hub's own hashes, or the release, are something else: it
/// shows one thing and plans another.
[[nodiscard]] Result<v1::Plan> plan_to_sign(const api::v1::Plan& shown, const ProvedRelease& release, WallTime now);

/// A plan that another person signed, with one more signature. Everything in it but the expiry must be what I would
/// sign. Errors: E_FRAME, E_TYPE, E_SIG; PLAN_MISMATCH naming what differs; AlreadyExists when I signed it before.
[[nodiscard]] Result<std::string> co_signed(std::string_view frame, const v1::Plan& mine, const wire::Trust& trust,
                                            const wire::SigningKey& key);

}  // namespace kelpie::cli
