// A rollout policy between the API's message and the core's value. What is absent is the default of its rule; what
// names a rule that is not built is refused, never passed over (rule R28).
#pragma once

#include <string>
#include <string_view>

#include "hub/core/policy.h"

namespace kelpie::api::v1 {
class Policy;
}

namespace kelpie::hub {

inline constexpr int kWavesMax = 32;              // chosen: more than any fleet of 10,000 needs
inline constexpr std::uint32_t kRetriesMax = 10;  // chosen: R12's default is 3
inline constexpr int kBackoffsMax = 10;           // chosen: one per retry
inline constexpr Duration kPolicyDurationMax = std::chrono::hours(24 * 90);  // chosen: fits GO's seconds by far

/// path: of the policy in its request, for errors ("spec.policy"). Errors: InvalidArgument; NotSupported.
[[nodiscard]] Result<Policy> to_policy(const api::v1::Policy& in, std::string_view path);
/// Everything written out, defaults too.
void show_policy(const Policy& policy, api::v1::Policy& out);
/// A key that rollouts section 5 has and this hub has not: joiners, gates, budgets, …
[[nodiscard]] bool is_unbuilt_policy_key(std::string_view key);

}  // namespace kelpie::hub
