// Waiting for something on the hub: looked at now, after each event about it, and now and then, until it is over or the
// time is.
#pragma once

#include <functional>
#include <string>

#include "tools/kelpie/command.h"

namespace kelpie::cli {

enum class Look { GoOn, Over };

struct Followed {
  std::string rollout;            // only its events; empty: any
  std::string device;             // only this device's
  std::string waiting_for;        // "rollout 01J9Q2 to end": the last line of a wait that ran out says it
  Duration timeout_otherwise{0};  // when --timeout is not given; 0: none
};

/// Calls look with the sequence of the newest event it will see the effect of.
/// Errors: look's; WAIT_ENDED (exit 124); HUB_UNREACHABLE when the hub stays away for two minutes.
[[nodiscard]] Result<void> follow(Invocation& invocation, const Followed& followed,
                                  const std::function<Result<Look>(const std::string& sequence)>& look);

/// Lines of the event stream as they come, each a JSON object with its line break; ends when take returns false or
/// the time is over. Reconnects where it was.
struct Streamed {
  std::string after;  // empty: only what happens from now on
  std::string rollout;
  std::string device;
  Duration timeout{0};
};
[[nodiscard]] Result<void> stream_events(Session& session, const Streamed& streamed,
                                         const std::function<bool(std::string_view line)>& take,
                                         const std::function<bool()>& on_idle);

/// The newest event's sequence; "0" when there is none.
[[nodiscard]] Result<std::string> newest_sequence(Session& session);

}  // namespace kelpie::cli
