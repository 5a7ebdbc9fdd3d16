// What a track of MicroK8s brings with it (facts, microk8s 1). Values only: the CLI, the device and its double agree.
#pragma once

#include <string_view>

namespace kelpie::wire {

/// The base snap of a track: core20 of 1.32. Empty for tracks nobody has read the sources of.
[[nodiscard]] constexpr std::string_view base_of_track(int minor) {
  constexpr int kFirst = 24;
  constexpr int kFirstOnCore20 = 27;
  constexpr int kFirstOnCore22 = 34;
  constexpr int kLast = 36;
  if (minor < kFirst || minor > kLast) return {};
  return minor >= kFirstOnCore22 ? "core22" : minor >= kFirstOnCore20 ? "core20" : "core18";
}

}  // namespace kelpie::wire
