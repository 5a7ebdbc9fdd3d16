// Planning: who, in which wave, with which integers. The preview is the run (rules R1 to R4, R25, R27).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hub/core/event.h"

namespace kelpie::hub {

/// Sizes of the waves for so many devices; they sum to `devices`, each at least one until nobody is left.
/// Source: R3, and R25 when `waves` is empty.
[[nodiscard]] std::vector<std::uint32_t> wave_sizes(std::uint32_t devices, const std::vector<WaveSpec>& waves);

/// R25's waves for a fleet of that size.
[[nodiscard]] std::vector<WaveSpec> default_waves(std::uint32_t devices);

/// R4: floor(M · basis points / 10000).
[[nodiscard]] std::uint32_t failures_max(std::uint32_t members, std::uint32_t failure_bp);
/// R4: the same for deferrals, at least 1 for two members and more unless none are allowed at all.
[[nodiscard]] std::uint32_t deferred_max(std::uint32_t members, std::uint32_t deferred_bp);

/// What a plan's signature covers beside its audience (R27): release, scope, ordered members per wave with their
/// integers, and the policy, each field framed by its length. Never estimates, online state or local times.
[[nodiscard]] Digest policy_hash(const Digest& release, const std::string& scope, const std::vector<PlannedWave>& waves,
                                 const Policy& policy);
[[nodiscard]] Digest audience_root(const std::vector<PlanLeaf>& leaves);

/// Errors: NotFound (fleet, release, device), FailedPrecondition (nobody matches), InvalidArgument (selector, waves).
[[nodiscard]] Result<Plan> make_plan(const HubState& state, const MakePlan& wanted, WallTime now);

/// Why the plan no longer holds; empty when it does (R1).
[[nodiscard]] std::string stale_because(const HubState& state, const Plan& plan);

}  // namespace kelpie::hub
