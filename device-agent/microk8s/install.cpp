// install: the snap on its channel, refreshes held, the API server of that track answering.
#include <fmt/core.h>

#include "device-agent/microk8s/access.h"
#include "device-agent/microk8s/channel.h"
#include "device-agent/microk8s/node.h"
#include "device-agent/microk8s/preflight.h"
#include "device-agent/microk8s/snap_changes.h"
#include "device-agent/microk8s/snap_files.h"
#include "device-agent/microk8s/snapd.h"
#include "device-agent/microk8s/steps.h"

namespace kelpie::agent {
namespace {

constexpr std::uint64_t kInstallFloor = 3ULL << 30U;   // chosen: snap and base 0.5, images 1, eviction at 1 GiB
constexpr std::uint64_t kEvictionFloor = 1ULL << 30U;  // facts, microk8s 1: below it kubelet evicts pods
constexpr std::uint64_t kDataUnread = 1ULL << 29U;     // chosen: $SNAP_DATA of a Pi that nobody could measure
constexpr std::uint64_t kSnapUnsaid = 256ULL << 20U;   // chosen: above the 180 MB of today

std::string describe(const Snap& snap) {
  return fmt::format("{} {} ({}) {}, refreshes {}", snap.channel, snap.version, snap.revision, snap.confinement,
                     snap.is_held ? "held" : "not held");
}

struct Goal {
  const InstallStep& step;
  Channel channel;
  std::string revision;  // of its file; empty: whichever the channel has
};

Tried<Goal> read_goal(const InstallStep& step, const Work& work) {
  KELPIE_TRY(const Channel channel, parse_channel(step.channel));
  KELPIE_TRY(std::string revision, revision_in(step.files, work));
  return Goal{.step = step, .channel = channel, .revision = std::move(revision)};
}

/// What of the step is not so; empty when all is.
std::string difference(const Snap& snap, const Goal& goal) {
  const InstallStep& step = goal.step;
  const Channel& wanted = goal.channel;
  if (!snap.is_installed) return "MicroK8s is not installed";
  if (!goal.revision.empty() && snap.revision != goal.revision) {
    return fmt::format("it is revision {}, not {} as its file", snap.revision, goal.revision);
  }
  if (snap.channel != step.channel) return fmt::format("it follows {}, not {}", snap.channel, step.channel);
  if ((snap.confinement == "strict") != wanted.is_strict) return fmt::format("its confinement is {}", snap.confinement);
  if (!snap.is_active) return "the snap is disabled";
  if (snap.is_held != step.hold) return step.hold ? "its refreshes are not held" : "its refreshes are held";
  return {};
}

bool is_snap_right(const Snap& snap, const Goal& goal) {
  const bool is_revision_right = goal.revision.empty() || snap.revision == goal.revision;
  return snap.is_installed && snap.channel == goal.step.channel && snap.is_active && is_revision_right;
}

/// snapd copies $SNAP_DATA to the new revision and keeps the old one (facts, microk8s 3.3).
Tried<void> require_refresh_space(const Work& work, std::uint64_t snap_bytes) {
  const Result<std::uint64_t> measured = work.host().files.folder_bytes(work.paths().snap_data);
  const std::uint64_t data = measured ? *measured : kDataUnread;
  const std::uint64_t snap = snap_bytes == 0 ? kSnapUnsaid : snap_bytes;
  Tried<void> space = require_space(work, 2 * data + snap + kEvictionFloor);
  if (!space) {
    space.error().detail += fmt::format(": twice the data of {}, the snap of {}, and what kubelet keeps free",
                                        in_mebibytes(data), in_mebibytes(snap));
  }
  return space;
}

/// The store has it, it is what its name says, and there is room for it.
Tried<void> require_offer(const Goal& goal, const Snap& snap, const Work& work) {
  const std::string& channel = goal.step.channel;
  KELPIE_TRY(const StoreChannel offer, find_channel(work, channel));
  if (!offer.confinement.empty() && (offer.confinement == "strict") != goal.channel.is_strict) {
    return trouble(Reason::ConfinementMismatch, fmt::format("{} holds a {} snap: {}", channel, offer.confinement,
                                                            row_of(Reason::ConfinementMismatch).sentence));
  }
  // Of a track whose version moves by itself the store knows the version.
  KELPIE_TRY(require_next_minor(snap, goal.channel.minor ? goal.channel.minor : minor_of(offer.version), channel));
  if (!snap.is_installed) return require_space(work, kInstallFloor);
  return require_refresh_space(work, offer.bytes);
}

/// The same from files: snapd keeps a copy of the snap.
Tried<void> require_files(const Goal& goal, const Snap& snap, const Work& work) {
  KELPIE_TRY(const std::uint64_t bytes, require_snap_files(goal.step.files, goal.channel, work));
  if (!snap.is_installed) return require_space(work, kInstallFloor);
  return require_refresh_space(work, bytes);
}

Tried<CallResult> prepare(const InstallStep& step, const Work& work) {
  KELPIE_TRY(const Goal goal, read_goal(step, work));
  KELPIE_TRY(const SnapdSystem system, read_system(work));
  KELPIE_TRY(const Snap snap, read_snap(work));
  if (!system.is_on_classic && !goal.channel.is_strict) {
    return trouble(Reason::SnapNeedsStrict,
                   fmt::format("{}: {}", step.channel, row_of(Reason::SnapNeedsStrict).sentence));
  }
  KELPIE_TRY(require_reachable(snap, goal.channel, step.channel));
  KELPIE_TRY(require_able_device(work));
  if (!is_snap_right(snap, goal)) {
    KELPIE_TRY(step.files.empty() ? require_offer(goal, snap, work) : require_files(goal, snap, work));
  }
  const Json restore(Json::Object{{"channel", snap.channel},
                                  {"held", snap.is_held},
                                  {"installed", snap.is_installed},
                                  {"ready", system.is_on_classic && snap.is_running() && is_node_ready(work)},
                                  {"revision", snap.revision},
                                  {"system-hold", snap.system_hold}});
  return prepared(snap.is_installed ? "now " + describe(snap) : "not installed; the store has " + step.channel,
                  restore);
}

Tried<CallResult> observe(const InstallStep& step, const Work& work) {
  KELPIE_TRY(const Goal goal, read_goal(step, work));
  KELPIE_TRY(const std::string open, read_open_change(work));
  KELPIE_TRY(const Snap snap, read_snap(work));
  // In the middle of a change the snap may look right and still be taken back.
  const std::string wrong = open.empty() ? difference(snap, goal) : fmt::format("change {} is still in progress", open);
  if (wrong.empty()) return satisfied(describe(snap));
  return unmet(
      {.reason = snap.is_installed ? Reason::ChannelNotReached : Reason::NotInstalled, .detail = wrong, .output = {}});
}

Tried<void> switch_channel(const std::string& channel, const Work& work) {
  return change_snap(work, {.request = Json(Json::Object{{"action", "switch"}, {"channel", channel}}),
                            .doing = "following " + channel});
}

Tried<void> change_channel(const Goal& goal, const Snap& snap, const Work& work) {
  const std::string& channel = goal.step.channel;
  Json request(Json::Object{{"action", snap.is_installed ? "refresh" : "install"}, {"channel", channel}});
  if (!goal.channel.is_strict) request["classic"] = true;
  return change_snap(work, {.request = std::move(request),
                            .doing = (snap.is_installed ? "refreshing to " : "installing ") + channel,
                            .is_reached = [&]() -> Tried<bool> {
                              KELPIE_TRY(const Snap now, read_snap(work));
                              return is_snap_right(now, goal);
                            }});
}

Tried<Snap> reach_channel(const Goal& goal, Snap snap, const Work& work) {
  // Twice: what somebody else installs meanwhile follows another channel, and "already installed" is no refusal.
  constexpr int kRounds = 2;
  for (int round = 0; round < kRounds && snap.channel != goal.step.channel; ++round) {
    KELPIE_TRY(change_channel(goal, snap, work));
    KELPIE_TRY(snap, read_snap(work));
  }
  return snap;
}

/// A snap from a file follows no channel: it is told which, and needs no store for that (facts, microk8s 3.4).
Tried<Snap> reach_files(const Goal& goal, Snap snap, const Work& work) {
  if (!snap.is_installed || snap.revision != goal.revision) {
    KELPIE_TRY(install_foundations(goal.step.files, work));
    KELPIE_TRY(install_microk8s_file(goal.step.files, goal.channel, goal.revision, work));
    KELPIE_TRY(snap, read_snap(work));
  }
  if (!snap.is_installed || snap.channel == goal.step.channel) return snap;
  KELPIE_TRY(switch_channel(goal.step.channel, work));
  return read_snap(work);
}

Tried<CallResult> run(const InstallStep& step, const std::string& note, const Work& work) {
  KELPIE_TRY(const Goal goal, read_goal(step, work));
  KELPIE_TRY(resume_change(work, note));
  // Ours that nobody noted, or somebody else's: what it leaves decides what is still to do.
  KELPIE_TRY(await_changes(work, "installing"));
  KELPIE_TRY(Snap snap, read_snap(work));
  KELPIE_TRY(require_reachable(snap, goal.channel, step.channel));
  if (snap.is_installed && !snap.is_active) {
    KELPIE_TRY(change_snap(work, {.request = Json(Json::Object{{"action", "enable"}}), .doing = "enabling the snap"}));
  }
  KELPIE_TRY(snap, step.files.empty() ? reach_channel(goal, snap, work) : reach_files(goal, snap, work));
  if (snap.is_installed && snap.is_held != step.hold) {
    KELPIE_TRY(hold_refreshes(work, step.hold ? Hold::On : Hold::Off));
  }
  return satisfied("snapd has done it");
}

/// The API server of the wanted track answers; a node that somebody stopped proves itself when it is started.
Tried<std::string> prove_server(const Goal& goal, const Work& work) {
  const Lock lock = read_lock(work);
  if (lock == Lock::Stopped) return std::string("stopped");
  KELPIE_TRY(const Access access, read_access(work));
  if (access == Access::SnapdOnly) return std::string("its API server out of reach from here");
  KELPIE_TRY(require_control_plane(work));
  KELPIE_TRY(await_api(work));
  KELPIE_TRY(const std::string version, read_server_version(work));
  const std::optional<int> wanted = goal.channel.minor;
  if (wanted && minor_of(version) != wanted) {
    return trouble(Reason::ChannelNotReached, fmt::format("the API server is {}, not of 1.{}", version, *wanted));
  }
  if (!goal.step.proves_node) return "server " + version;
  KELPIE_TRY(const Node node, await_node(work));
  return fmt::format("server {}, {}", version, ready_text(node));
}

Tried<CallResult> verify(const InstallStep& step, const Work& work) {
  KELPIE_TRY(const Goal goal, read_goal(step, work));
  KELPIE_TRY(const Snap snap, read_snap(work));
  const std::string wrong = difference(snap, goal);
  if (!wrong.empty()) return unmet({.reason = Reason::ChannelNotReached, .detail = wrong, .output = {}});
  if (!snap.blocked.empty()) return unmet({.reason = Reason::SnapBlocked, .detail = snap.blocked, .output = {}});
  Tried<std::string> server = prove_server(goal, work);
  if (!server) return unmet(server.error());
  return satisfied(fmt::format("{}, {}", describe(snap), *server));
}

Tried<void> remove_snap(const Work& work) {
  // Without purge snapd first makes a snapshot of the data: slow, large, and it fails on a full disk (facts 3.2).
  KELPIE_TRY(change_snap(work, {.request = Json(Json::Object{{"action", "remove"}, {"purge", true}}),
                                .doing = "removing MicroK8s",
                                .is_reached = [&]() -> Tried<bool> {
                                  KELPIE_TRY(const Snap now, read_snap(work));
                                  return !now.is_installed;
                                }}));
  KELPIE_TRY(const Snap snap, read_snap(work));
  if (!snap.is_installed) return {};
  return trouble(Reason::ChannelNotReached, "MicroK8s is still installed");
}

Tried<void> revert_to(const std::string& revision, const Work& work) {
  return change_snap(work, {.request = Json(Json::Object{{"action", "revert"}, {"revision", revision}}),
                            .doing = "reverting to revision " + revision,
                            .is_reached = [&]() -> Tried<bool> {
                              KELPIE_TRY(const Snap now, read_snap(work));
                              return now.revision == revision;
                            }});
}

Tried<void> go_back_to(const Json& restore, const Work& work) {
  const std::string& revision = restore.text("revision");
  const std::string& channel = restore.text("channel");
  KELPIE_TRY(Snap snap, read_installed_snap(work));
  if (snap.revision != revision) {
    KELPIE_TRY(revert_to(revision, work));
    KELPIE_TRY(snap, read_installed_snap(work));
  }
  if (snap.channel != channel && !channel.empty()) {
    KELPIE_TRY(switch_channel(channel, work));
  }
  KELPIE_TRY(restore_holds(work, restore.at("held").is_true(), restore.text("system-hold")));
  KELPIE_TRY(snap, read_installed_snap(work));
  if (snap.revision == revision && (snap.channel == channel || channel.empty())) return {};
  return trouble(Reason::ChannelNotReached, fmt::format("after going back it is {}", describe(snap)));
}

Tried<CallResult> undo(const StepCall& call, const Work& work) {
  const Result<Json> restore = Json::parse(call.restore);
  if (!restore) return trouble(Reason::RestoreUnknown, "what was installed before is not known");
  KELPIE_TRY(resume_change(work, call.note));
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
    case Phase::Run: return run(step, call.note, work);
    case Phase::Verify: return verify(step, work);
    case Phase::Undo: return undo(call, work);
  }
  KELPIE_ASSERT(false);
}

}  // namespace kelpie::agent
