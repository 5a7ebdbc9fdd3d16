// What the rules of one target are made of: its state with the books kept right, its lease, what is sent to its device.
// For the .cpp files of this folder.
#pragma once

#include <string>

#include "hub/core/rollout/target.h"

namespace kelpie::hub {

inline constexpr Duration kPrepareRepeat =
    std::chrono::seconds(5);  // chosen: a lost PREPARE costs seconds, not minutes
inline constexpr Duration kGoRepeat = std::chrono::seconds(2);
inline constexpr Duration kRepeatMax = std::chrono::seconds(60);
inline constexpr Duration kNonceFresh =
    std::chrono::minutes(5);  // protocol section 3: older ones are renewed before a GO
inline constexpr Duration kGoValid = std::chrono::minutes(10);  // protocol section 3: of the device, since its nonce
inline constexpr Duration kIdle = std::chrono::hours(1);        // nothing to do but look again

[[nodiscard]] Duration repeat_after(Duration first, std::uint32_t sends);
[[nodiscard]] Device& device_of(Turn& turn, const Target& target);
[[nodiscard]] bool is_online(Turn& turn, const Target& target);
[[nodiscard]] bool is_in_flight(TargetState state);
/// Nothing is granted any more; what is under way may end.
[[nodiscard]] bool is_over(const Rollout& rollout);
void set_state(Turn& turn, Rollout& rollout, Target& target, TargetState state);
void set_waiting(Turn& turn, Rollout& rollout, Target& target, WaitReason reason, WallTime wake_at);
void note(Turn& turn, const Rollout& rollout, const Target& target, std::string type, std::string reason,
          std::string message);
void release_lease(Turn& turn, Target& target);
void take_lease(Turn& turn, Target& target);
void send_prepare(Turn& turn, Target& target);
void send_go(Turn& turn, const Rollout& rollout, Target& target);
void send_cancel(Turn& turn, const Rollout& rollout, Target& target);
void grant(Turn& turn, Rollout& rollout, Target& target);
/// Before GO: begins a new attempt, or says what it waits for; grants what is prepared, or asks for another nonce.
void wait_or_begin(Turn& turn, Rollout& rollout, Target& target);
void grant_or_refresh(Turn& turn, Rollout& rollout, Target& target);
void fail_target(Turn& turn, Rollout& rollout, Target& target, const std::string& reason, const std::string& detail);

}  // namespace kelpie::hub
