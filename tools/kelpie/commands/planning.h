// From a wish to a running rollout: ask for a plan, look at it, sign what was shown, start.
#pragma once

#include <string>

#include "tools/kelpie/command.h"
#include "tools/kelpie/commands/plan_view.h"
#include "tools/kelpie/signing/signer.h"

namespace kelpie::cli {

// --fleet, -l and device names say for whom; --waves, --max-failed and --soak replace parts of the policy.
[[nodiscard]] std::vector<Flag> planning_flags();

/// words: a release first (unless the fleet's is meant), then devices. Errors: InvalidArgument; the hub's.
[[nodiscard]] Result<api::v1::MakePlanRequest> plan_request(Invocation& invocation,
                                                            const std::vector<std::string>& words);

/// Signs the plan as it was shown and starts it. With --save the signed plan goes to a file for another person instead;
/// with --co-sign that person's file gets a second signature. verb: of command send; empty otherwise.
/// Errors: PLAN_STALE (exit 5); PLAN_MISMATCH (exit 4); the hub's.
struct Start {
  std::string reason;
  std::string verb;
};
[[nodiscard]] Result<api::v1::Rollout> start_plan(Invocation& invocation, const PlanSight& sight, const Signer& signer,
                                                  const Start& start);

/// What command send does with a release that the hub has: planned for these devices, all at once, signed and started.
[[nodiscard]] Result<api::v1::Rollout> start_adhoc(Invocation& invocation, const ProvedRelease& release,
                                                   const std::vector<std::string>& devices, const Signer& signer,
                                                   const Start& start);

}  // namespace kelpie::cli
