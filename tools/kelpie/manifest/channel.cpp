#include "tools/kelpie/manifest/channel.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/core.h>

namespace kelpie::cli {
namespace {

constexpr int kFirstMinor = 24;        // facts, microk8s 1
constexpr int kFirstStrictMinor = 25;  // facts, microk8s 1
constexpr int kLastMinor = 36;         // facts, microk8s 1: master of 2026-06-30
constexpr std::array<std::string_view, 4> kRisks = {"stable", "candidate", "beta", "edge"};

bool is_risk(std::string_view word) {
  return std::find(kRisks.begin(), kRisks.end(), word) != kRisks.end();
}

std::optional<int> minor_of(std::string_view track) {
  if (track.starts_with('v')) track.remove_prefix(1);
  if (!track.starts_with("1.")) return std::nullopt;
  track.remove_prefix(2);
  int minor = 0;
  const auto [end, error] = std::from_chars(track.data(), track.data() + track.size(), minor);
  constexpr int kMinorMax = 999;  // chosen: three digits
  if (error != std::errc{} || end != track.data() + track.size() || minor < 0 || minor > kMinorMax) return std::nullopt;
  return minor;
}

struct Words {
  std::string_view track;  // without -strict
  std::string_view risk;
  bool is_strict = false;
};

/// Whatever order and spelling: which word is the track, which the risk, and is it strict?
Words words_of(std::string_view text) {
  Words out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('/'), text.size());
    std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    constexpr std::string_view kStrict = "-strict";
    if (word == "strict") {
      out.is_strict = true;
      continue;
    }
    if (word.ends_with(kStrict)) {
      out.is_strict = true;
      word.remove_suffix(kStrict.size());
    }
    (is_risk(word) ? out.risk : out.track) = word;
  }
  return out;
}

/// The channel a person most likely means.
Channel meant_by(const Words& words) {
  constexpr int kUsualMinor = 32;  // the track the examples use
  return {.minor = minor_of(words.track).value_or(kUsualMinor),
          .is_strict = words.is_strict,
          .risk = std::string(words.risk.empty() ? "stable" : words.risk)};
}

struct TrackImages {
  int first_minor;
  std::string_view pause;
  std::string_view calico;  // empty: not read
};
constexpr std::array<TrackImages, 5> kImages = {{{24, "k8s.gcr.io/pause:3.1", ""},
                                                 {25, "k8s.gcr.io/pause:3.7", ""},
                                                 {26, "registry.k8s.io/pause:3.7", ""},
                                                 {32, "registry.k8s.io/pause:3.10", "v3.28.1"},
                                                 {34, "registry.k8s.io/pause:3.10", "v3.29.3"}}};
constexpr int kMinorWithoutCalico = 33;  // its list of images was not read

const TrackImages* images_of(const Channel& channel) {
  const auto newer = std::find_if(kImages.begin(), kImages.end(),
                                  [&](const TrackImages& row) { return row.first_minor > channel.minor; });
  return newer == kImages.begin() ? nullptr : &*(newer - 1);
}

}  // namespace

Result<Channel> parse_channel(std::string_view text) {
  const Words words = words_of(text);
  const Channel meant = meant_by(words);
  const std::string write = fmt::format("Write {}", to_string(meant));
  const std::optional<int> minor = minor_of(words.track);
  if (!minor) {
    const bool is_moving = words.track.empty() || words.track == "latest";
    const bool is_variant = words.track.starts_with("1.") && words.track.find('-') != std::string_view::npos;
    const std::string why = is_moving && !text.empty() ? "follows a track whose version moves by itself"
                            : is_variant ? "is neither a classic track (1.32) nor a strict one (1.32-strict)"
                                         : "is not a channel";
    return fail(Code::InvalidArgument, fmt::format("\"{}\" {}. {}", text, why, write));
  }
  if (text != to_string(meant)) {
    return fail(Code::InvalidArgument, fmt::format("\"{}\" is not a channel. {}", text, write));
  }
  if (meant.is_strict && meant.minor < kFirstStrictMinor) {
    return fail(Code::InvalidArgument,
                fmt::format("\"{}\": strict tracks begin with 1.{}-strict", text, kFirstStrictMinor));
  }
  return meant;
}

std::string to_string(const Channel& channel) {
  return fmt::format("1.{}{}/{}", channel.minor, channel.is_strict ? "-strict" : "", channel.risk);
}

std::string track_of(const Channel& channel) {
  return fmt::format("1.{}", channel.minor);
}

bool is_known_track(const Channel& channel) {
  return channel.minor >= kFirstMinor && channel.minor <= kLastMinor;
}

std::string misfit_of(std::string_view image_ref, const Channel& channel) {
  if (!is_known_track(channel)) return {};
  const TrackImages* images = images_of(channel);
  const std::size_t colon = image_ref.rfind(':');
  const std::string_view name = image_ref.substr(0, colon);
  if (name == "registry.k8s.io/pause" || name == "k8s.gcr.io/pause") {
    if (image_ref == images->pause) return {};
    return fmt::format("MicroK8s {} asks for {}, so that {} does not help it start", track_of(channel), images->pause,
                       image_ref);
  }
  constexpr std::array<std::string_view, 3> kCalico = {"docker.io/calico/cni", "docker.io/calico/kube-controllers",
                                                       "docker.io/calico/node"};
  if (std::find(kCalico.begin(), kCalico.end(), name) == kCalico.end() || images->calico.empty() ||
      channel.minor == kMinorWithoutCalico || image_ref.substr(colon + 1) == images->calico) {
    return {};
  }
  return fmt::format("MicroK8s {} asks for {}:{}, so that {} does not help it start", track_of(channel), name,
                     images->calico, image_ref);
}

}  // namespace kelpie::cli
