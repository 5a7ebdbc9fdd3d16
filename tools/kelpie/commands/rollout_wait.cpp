#include "tools/kelpie/commands/rollout_wait.h"

#include <fmt/core.h>

#include "tools/kelpie/commands/rollout_view.h"
#include "tools/kelpie/follow.h"

namespace kelpie::cli {
Result<api::v1::Rollout> get_rollout(Session& session, const std::string& id) {
  api::v1::Named request;
  request.set_name(id);
  return session.call<api::v1::Rollout>("GetRollout", request);
}

Result<View> watch_rollout(Invocation& in, const std::string& id, Duration timeout_otherwise) {
  View last;
  const bool is_through = in.has("through-pause");
  SystemClock clock;
  const auto look = [&](const std::string& sequence) -> Result<Look> {
    KELPIE_TRY(api::v1::Rollout rollout, get_rollout(in.session(), id));
    const bool is_end = is_over(rollout) || (rollout.status().phase() == "paused" && !is_through);
    const ExitCode exit = is_end ? exit_of(rollout) : ExitCode::Done;
    const std::string change = change_words(rollout);
    const WallTime now = clock.wall();
    last = show_rollout(std::move(rollout), {.now = now, .width = in.screen().width(), .is_watched = !is_end});
    last.exit = exit;
    in.screen().frame({.view = last, .change = change, .time = now, .sequence = sequence});
    return is_end ? Look::Over : Look::GoOn;
  };
  KELPIE_TRY(follow(in,
                    {.rollout = id,
                     .device = {},
                     .waiting_for = fmt::format("rollout {} to end", id),
                     .timeout_otherwise = timeout_otherwise},
                    look));
  return last;
}

}  // namespace kelpie::cli
