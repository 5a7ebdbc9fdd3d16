// snapshot: a copy of the datastore's contents, made by MicroK8s' own tool. Before a refresh when the release has one
// to come (a revert goes back to snapd's copy; this one outlives it), and whenever asked alone.
#include <fmt/core.h>

#include "device-agent/microk8s/commands.h"
#include "device-agent/microk8s/node.h"
#include "device-agent/microk8s/power.h"
#include "device-agent/microk8s/preflight.h"
#include "device-agent/microk8s/steps.h"

namespace kelpie::agent {
namespace {

using std::chrono::minutes;

constexpr Duration kBackupLimit = minutes(10);  // chosen: some thousand keys, each a file on a slow card
constexpr Duration kFresh = minutes(10);        // chosen: one of before a restart of the agent is not made again
// A fresh single node has some hundred objects, 60 KiB and more; an empty archive has 212 bytes (1.35 makes them, and
// exits 0).
constexpr std::uint64_t kBytesMin = 4'096;
constexpr std::uint64_t kSpaceMin = 256ULL << 20U;  // chosen: two small files a key before they are packed, and /tmp
constexpr std::uint64_t kSpacePerByte = 8;  // chosen: what is packed takes a fifth, and some of it is there twice
constexpr std::string_view kGzip = "\x1f\x8b";

struct Names {
  std::string folder;
  std::string newest;
  std::string before;
  std::string making;
};

/// In $SNAP_COMMON: the strict snap may write nowhere else, and a refresh leaves it alone. Two are kept.
Names names_of(const Work& work) {
  const std::string folder = work.paths().snap_common + "/kelpie-snapshots";
  return {.folder = folder,
          .newest = folder + "/datastore.tar.gz",
          .before = folder + "/datastore-before.tar.gz",
          .making = folder + "/making.tar.gz"};
}

Tried<std::string> prove(const Work& work, const std::string& path) {
  const Result<DeviceFiles::Look> file = work.host().files.look(path);
  if (!file) return trouble(Reason::SnapshotMissing, file.error().message);
  if (file->bytes < kBytesMin) {
    return trouble(Reason::SnapshotEmpty,
                   fmt::format("\"{}\" has {} bytes: {}", path, file->bytes, row_of(Reason::SnapshotEmpty).sentence));
  }
  if (!file->head.starts_with(kGzip)) {
    return trouble(Reason::SnapshotEmpty, fmt::format("\"{}\" is no gzip archive", path));
  }
  return fmt::format("{} in {}, made {}", in_mebibytes(file->bytes), path, to_rfc3339(file->modified_at));
}

bool is_fresh(const Work& work, const std::string& path) {
  const Result<DeviceFiles::Look> file = work.host().files.look(path);
  const WallTime now = work.host().pause.wall();
  return file && file->modified_at <= now && now - file->modified_at <= kFresh;
}

/// Why none is needed; empty: one is.
Tried<std::string> why_none(const SnapshotStep& step, const Work& work) {
  KELPIE_TRY(const Snap snap, read_snap(work));
  if (!snap.is_installed) return std::string("MicroK8s is not installed");
  if (step.before_channel.empty()) return std::string();
  if (snap.channel == step.before_channel) return fmt::format("no refresh to come: it follows {}", snap.channel);
  KELPIE_TRY(const Power power, read_power(work));
  if (power == Power::Running) return std::string();
  return std::string("MicroK8s is stopped: snapd copies its datastore at rest with the refresh");
}

std::uint64_t space_needed(const Work& work) {
  const Result<DeviceFiles::Look> last = work.host().files.look(names_of(work).newest);
  return kSpaceMin + (last ? last->bytes * kSpacePerByte : 0);
}

Tried<CallResult> prepare(const SnapshotStep& step, const Work& work) {
  const Json nothing(Json::Object{});
  KELPIE_TRY(const std::string none, why_none(step, work));
  if (!none.empty() && !step.before_channel.empty()) return prepared(none, nothing);
  KELPIE_TRY(read_installed_snap(work));
  KELPIE_TRY(require_control_plane(work));
  KELPIE_TRY(require_space(work, space_needed(work)));
  return prepared("room for a copy of the datastore", nothing);
}

Tried<CallResult> observe(const SnapshotStep& step, const Work& work) {
  KELPIE_TRY(const std::string none, why_none(step, work));
  if (!none.empty()) return satisfied(none);
  const std::string newest = names_of(work).newest;
  Tried<std::string> proof = prove(work, newest);
  if (proof && is_fresh(work, newest)) return satisfied(*proof);
  return unmet({.reason = Reason::SnapshotMissing, .detail = "no copy of the datastore of now", .output = {}});
}

Tried<void> back_up(const Work& work, const std::string& path) {
  work.say("copying the datastore");
  KELPIE_TRY(const Exit exit,
             run_microk8s(work, {.arguments = {"dbctl", "backup", "-o", path}, .limit = kBackupLimit}));
  const std::string both = exit.out + exit.err;
  if (has_any(both, {"No space left on device", "no space left on device"})) {
    return trouble(Reason::DiskFull, fmt::format("copying the datastore: {}", last_line(both)), both);
  }
  if (exit.code == 0) return {};
  return trouble(Reason::SnapshotFailed,
                 fmt::format("dbctl backup ended with {}: {}; a release with snapshot: false is refreshed without one",
                             exit.code, last_line(both)),
                 both);
}

Tried<void> must(Result<void> done) {
  if (done) return {};
  return trouble(done.error().code == Code::ResourceExhausted ? Reason::DiskFull : Reason::SnapshotFailed,
                 done.error().message);
}

Tried<CallResult> run(const Work& work) {
  const Names names = names_of(work);
  DeviceFiles& files = work.host().files;
  KELPIE_TRY(require_control_plane(work));
  KELPIE_TRY(require_space(work, space_needed(work)));
  // It holds every Secret of the cluster, and the tool leaves it readable to all.
  KELPIE_TRY(must(files.make_private_folder(names.folder)));
  KELPIE_TRY(must(files.remove(names.making)));
  Tried<void> made = back_up(work, names.making);
  Tried<std::string> proof = made ? prove(work, names.making) : tl::unexpected<Trouble>(made.error());
  if (!proof) {
    static_cast<void>(files.remove(names.making));  // the next one begins with it again
    return fail(std::move(proof.error()));
  }
  if (files.exists(names.newest)) KELPIE_TRY(must(files.rename(names.newest, names.before)));
  KELPIE_TRY(must(files.rename(names.making, names.newest)));
  return satisfied("copied");
}

Tried<CallResult> verify(const Work& work) {
  const Names names = names_of(work);
  Tried<std::string> proof = prove(work, names.newest);
  if (!proof) return unmet(proof.error());
  const bool has_before = work.host().files.exists(names.before);
  return satisfied(*proof + (has_before ? ", the one before is kept" : ""));
}

/// A whole one is kept: what went wrong after it may be why somebody needs it, and two is all there ever are.
Tried<CallResult> undo(const Work& work) {
  const Names names = names_of(work);
  const bool is_half_made = work.host().files.exists(names.making);
  KELPIE_TRY(must(work.host().files.remove(names.making)));
  return satisfied(is_half_made ? "what was half made is gone" : "the copies are kept");
}

}  // namespace

Tried<CallResult> carry_out_snapshot(const SnapshotStep& step, const StepCall& call, const Work& work) {
  switch (call.phase) {
    case Phase::Prepare: return prepare(step, work);
    case Phase::Observe: return observe(step, work);
    case Phase::Run: return run(work);
    case Phase::Verify: return verify(work);
    case Phase::Undo: return undo(work);
  }
  KELPIE_ASSERT(false);
}

}  // namespace kelpie::agent
