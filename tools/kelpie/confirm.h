// Asking before something is changed or lost.
#pragma once

#include <cstddef>
#include <string_view>

#include "tools/kelpie/command.h"

namespace kelpie::cli {

inline constexpr std::size_t kTypedNameAbove = 50;  // devices: more are confirmed by typing the hub's name

/// "decommission 3 devices" on a terminal names the hub too and waits for yes; above 50 the context's (or hub's) name
/// must be typed. --yes skips it.
/// Errors: InvalidArgument without a terminal and without --yes; DECLINED.
[[nodiscard]] Result<void> confirm(Invocation& invocation, std::string_view what, std::size_t count);

/// Where a context says confirm = always, every command that changes something asks first.
[[nodiscard]] Result<void> confirm_change(Invocation& invocation);

}  // namespace kelpie::cli
