// install: the snap on its channel, refreshes held, the API server of that track answering.
#include <fmt/core.h>

#include "device-agent/microk8s/channel.h"
#include "device-agent/microk8s/node.h"
#include "device-agent/microk8s/preflight.h"
#include "device-agent/microk8s/snapd.h"
#include "device-agent/microk8s/steps.h"

namespace kelpie::agent {
namespace {

constexpr std::uint64_t kInstallFloor = 3ULL << 30U;  // chosen: snap and base 0.5, images 1, eviction at 1 GiB
constexpr std::uint64_t kRefreshFloor = 2ULL << 30U;  // chosen: the new snap and a copy of $SNAP_DATA (facts 3.3)

std::string describe(const Snap& snap) {
  return fmt::format("{} {} ({}) {}, refreshes {}", snap.channel, snap.version, snap.revision, snap.confinement,
                     snap.is_held ? "held" : "not held");
}

/// What of the step is not so; empty when all is.
std::string difference(const Snap& snap, const InstallStep& step, const Channel& wanted) {
  if (!snap.is_installed) return "MicroK8s is not installed";
  if (snap.channel != step.channel) return fmt::format("it follows {}, not {}", snap.channel, step.channel);
  if ((snap.confinement == "strict") != wanted.is_strict) return fmt::format("its confinement is {}", snap.confinement);
  if (!snap.is_active) return "the snap is disabled";
  if (snap.is_held != step.hold) return step.hold ? "its refreshes are not held" : "its refreshes are held";
  return {};
}

bool is_snap_right(const Snap& snap, const InstallStep& step) {
  return snap.is_installed && snap.channel == step.channel && snap.is_active;
}

Tried<CallResult> prepare(const InstallStep& step, const Work& work) {
  KELPIE_TRY(const Channel wanted, parse_channel(step.channel));
  KELPIE_TRY(const SnapdSystem system, read_system(work));
  KELPIE_TRY(const Snap snap, read_snap(work));
  if (!system.is_on_classic && !wanted.is_strict) {
    return trouble(Reason::SnapNeedsStrict,
                   fmt::format("{}: {}", step.channel, row_of(Reason::SnapNeedsStrict).sentence));
  }
  KELPIE_TRY(require_reachable(snap, wanted, step.channel));
  KELPIE_TRY(require_able_device(work));
  if (!is_snap_right(snap, step)) {
    KELPIE_TRY(require_space(work, snap.is_installed ? kRefreshFloor : kInstallFloor));
    KELPIE_TRY(const bool is_known, has_channel(work, step.channel));
    if (!is_known) {
      return trouble(Reason::ChannelUnknown,
                     fmt::format("the store has no channel {} of microk8s for {}", step.channel, system.architecture));
    }
  }
  const Json restore(Json::Object{{"channel", snap.channel},
                                  {"held", snap.is_held},
                                  {"installed", snap.is_installed},
                                  {"ready", snap.is_running() && is_node_ready(work)},
                                  {"revision", snap.revision}});
  return prepared(snap.is_installed ? "now " + describe(snap) : "not installed; the store has " + step.channel,
                  restore);
}

Tried<CallResult> observe(const InstallStep& step, const Work& work) {
  KELPIE_TRY(const Channel wanted, parse_channel(step.channel));
  KELPIE_TRY(const Snap snap, read_snap(work));
  const std::string wrong = difference(snap, step, wanted);
  if (wrong.empty()) return satisfied(describe(snap));
  return unmet(
      {.reason = snap.is_installed ? Reason::ChannelNotReached : Reason::NotInstalled, .detail = wrong, .output = {}});
}

Tried<CallResult> run(const InstallStep& step, const Work& work) {
  KELPIE_TRY(const Channel wanted, parse_channel(step.channel));
  // Ours before a restart, or somebody else's: what it leaves decides what is still to do.
  KELPIE_TRY(await_changes(work, "installing"));
  KELPIE_TRY(Snap snap, read_snap(work));
  KELPIE_TRY(require_reachable(snap, wanted, step.channel));
  if (snap.is_installed && !snap.is_active) {
    KELPIE_TRY(change_snap(work, Json(Json::Object{{"action", "enable"}}), "enabling the snap"));
  }
  if (!snap.is_installed || snap.channel != step.channel) {
    Json request(Json::Object{{"action", snap.is_installed ? "refresh" : "install"}, {"channel", step.channel}});
    if (!wanted.is_strict) request["classic"] = true;
    KELPIE_TRY(change_snap(work, request, (snap.is_installed ? "refreshing to " : "installing ") + step.channel));
    KELPIE_TRY(snap, read_snap(work));
  }
  if (snap.is_held != step.hold) KELPIE_TRY(hold_refreshes(work, step.hold ? Hold::On : Hold::Off));
  return satisfied("snapd has done it");
}

/// The API server of the wanted track answers; a node that somebody stopped proves itself when it is started.
Tried<std::string> prove_server(const Channel& wanted, const Work& work) {
  const Lock lock = read_lock(work);
  if (lock == Lock::Stopped) return std::string("stopped");
  KELPIE_TRY(require_control_plane(work));
  KELPIE_TRY(await_api(work));
  KELPIE_TRY(const std::string version, read_server_version(work));
  if (wanted.minor && minor_of(version) != wanted.minor) {
    return trouble(Reason::ChannelNotReached, fmt::format("the API server is {}, not of 1.{}", version, *wanted.minor));
  }
  return "server " + version;
}

Tried<CallResult> verify(const InstallStep& step, const Work& work) {
  KELPIE_TRY(const Channel wanted, parse_channel(step.channel));
  KELPIE_TRY(const Snap snap, read_snap(work));
  const std::string wrong = difference(snap, step, wanted);
  if (!wrong.empty()) return unmet({.reason = Reason::ChannelNotReached, .detail = wrong, .output = {}});
  if (!snap.blocked.empty()) return unmet({.reason = Reason::SnapBlocked, .detail = snap.blocked, .output = {}});
  Tried<std::string> server = prove_server(wanted, work);
  if (!server) return unmet(server.error());
  return satisfied(fmt::format("{}, {}", describe(snap), *server));
}

Tried<void> remove_snap(const Work& work) {
  // Without purge snapd first makes a snapshot of the data: slow, large, and it fails on a full disk (facts 3.2).
  KELPIE_TRY(change_snap(work, Json(Json::Object{{"action", "remove"}, {"purge", true}}), "removing MicroK8s"));
  KELPIE_TRY(const Snap snap, read_snap(work));
  if (!snap.is_installed) return {};
  return trouble(Reason::ChannelNotReached, "MicroK8s is still installed");
}

Tried<void> go_back_to(const Json& restore, const Work& work) {
  const std::string& revision = restore.text("revision");
  const std::string& channel = restore.text("channel");
  KELPIE_TRY(Snap snap, read_installed_snap(work));
  if (snap.revision != revision) {
    const Json request(Json::Object{{"action", "revert"}, {"revision", revision}});
    KELPIE_TRY(change_snap(work, request, "reverting to revision " + revision));
    KELPIE_TRY(snap, read_installed_snap(work));
  }
  if (snap.channel != channel) {
    const Json request(Json::Object{{"action", "switch"}, {"channel", channel}});
    KELPIE_TRY(change_snap(work, request, "following " + channel + " again"));
  }
  if (snap.is_held != restore.at("held").is_true()) {
    KELPIE_TRY(hold_refreshes(work, restore.at("held").is_true() ? Hold::On : Hold::Off));
  }
  KELPIE_TRY(snap, read_installed_snap(work));
  if (snap.revision == revision && snap.channel == channel) return {};
  return trouble(Reason::ChannelNotReached, fmt::format("after going back it is {}", describe(snap)));
}

Tried<CallResult> undo(const std::string& restore_text, const Work& work) {
  const Result<Json> restore = Json::parse(restore_text);
  if (!restore) return trouble(Reason::RestoreUnknown, "what was installed before is not known");
  KELPIE_TRY(await_changes(work, "going back"));
  if (!restore->at("installed").is_true()) {
    KELPIE_TRY(const Snap snap, read_snap(work));
    if (snap.is_installed) KELPIE_TRY(remove_snap(work));
    return satisfied("removed again");
  }
  KELPIE_TRY(go_back_to(*restore, work));
  if (restore->at("ready").is_true()) {
    KELPIE_TRY(const Node node, await_node(work));
    return satisfied(
        fmt::format("back to {} ({}), node {} Ready", restore->text("channel"), restore->text("revision"), node.name));
  }
  return satisfied(fmt::format("back to {} ({})", restore->text("channel"), restore->text("revision")));
}

}  // namespace

Tried<CallResult> carry_out_install(const InstallStep& step, const StepCall& call, const Work& work) {
  switch (call.phase) {
    case Phase::Prepare: return prepare(step, work);
    case Phase::Observe: return observe(step, work);
    case Phase::Run: return run(step, work);
    case Phase::Verify: return verify(step, work);
    case Phase::Undo: return undo(call.restore, work);
  }
  KELPIE_ASSERT(false);
}

}  // namespace kelpie::agent
