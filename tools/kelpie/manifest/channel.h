// MicroK8s channels: which may be named, and what a track brings with it. Source: facts, microk8s 1.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proto/base/result.h"

namespace kelpie::cli {

struct Channel {
  int minor = 0;  // 32 of 1.32
  bool is_strict = false;
  std::string risk;  // stable, candidate, beta, edge
};

/// "1.32/stable" (classic) or "1.32-strict/stable". Errors: InvalidArgument that says what to write, also for the
/// spellings of older guides (latest/edge/strict, 1.32, stable).
[[nodiscard]] Result<Channel> parse_channel(std::string_view text);
[[nodiscard]] std::string to_string(const Channel& channel);  // 1.32-strict/stable
[[nodiscard]] std::string track_of(const Channel& channel);   // 1.32

/// False for tracks nobody has read the sources of; what is said about tracks then says nothing.
[[nodiscard]] bool is_known_track(const Channel& channel);

/// Why an image that Kubernetes itself asks for is of no use on this track: "1.32 asks for registry.k8s.io/pause:3.10".
/// Empty for all other images, and when it fits.
[[nodiscard]] std::string misfit_of(std::string_view image_ref, const Channel& channel);

}  // namespace kelpie::cli
