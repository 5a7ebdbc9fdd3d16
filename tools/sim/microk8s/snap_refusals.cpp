// What snapd refuses at once: channels it does not have, classic on a strict system, no room, another change under way.
// Source: facts, microk8s 3.2, 3.3, 3.6.
#include <fmt/core.h>

#include "tools/sim/microk8s/parts.h"
#include "tools/sim/microk8s/snapd.h"

namespace kelpie::sim {
namespace {

SnapRefusal refused(int status, std::string message, std::string_view kind = {}, Json value = {}) {
  return {.status = status, .message = std::move(message), .kind = std::string(kind), .value = std::move(value)};
}

Json releases_of(const World& world) {
  Json releases;
  for (const auto& [channel, revision] : world.channels)
    releases.append(Json::Object{{"architecture", "arm64"}, {"channel", channel}});
  return Json::Object{{"action", "install"}, {"architecture", "arm64"}, {"releases", std::move(releases)}};
}

SnapRefusal judge_channel(const DeviceState& state, const World& world, const SnapWish& wish) {
  const auto found = world.channels.find(wish.channel);
  if (found == world.channels.end()) {
    return refused(404, "no snap revision available as specified", "snap-channel-not-available", releases_of(world));
  }
  if (found->second.confinement == "classic") {
    if (!state.is_on_classic) {
      return refused(400, "snap \"microk8s\" requires classic confinement which is only available on classic systems",
                     "snap-needs-classic-system", "microk8s");
    }
    if (wish.action == "install" && !wish.is_classic) {
      return refused(400, "snap \"microk8s\" requires classic confinement", "snap-needs-classic", "microk8s");
    }
  }
  return {};
}

SnapRefusal judge_busy(DeviceState& state) {
  for (const auto& [id, change] : state.changes) {
    if (change.status != "Doing") continue;
    return refused(409, fmt::format("snap \"microk8s\" has \"{}\" change in progress", change.kind),
                   "snap-change-conflict", Json::Object{{"change-kind", change.kind}, {"snap-name", "microk8s"}});
  }
  if (!strikes(state, FaultKind::SnapdConflict)) return {};
  return refused(409, "snap \"microk8s\" has \"auto-refresh\" change in progress", "snap-change-conflict",
                 Json::Object{{"change-kind", "auto-refresh"}, {"snap-name", "microk8s"}});
}

SnapRefusal judge_store(DeviceState& state) {
  if (strikes(state, FaultKind::SnapStoreUnreachable)) {
    return refused(400,
                   "cannot install \"microk8s\": Post \"https://api.snapcraft.io/v2/snaps/refresh\": dial tcp: lookup "
                   "api.snapcraft.io: no such host");
  }
  if (state.disk.free_bytes < 2 * kSnapBytes || strikes(state, FaultKind::DiskFull, "snapd")) {
    return refused(507,
                   "insufficient space in \"/var/lib/snapd\" to perform \"install\" change for the following snaps: "
                   "microk8s",
                   "insufficient-disk-space",
                   Json::Object{{"change-kind", "install"}, {"snap-names", Json::Array{Json("microk8s")}}});
  }
  return {};
}

SnapRefusal judge_refresh(DeviceState& state, const World& world, const SnapWish& wish) {
  const std::string& channel = wish.channel.empty() ? state.snap.now.channel : wish.channel;
  SnapWish full = wish;
  full.channel = channel;
  if (SnapRefusal refusal = judge_channel(state, world, full); refusal.status != 0) return refusal;
  const SnapRevision& goal = world.channels.at(channel);
  if (goal.revision == state.snap.now.revision && channel == state.snap.now.channel)
    return refused(400, "snap has no updates available", "snap-no-update-available", "microk8s");
  if (!wish.ignores_running && strikes(state, FaultKind::SnapHasRunningApps))
    return refused(400, "snap \"microk8s\" has running apps (kubectl), pids: 1234");
  return judge_store(state);
}

/// A file without its assertions is nobody's; facts, microk8s 3.4.
SnapRefusal judge_file(DeviceState& state, const SnapWish& wish) {
  const SnapPackage& package = wish.package;
  if (!state.assertions.contains(fmt::format("{} {}", package.name, package.revision))) {
    return refused(400, fmt::format("cannot find signatures with metadata for snap/component \"{}\"", wish.file_name));
  }
  if (package.confinement == "classic" && !state.is_on_classic) {
    return refused(400,
                   fmt::format("snap \"{}\" requires classic confinement which is only available on classic systems",
                               package.name),
                   "snap-needs-classic-system", package.name);
  }
  if (package.confinement == "classic" && !wish.is_classic) {
    return refused(400, fmt::format("snap \"{}\" requires classic confinement", package.name), "snap-needs-classic",
                   package.name);
  }
  return {};
}

}  // namespace

SnapRefusal refusal_of(DeviceState& state, const World& world, const SnapWish& wish) {
  if (wish.action == "hold" || wish.action == "unhold") {
    constexpr std::string_view kHoldSince = "2.58";
    if (state.snapd_version < kHoldSince) return refused(400, fmt::format("unknown action {}", wish.action));
  }
  if (wish.action == "install") {
    if (state.snap.is_installed)
      return refused(400, "snap \"microk8s\" is already installed", "snap-already-installed", "microk8s");
    if (SnapRefusal refusal = judge_busy(state); refusal.status != 0) return refusal;
    if (SnapRefusal refusal = judge_channel(state, world, wish); refusal.status != 0) return refusal;
    return judge_store(state);
  }
  if (wish.action == "hold-system") return judge_busy(state);
  if (wish.action == "sideload") {
    SnapRefusal refusal = judge_busy(state);
    return refusal.status != 0 ? refusal : judge_file(state, wish);
  }
  if (!state.snap.is_installed)
    return refused(400, "snap \"microk8s\" is not installed", "snap-not-installed", "microk8s");
  if (SnapRefusal refusal = judge_busy(state); refusal.status != 0) return refusal;
  if (wish.action == "refresh") return judge_refresh(state, world, wish);
  if (wish.action == "switch") return judge_channel(state, world, wish);
  if (wish.action == "remove" && !wish.is_purging && strikes(state, FaultKind::DiskFull, "snapshot")) {
    return refused(507,
                   "insufficient space in \"/var/lib/snapd\" to perform \"remove\" change for the following snaps: "
                   "microk8s",
                   "insufficient-disk-space",
                   Json::Object{{"change-kind", "remove"}, {"snap-names", Json::Array{Json("microk8s")}}});
  }
  if (wish.action == "revert") {
    if (state.snap.before.empty()) return refused(400, "cannot revert \"microk8s\": no revision to revert to");
    const SnapRevision& last = state.snap.before.back();
    if (!wish.revision.empty() && wish.revision != last.revision) {
      return refused(400, fmt::format("cannot revert \"microk8s\": no revision {} to revert to", wish.revision));
    }
  }
  return {};
}

}  // namespace kelpie::sim
