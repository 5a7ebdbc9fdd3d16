#include "proto/wire/snap_rules.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <string_view>

#include <fmt/core.h>
#include <kelpie/v1/release.pb.h>

#include "proto/wire/tracks.h"

namespace kelpie::wire {
namespace {

// In the order in which they are installed. Whatever else a snap may do as root, no release brings it.
constexpr std::array<std::string_view, 6> kSnaps = {"snapd", "core", "core18", "core20", "core22", "microk8s"};

std::size_t place_of(std::string_view name) {
  return static_cast<std::size_t>(std::find(kSnaps.begin(), kSnaps.end(), name) - kSnaps.begin());
}

bool is_digest(std::string_view text) {
  constexpr std::string_view kAlgorithm = "sha256:";
  constexpr std::size_t kHexDigits = 64;
  if (!text.starts_with(kAlgorithm)) return false;
  text.remove_prefix(kAlgorithm.size());
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return text.size() == kHexDigits && std::all_of(text.begin(), text.end(), is_hex);
}

/// core20 of 1.32/stable; empty: not known.
std::string_view base_of_channel(std::string_view channel) {
  constexpr std::string_view kMajor = "1.";
  if (!channel.starts_with(kMajor)) return {};
  channel.remove_prefix(kMajor.size());
  int minor = 0;
  std::from_chars(channel.data(), channel.data() + channel.size(), minor);
  return base_of_track(minor);
}

std::string trouble_of(const v1::SnapFile& file, std::string_view base, std::string_view channel) {
  if (place_of(file.name()) == kSnaps.size()) return " is no snap that MicroK8s needs";
  if (!is_digest(file.snap())) return ".snap is not sha256: and 64 hex digits";
  if (!is_digest(file.assertions())) return ".assertions is not sha256: and 64 hex digits";
  const bool is_base = file.name().starts_with("core") && file.name() != "core";
  if (!is_base || base.empty() || file.name() == base) return {};
  return fmt::format(" is of no use: {} is built on {}", channel, base);
}

}  // namespace

std::string files_trouble_of(const v1::InstallStep& step) {
  if (step.files().empty()) return {};
  const std::string_view base = base_of_channel(step.channel());
  std::set<std::string> seen;
  std::size_t place = 0;
  for (const v1::SnapFile& file : step.files()) {
    if (const std::string what = trouble_of(file, base, step.channel()); !what.empty()) {
      return fmt::format("files.{}{}", file.name(), what);
    }
    if (!seen.insert(file.name()).second) return fmt::format("files.{} is listed twice", file.name());
    if (place_of(file.name()) < place) return fmt::format("files.{} comes too late", file.name());
    place = place_of(file.name());
  }
  return seen.contains("microk8s") ? "" : "files have no microk8s";
}

void sort_files(v1::InstallStep& step) {
  std::stable_sort(
      step.mutable_files()->begin(), step.mutable_files()->end(),
      [](const v1::SnapFile& a, const v1::SnapFile& b) { return place_of(a.name()) < place_of(b.name()); });
}

}  // namespace kelpie::wire
