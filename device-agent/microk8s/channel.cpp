#include "device-agent/microk8s/channel.h"

#include <algorithm>
#include <charconv>

#include <fmt/core.h>

namespace kelpie::agent {
namespace {

std::optional<int> minor_after(std::string_view text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return std::nullopt;
  text.remove_prefix(prefix.size());
  int minor = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), minor);
  if (error != std::errc{} || end == text.data()) return std::nullopt;
  return minor;
}

/// stable of 1.32/stable and of 1.32/stable/branch
std::string_view risk_of(std::string_view channel) {
  channel.remove_prefix(std::min(channel.find('/'), channel.size() - 1) + 1);
  return channel.substr(0, channel.find('/'));
}

}  // namespace

std::optional<int> minor_of(const std::string& version) {
  return minor_after(version, "v1.");
}

Tried<Channel> parse_channel(const std::string& text) {
  const std::size_t slash = text.find('/');
  const std::string track = text.substr(0, slash);
  Channel channel;
  channel.minor = minor_after(track, "1.");
  channel.is_strict = track.ends_with("-strict") || text.ends_with("/strict");
  const bool has_parts = slash != std::string::npos && slash > 0 && slash + 1 < text.size();
  if (has_parts && (channel.minor || track == "latest")) return channel;
  return trouble(Reason::ChannelInvalid,
                 fmt::format("channel \"{}\" is none of MicroK8s: 1.32/stable or 1.32-strict/stable is", text));
}

Tried<void> require_reachable(const Snap& snap, const Channel& wanted, const std::string& name) {
  if (!snap.is_installed || snap.channel == name) return {};
  if ((snap.confinement == "strict") != wanted.is_strict) {
    return trouble(
        Reason::ConfinementChange,
        fmt::format("{} is installed with {} confinement, {} is {}: {}", snap.channel, snap.confinement, name,
                    wanted.is_strict ? "strict" : "classic", row_of(Reason::ConfinementChange).sentence));
  }
  return require_next_minor(snap, wanted.minor, name);
}

Tried<void> require_next_minor(const Snap& snap, std::optional<int> wanted, const std::string& name) {
  const std::optional<int> now = snap.is_installed ? minor_of(snap.version) : std::nullopt;
  if (!now || !wanted) return {};
  if (*wanted > *now + 1) {
    const bool is_strict = snap.confinement == "strict";
    return trouble(
        Reason::TrackSkipsMinor,
        fmt::format("from 1.{} to 1.{}: {}; first a release with microk8s: {{ channel: 1.{}{}/{} }}", *now, *wanted,
                    row_of(Reason::TrackSkipsMinor).sentence, *now + 1, is_strict ? "-strict" : "", risk_of(name)));
  }
  if (*wanted < *now) {
    return trouble(Reason::TrackDowngrade,
                   fmt::format("from 1.{} to 1.{}: {}", *now, *wanted, row_of(Reason::TrackDowngrade).sentence));
  }
  return {};
}

}  // namespace kelpie::agent
