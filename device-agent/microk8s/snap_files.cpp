#include "device-agent/microk8s/snap_files.h"

#include <algorithm>

#include <fmt/core.h>

#include "device-agent/microk8s/snap_changes.h"
#include "device-agent/microk8s/snapd.h"
#include "device-agent/microk8s/snapd_answer.h"
#include "proto/base/digest.h"
#include "proto/wire/tracks.h"

namespace kelpie::agent {
namespace {

constexpr std::uint64_t kSnapBytesMax = 2ULL << 30U;  // chosen: ten times MicroK8s of today
constexpr std::string_view kMicrok8s = "microk8s";

std::string path_of(const std::string& sha256, const Work& work) {
  return fmt::format("{}/{}", work.paths().artifacts, sha256);
}

tl::unexpected<Trouble> file_trouble(const SnapFile& file, std::string_view which, const Error& error) {
  const bool is_missing = error.code == Code::NotFound || error.code == Code::Unavailable;
  const Reason reason = error.code == Code::DeadlineExceeded ? Reason::CommandTimeout
                        : is_missing                         ? Reason::ArtifactMissing
                                                             : Reason::ArtifactMismatch;
  return trouble(reason, fmt::format("{} of {}: {}", which, file.name, error.message));
}

Tried<Artifact> open_snap(const SnapFile& file, const Work& work) {
  const auto on_hashed = [&](std::uint64_t bytes) {
    work.say(fmt::format("checking the snap of {}: {}", file.name, in_mebibytes(bytes)));
    return !work.is_over();
  };
  Result<Artifact> opened =
      work.host().files.open_artifact(path_of(file.snap, work), file.snap, kSnapBytesMax, on_hashed);
  if (!opened) return file_trouble(file, "the snap", opened.error());
  return std::move(*opened);
}

/// Read whole and then hashed: what is checked is what is used.
Tried<std::string> read_assertions(const SnapFile& file, const Work& work) {
  const std::string path = path_of(file.assertions, work);
  Result<std::string> text = work.host().files.read(path);
  if (text && sha256_hex(as_bytes(*text)) != file.assertions) {
    text = fail(Code::DataLoss, fmt::format("\"{}\" has other bytes than its name says", path));
  }
  if (!text) return file_trouble(file, "the assertions", text.error());
  return std::move(*text);
}

/// Blocks are divided by empty lines; the headers of one come before its first.
std::string revision_of(std::string_view assertions) {
  constexpr std::string_view kType = "type: snap-revision\n";
  constexpr std::string_view kRevision = "\nsnap-revision: ";
  const std::size_t type = assertions.find(kType);
  if (type == std::string_view::npos) return {};
  assertions = assertions.substr(type);
  assertions = assertions.substr(0, assertions.find("\n\n"));
  const std::size_t at = assertions.find(kRevision);
  if (at == std::string_view::npos) return {};
  assertions = assertions.substr(at + kRevision.size());
  return std::string(assertions.substr(0, assertions.find('\n')));
}

const SnapFile* find_file(const std::vector<SnapFile>& files, std::string_view name) {
  const auto at = std::find_if(files.begin(), files.end(), [&](const SnapFile& file) { return file.name == name; });
  return at == files.end() ? nullptr : &*at;
}

Tried<bool> is_installed(const std::string& snap, const Work& work) {
  KELPIE_TRY(const SnapdAnswer answer, read_snapd(work, "/v2/snaps/" + snap));
  return answer.is_good();
}

/// A snapd from the distribution brings no snapd snap, and no base is installed without one or `core`.
Tried<void> require_foundations(const std::vector<SnapFile>& files, const Channel& wanted, const Work& work) {
  std::vector<std::string> missing;
  const std::string base(wire::base_of_track(wanted.minor.value_or(0)));
  for (const std::string& name : {std::string("snapd"), base}) {
    if (name.empty() || find_file(files, name) != nullptr) continue;
    KELPIE_TRY(bool is_there, is_installed(name, work));
    if (!is_there && name == "snapd") {
      KELPIE_TRY(is_there, is_installed("core", work));
    }
    if (!is_there) missing.push_back(name);
  }
  if (missing.empty()) return {};
  return trouble(Reason::SnapBaseMissing,
                 fmt::format("MicroK8s 1.{} needs {}: neither installed nor among the release's files",
                             wanted.minor.value_or(0), joined(missing, " and ")));
}

Tried<void> install_file(const SnapFile& file, std::vector<std::string> flags, const SnapWish& wish, const Work& work) {
  KELPIE_TRY(const std::string assertions, read_assertions(file, work));
  KELPIE_TRY(const SnapdAnswer known,
             ask_snapd(work, {.method = "POST", .path = "/v2/assertions", .body = assertions}));
  if (!known.is_good()) return refused(fmt::format("the assertions of {}", file.name), known);
  KELPIE_TRY(const Artifact snap, open_snap(file, work));
  SnapWish with_file = wish;
  with_file.ask = [&](const Work& asking) {
    return upload_snap(asking, {.flags = flags, .file_name = file.name + ".snap", .file = snap});
  };
  return change_snap(work, with_file);
}

}  // namespace

Tried<std::uint64_t> require_snap_files(const std::vector<SnapFile>& files, const Channel& wanted, const Work& work) {
  std::uint64_t bytes = 0;
  for (const SnapFile& file : files) {
    KELPIE_TRY(const std::string assertions, read_assertions(file, work));
    if (revision_of(assertions).empty()) {
      return trouble(
          Reason::AssertionMissing,
          fmt::format("the assertions of {} name no revision: the .assert file of `snap download` does", file.name));
    }
    KELPIE_TRY(const Artifact snap, open_snap(file, work));
    if (file.name == kMicrok8s) bytes = snap.bytes;
  }
  KELPIE_TRY(require_foundations(files, wanted, work));
  return bytes;
}

Tried<std::string> revision_in(const std::vector<SnapFile>& files, const Work& work) {
  const SnapFile* const file = find_file(files, kMicrok8s);
  if (file == nullptr) return std::string();
  KELPIE_TRY(const std::string assertions, read_assertions(*file, work));
  return revision_of(assertions);
}

Tried<void> install_foundations(const std::vector<SnapFile>& files, const Work& work) {
  for (const SnapFile& file : files) {
    if (file.name == kMicrok8s) continue;
    KELPIE_TRY(const bool is_there, is_installed(file.name, work));
    if (is_there) continue;
    KELPIE_TRY(install_file(file, {},
                            {.doing = fmt::format("installing {} from its file", file.name),
                             .is_reached = [&] { return is_installed(file.name, work); }},
                            work));
  }
  return {};
}

Tried<void> install_microk8s_file(const std::vector<SnapFile>& files, const Channel& wanted,
                                  const std::string& revision, const Work& work) {
  const SnapFile* const file = find_file(files, kMicrok8s);
  KELPIE_ASSERT(file != nullptr);
  std::vector<std::string> flags;
  if (!wanted.is_strict) flags.emplace_back("classic");
  return install_file(*file, std::move(flags),
                      {.doing = fmt::format("installing revision {} from its file", revision),
                       .is_reached = [&]() -> Tried<bool> {
                         KELPIE_TRY(const Snap now, read_snap(work));
                         return now.is_installed && now.revision == revision;
                       }},
                      work);
}

}  // namespace kelpie::agent
