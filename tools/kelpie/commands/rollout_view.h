// A rollout on the screen: lanes of its waves with bars, why it stands where it stands, what to type next.
#pragma once

#include <string>
#include <vector>

#include <kelpie/api/v1/api.pb.h>

#include "proto/base/clock.h"
#include "tools/kelpie/view.h"

namespace kelpie::cli {

struct RolloutLook {
  WallTime now;
  std::size_t width = 0;    // of the terminal; 0: no limit
  bool is_watched = false;  // says that Ctrl-C stops nothing but the watching
};
[[nodiscard]] View show_rollout(api::v1::Rollout rollout, const RolloutLook& look);

/// A bar of so many characters; a part that is not zero is never invisible, whatever is rounded.
struct BarPart {
  std::uint32_t count = 0;
  std::string_view symbol;
  Tone tone = Tone::Plain;
};
[[nodiscard]] Line bar(const std::vector<BarPart>& parts, std::size_t width);

/// "rollout=01J… phase=paused reason=failure_limit wave=rest ok=59 updating=18 failed=4 waiting=19"
[[nodiscard]] std::string change_words(const api::v1::Rollout& rollout);

/// What the end of a rollout means for a script; Done while it runs.
[[nodiscard]] ExitCode exit_of(const api::v1::Rollout& rollout);
[[nodiscard]] bool is_over(const api::v1::Rollout& rollout);

}  // namespace kelpie::cli
