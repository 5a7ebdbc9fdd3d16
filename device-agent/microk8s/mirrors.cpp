// mirrors: hosts.toml of each registry as the release says, byte for byte. That they answer is proved by the pulls of
// the images step: nothing else asks them.
#include "device-agent/microk8s/mirrors.h"

#include <algorithm>
#include <optional>

#include <fmt/core.h>

#include "device-agent/microk8s/hosts_toml.h"
#include "device-agent/microk8s/snapd.h"
#include "device-agent/microk8s/steps.h"

namespace kelpie::agent {
namespace {

constexpr unsigned kFileMode = 0644;                       // chosen: nothing in it is secret
constexpr std::string_view kStagedName = "kelpie-staged";  // no registry is called so
constexpr std::string_view kStagedNote =
    "Registry mirrors of a release that this device prepares. kelpie-agent removes this folder.\n";

std::vector<SettingsFile> files_of(const std::string& folder, const std::vector<Mirror>& mirrors) {
  std::vector<SettingsFile> files;
  for (const Mirror& mirror : mirrors) {
    for (SettingsFile& file : mirror_files(folder, mirror)) files.push_back(std::move(file));
  }
  return files;
}

std::string folder_of(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

/// Nothing: there is no such file.
Tried<std::optional<std::string>> read_setting(const Work& work, const std::string& path) {
  Result<std::string> text = work.host().files.read(path);
  if (text) return std::move(*text);
  if (text.error().code == Code::NotFound) return std::nullopt;
  return trouble(Reason::FileUnwritable, text.error().message);
}

Tried<void> write_setting(const Work& work, const std::string& path, const std::string& text) {
  const Result<void> written = work.host().files.write(path, text, kFileMode);
  if (written) return {};
  const bool is_full = written.error().code == Code::ResourceExhausted;
  return trouble(is_full ? Reason::DiskFull : Reason::FileUnwritable, written.error().message);
}

Tried<void> remove_setting(const Work& work, const std::string& path) {
  const Result<void> removed = work.host().files.remove(path);
  if (removed) return {};
  return trouble(Reason::FileUnwritable, removed.error().message);
}

std::string evidence(const MirrorsStep& step) {
  std::vector<std::string> parts;
  for (const Mirror& mirror : step.mirrors) {
    std::vector<std::string> urls;
    for (const MirrorHost& host : mirror.hosts) urls.push_back(host.url);
    parts.push_back(fmt::format("{} through {}", mirror.registry, joined(urls, " then ")));
  }
  return joined(parts);
}

/// The first file that is not as the release says; nothing: all are.
Tried<std::optional<std::string>> first_other(const Work& work, const std::vector<Mirror>& mirrors) {
  for (const SettingsFile& file : files_of(hosts_folder(work), mirrors)) {
    KELPIE_TRY(const std::optional<std::string> text, read_setting(work, file.path));
    if (text != file.text) return std::optional(file.path);
  }
  return std::nullopt;
}

Tried<CallResult> prove(const MirrorsStep& step, const Work& work) {
  KELPIE_TRY(const Snap snap, read_snap(work));
  if (!snap.is_installed) return unmet({.reason = Reason::NotInstalled, .detail = {}, .output = {}});
  KELPIE_TRY(const std::optional<std::string> other, first_other(work, step.mirrors));
  if (!other) return satisfied(evidence(step));
  return unmet({.reason = Reason::MirrorsNotWritten,
                .detail = fmt::format("{} is not as the release says", *other),
                .output = {}});
}

Tried<CallResult> prepare(const MirrorsStep& step, const Work& work) {
  KELPIE_TRY(const Snap snap, read_snap(work));
  Json files{Json::Object{}};
  Json folders{Json::Array{}};
  for (const SettingsFile& file : files_of(hosts_folder(work), step.mirrors)) {
    KELPIE_TRY(const std::optional<std::string> text, read_setting(work, file.path));
    files[file.path] = text ? Json(Json::Object{{"text", *text}}) : Json(Json::Object{});
    if (!work.host().files.exists(folder_of(file.path))) folders.append(folder_of(file.path));
  }
  return prepared(snap.is_installed ? evidence(step) : "no MicroK8s yet: written after the install",
                  Json(Json::Object{{"files", files}, {"folders", folders}}));
}

Tried<CallResult> run(const MirrorsStep& step, const Work& work) {
  KELPIE_TRY(const Snap snap, read_installed_snap(work));
  for (const SettingsFile& file : files_of(hosts_folder(work), step.mirrors)) {
    KELPIE_TRY(const std::optional<std::string> text, read_setting(work, file.path));
    if (text != file.text) KELPIE_TRY(write_setting(work, file.path, file.text));
  }
  return satisfied(evidence(step));
}

Tried<CallResult> undo(const std::string& restore_text, const Work& work) {
  const Result<Json> restore = Json::parse(restore_text);
  if (!restore) return trouble(Reason::RestoreUnknown, "which mirrors there were before is not known");
  for (const auto& [path, before] : restore->at("files").members()) {
    KELPIE_TRY(const std::optional<std::string> text, read_setting(work, path));
    if (!before.has("text")) {
      KELPIE_TRY(remove_setting(work, path));
    } else if (text != before.text("text")) {
      KELPIE_TRY(write_setting(work, path, before.text("text")));
    }
  }
  for (const Json& folder : restore->at("folders").items()) {
    // What somebody put there meanwhile stays.
    static_cast<void>(work.host().files.remove(folder.text()));
  }
  return satisfied("mirrors as before");
}

}  // namespace

std::string hosts_folder(const Work& work) {
  return work.paths().snap_data + "/args/certs.d";
}

Tried<StagedMirrors> StagedMirrors::stage(const Work& work, const std::vector<Mirror>& mirrors) {
  StagedMirrors staged(work);
  KELPIE_TRY(const std::optional<std::string> other, first_other(work, mirrors));
  if (!other) return staged;
  const std::string folder = fmt::format("{}/{}", hosts_folder(work), kStagedName);
  std::vector<SettingsFile> files{{.path = folder + "/README", .text = std::string(kStagedNote)}};
  for (SettingsFile& file : files_of(folder, mirrors)) files.push_back(std::move(file));
  for (const SettingsFile& file : files) staged.paths_.push_back(file.path);
  for (const Mirror& mirror : mirrors) {
    staged.paths_.push_back(mirror_folder(folder, mirror.registry));
    staged.registries_.push_back(mirror.registry);
  }
  staged.paths_.push_back(folder);
  for (const SettingsFile& file : files) KELPIE_TRY(write_setting(work, file.path, file.text));
  return staged;
}

std::string StagedMirrors::folder_for(const std::string& ref) const {
  const std::string registry = ref.substr(0, ref.find('/'));
  const bool is_staged = std::find(registries_.begin(), registries_.end(), registry) != registries_.end();
  return is_staged ? fmt::format("{}/{}", hosts_folder(*work_), kStagedName) : hosts_folder(*work_);
}

Tried<void> StagedMirrors::remove() const {
  for (const std::string& path : paths_) KELPIE_TRY(remove_setting(*work_, path));
  return {};
}

Tried<CallResult> carry_out_mirrors(const MirrorsStep& step, const StepCall& call, const Work& work) {
  switch (call.phase) {
    case Phase::Prepare: return prepare(step, work);
    case Phase::Observe:
    case Phase::Verify: return prove(step, work);
    case Phase::Run: return run(step, work);
    case Phase::Undo: return undo(call.restore, work);
  }
  KELPIE_ASSERT(false);
}

}  // namespace kelpie::agent
