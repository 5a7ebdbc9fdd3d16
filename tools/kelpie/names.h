// Names as people type them: a device's whole name or a beginning of it, labels, fleet/NAME, "-" for stdin, a rollout's
// id or its first characters.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tools/kelpie/command.h"

namespace kelpie::cli {

inline constexpr std::size_t kStdinNamesMax = 100'000;  // chosen: far above any fleet

/// Errors: NotFound with the nearest name; InvalidArgument when the beginning fits several.
[[nodiscard]] Result<std::string> one_device(Session& session, const std::string& typed);

/// All that the words, -l and --where together mean: each word a device, fleet/NAME or "-". Sorted, each once.
/// Errors: as one_device; InvalidArgument when nothing was named; NotFound when nothing matches.
[[nodiscard]] Result<std::vector<std::string>> some_devices(Invocation& invocation,
                                                            const std::vector<std::string>& words);

/// Errors: NotFound; InvalidArgument when the beginning fits several.
[[nodiscard]] Result<std::string> one_rollout(Session& session, const std::string& typed);

/// The error of a fleet or release that is not there, with the nearest name added to it.
[[nodiscard]] Error with_nearest(Session& session, Error error, std::string_view list_rpc, const std::string& typed);

/// What stdin holds, up to a limit. Errors: ResourceExhausted.
[[nodiscard]] Result<std::vector<std::string>> stdin_lines();
/// A file's lines; "-" is stdin. Errors: NotFound; ResourceExhausted.
[[nodiscard]] Result<std::vector<std::string>> lines_of(const std::string& path);

}  // namespace kelpie::cli
