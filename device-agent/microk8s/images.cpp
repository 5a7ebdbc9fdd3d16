// images: there under the names Kubernetes asks for, with the signed digest, complete, of this platform and pinned.
// Prepare pulls by digest, which disturbs nobody; the name is moved only when the step runs.
#include <algorithm>
#include <optional>
#include <set>

#include <fmt/core.h>

#include "device-agent/microk8s/containerd.h"
#include "device-agent/microk8s/mirrors.h"
#include "device-agent/microk8s/node.h"
#include "device-agent/microk8s/preflight.h"
#include "device-agent/microk8s/snapd.h"
#include "device-agent/microk8s/steps.h"

namespace kelpie::agent {
namespace {

constexpr std::uint64_t kImagesFloor = 1'536ULL << 20U;     // chosen: kubelet evicts below 1 GiB (facts, microk8s 1)
constexpr std::uint64_t kRoomPerByte = 3;                   // facts, microk8s 6.7: compressed, unpacked, in use
constexpr std::uint64_t kArchiveBytesMax = 4ULL << 30U;     // chosen: as the hub's; the largest image seen is 1.5 GB
constexpr std::uint64_t kFetchBytesPerSecond = 64U << 10U;  // chosen: half a megabit, what a poor site has
constexpr Duration kFetchFloor = std::chrono::minutes(10);  // facts, microk8s 8
constexpr std::string_view kForLabel = "kelpie.dev/for";    // on the digest's name: which reference it is kept for
constexpr Duration kComingUp = std::chrono::seconds(120);   // chosen: within what the core gives an observation

/// registry/path without tag and digest.
std::string repository_of(const std::string& ref) {
  const std::string name = ref.substr(0, ref.find('@'));
  const std::size_t colon = name.rfind(':');
  const std::size_t slash = name.rfind('/');
  const bool has_tag = colon != std::string::npos && (slash == std::string::npos || colon > slash);
  return has_tag ? name.substr(0, colon) : name;
}

/// The name under which the bytes that a name has now are kept, should it move.
std::string kept_name(const Image& image, const std::string& digest) {
  return repository_of(image.ref) + "@" + digest;
}

/// The name under which the signed bytes are pulled and kept.
std::string digest_name(const Image& image) {
  return repository_of(image.from.empty() ? image.ref : image.from) + "@" + image.digest;
}

const ImageRow* find(const ImageTable& table, const std::string& ref) {
  const auto at = table.find(ref);
  return at == table.end() ? nullptr : &at->second;
}

Tried<bool> is_containerd_there(const Work& work) {
  KELPIE_TRY(const Snap snap, read_snap(work));
  return std::find(snap.services.begin(), snap.services.end(), "daemon-containerd") != snap.services.end();
}

bool is_kept_for(const ImageRow& row, const Image& image) {
  const auto label = row.labels.find(std::string(kForLabel));
  return label != row.labels.end() && label->second == image.ref;
}

/// By its size, never less than a slow registry needs to answer; without a size all the time there is.
Duration fetch_limit(const Work& work, std::uint64_t bytes) {
  if (bytes == 0) return work.left();
  const auto by_size = std::chrono::seconds(static_cast<std::int64_t>(bytes / kFetchBytesPerSecond));
  return std::min<Duration>(work.left(), kFetchFloor + by_size);
}

/// What one fetching has in hand.
struct Fetching {
  const Work& work;
  const StagedMirrors& mirrors;
  ImageTable usable;             // whose layers are all there
  std::optional<bool> is_local;  // whether ctr takes it, once it was asked
  std::set<std::string> imported;
};

Tried<bool> takes_local(Fetching& fetching) {
  if (!fetching.is_local) {
    KELPIE_TRY(const bool is_taken, takes_local(fetching.work));
    fetching.is_local = is_taken;
  }
  return *fetching.is_local;
}

Tried<Artifact> open_archive(const Work& work, const Image& image) {
  const std::string path = fmt::format("{}/{}", work.paths().artifacts, image.archive);
  Result<Artifact> opened =
      work.host().files.open_artifact(path, image.archive, kArchiveBytesMax, [&](std::uint64_t bytes) {
        work.say(fmt::format("checking the archive of {}: {}", image.ref, in_mebibytes(bytes)));
        return !work.is_over();
      });
  if (opened) return std::move(*opened);
  Reason reason = Reason::ArtifactMismatch;
  if (opened.error().code == Code::NotFound) reason = Reason::ArtifactMissing;
  if (opened.error().code == Code::DeadlineExceeded) reason = Reason::CommandTimeout;
  if (opened.error().code == Code::Unavailable) reason = Reason::FileUnwritable;
  return trouble(reason, fmt::format("archive of {}: {}", image.ref, opened.error().message));
}

/// A name that pods ask for, back on the digest it had: some other name, kubelet's own at least, still has the bytes.
Tried<void> put_back(const Work& work, const std::string& name, const ImageRow& before, const ImageTable& now) {
  const auto source =
      std::find_if(now.begin(), now.end(), [&](const auto& e) { return e.second.digest == before.digest; });
  if (source == now.end()) {
    return trouble(Reason::ImageMissing,
                   fmt::format("the archive has moved {}, and nothing has its bytes {} any more", name, before.digest));
  }
  KELPIE_TRY(tag_image(work, source->first, name));
  for (const auto& [key, value] : before.labels) KELPIE_TRY(label_image(work, name, fmt::format("{}={}", key, value)));
  return {};
}

/// What an archive names by io.containerd.image.name, as docker and ctr write it, is named so by ctr whatever
/// --base-name says (seen with 1.6, 1.7 and 2.1): nothing that pods ask for moves by an import.
Tried<void> keep_names(const Work& work, const ImageTable& before) {
  KELPIE_TRY(const ImageTable now, read_images(work));
  std::vector<std::string> added;
  for (const auto& [name, row] : now) {
    if (name.starts_with(kImportName) || name.starts_with("sha256:")) continue;
    const ImageRow* const old = find(before, name);
    if (old == nullptr) added.push_back(name);
    if (old != nullptr && old->digest != row.digest) KELPIE_TRY(put_back(work, name, *old, now));
  }
  return remove_images(work, added);
}

Tried<void> import_archive(Fetching& fetching, const Image& image) {
  const Work& work = fetching.work;
  KELPIE_TRY(const Artifact archive, open_archive(work, image));
  KELPIE_TRY(require_space(work, kImagesFloor + kRoomPerByte * archive.bytes));
  KELPIE_TRY(const SnapdSystem system, read_system(work));
  KELPIE_TRY(const bool is_local, takes_local(fetching));
  fetching.imported.insert(image.archive);
  KELPIE_TRY(const ImageTable before, read_images(work));
  Tried<void> imported = import_images(work, {.archive = archive,
                                              .platform = "linux/" + system.architecture,
                                              .is_local = is_local,
                                              .limit = fetch_limit(work, archive.bytes)});
  KELPIE_TRY(keep_names(work, before));
  return imported;
}

/// One archive may hold several images; it is imported once.
Tried<void> take_from_archive(Fetching& fetching, const Image& image) {
  if (!fetching.imported.contains(image.archive)) KELPIE_TRY(import_archive(fetching, image));
  KELPIE_TRY(const ImageTable table, read_images(fetching.work));
  const std::string imported = fmt::format("{}@{}", kImportName, image.digest);
  if (find(table, imported) != nullptr) return tag_image(fetching.work, imported, digest_name(image));
  std::vector<std::string> found;
  for (const auto& [name, row] : table) {
    if (name.starts_with(kImportName)) found.push_back(row.digest);
  }
  return trouble(Reason::ImageDigestMismatch,
                 fmt::format("the archive of {} holds {}, signed is {}: save it from its registry with the digest kept",
                             image.ref, found.empty() ? "no image" : joined(found), image.digest));
}

/// kubelet's own names ("sha256:" and the configuration's digest) of what nothing else names any more: with them the
/// bytes of a release that was taken back would stay on the disk.
std::vector<std::string> nameless(const Json& new_digests, const ImageTable& table) {
  std::vector<std::string> names;
  for (const Json& digest : new_digests.items()) {
    std::vector<std::string> own;
    bool is_named = false;
    for (const auto& [name, row] : table) {
      if (row.digest != digest.text()) continue;
      if (name.starts_with("sha256:")) own.push_back(name);
      is_named = is_named || !name.starts_with("sha256:");
    }
    if (!is_named) names.insert(names.end(), own.begin(), own.end());
  }
  return names;
}

/// The names under which archives came in, and with them what nobody asked for.
Tried<void> forget_imports(const Work& work) {
  KELPIE_TRY(const ImageTable table, read_images(work));
  std::vector<std::string> names;
  Json digests{Json::Array{}};
  for (const auto& [name, row] : table) {
    if (!name.starts_with(kImportName)) continue;
    names.push_back(name);
    digests.append(row.digest);
  }
  if (names.empty()) return {};
  KELPIE_TRY(remove_images(work, names));
  KELPIE_TRY(const ImageTable after, read_images(work));
  return remove_images(work, nameless(digests, after));
}

/// Fetches what is not there and pins it, so that it is not collected before it is used.
Tried<void> fetch(Fetching& fetching, const Image& image) {
  const Work& work = fetching.work;
  const std::string name = digest_name(image);
  const ImageRow* const row = find(fetching.usable, name);
  const ImageRow* const named = find(fetching.usable, image.ref);
  const bool has_own_name = row != nullptr && row->digest == image.digest;
  if (has_own_name && row->is_pinned() && is_kept_for(*row, image)) return {};
  if (!has_own_name && named != nullptr && named->digest == image.digest) {
    // Brought by hand under its tag: the digest's own name is made from it.
    KELPIE_TRY(tag_image(work, image.ref, name));
  } else if (!has_own_name && !image.archive.empty()) {
    KELPIE_TRY(take_from_archive(fetching, image));
  } else if (!has_own_name) {
    KELPIE_TRY(const bool is_local, takes_local(fetching));
    KELPIE_TRY(pull_image(work, {.ref = name,
                                 .hosts_folder = fetching.mirrors.folder_for(name),
                                 .is_local = is_local,
                                 .limit = fetch_limit(work, image.bytes)}));
  }
  KELPIE_TRY(label_image(work, name, fmt::format("{}={}", kForLabel, image.ref)));
  return label_image(work, name, std::string(kPinLabel));
}

Tried<void> fetch_each(const ImagesStep& step, Fetching& fetching) {
  std::size_t done = 0;
  for (const Image& image : step.images) {
    fetching.work.say(fmt::format("image {}/{}: {}", ++done, step.images.size(), image.ref));
    KELPIE_TRY(fetch(fetching, image));
  }
  return {};
}

/// Through the release's own mirrors, also before its mirrors step has run.
Tried<void> fetch_all(const ImagesStep& step, const Work& work) {
  KELPIE_TRY(ImageTable usable, read_images(work));
  KELPIE_TRY(const auto complete, read_completeness(work));
  // A name whose layers are not all there is as good as none.
  std::erase_if(usable, [&](const auto& entry) {
    const auto at = complete.find(entry.first);
    return at != complete.end() && !at->second;
  });
  KELPIE_TRY(const StagedMirrors mirrors, StagedMirrors::stage(work, step.mirrors));
  Fetching fetching{.work = work, .mirrors = mirrors, .usable = std::move(usable), .is_local = {}, .imported = {}};
  Tried<void> fetched = fetch_each(step, fetching);
  if (!fetching.imported.empty()) KELPIE_TRY(forget_imports(work));
  KELPIE_TRY(mirrors.remove());
  return fetched;
}

Tried<void> require_digest(const Image& image, const ImageRow& row, const std::string& architecture) {
  if (row.digest != image.digest) {
    return trouble(Reason::ImageDigestMismatch,
                   fmt::format("{} is {}, signed is {}", image.ref, row.digest, image.digest));
  }
  const std::string platform = "linux/" + architecture;
  const bool is_ours = std::any_of(row.platforms.begin(), row.platforms.end(),
                                   [&](const std::string& one) { return one.starts_with(platform); });
  if (is_ours || architecture.empty()) return {};
  return trouble(Reason::ImageWrongPlatform,
                 fmt::format("{} is for {}, the device is {}", image.ref, joined(row.platforms), platform));
}

/// What the device has, asked once.
struct Seen {
  ImageTable table;
  std::map<std::string, bool> complete;
  std::string architecture;
};

Tried<Seen> look(const Work& work) {
  KELPIE_TRY(const SnapdSystem system, read_system(work));
  KELPIE_TRY(const ImageTable table, read_images(work));
  KELPIE_TRY(const auto complete, read_completeness(work));
  return Seen{.table = table, .complete = complete, .architecture = system.architecture};
}

Tried<void> require_whole(const Image& image, const std::string& name, const Seen& seen) {
  const ImageRow* const row = find(seen.table, name);
  if (row == nullptr) return trouble(Reason::ImageMissing, name + " is not there");
  KELPIE_TRY(require_digest(image, *row, seen.architecture));
  const auto at = seen.complete.find(name);
  if (at == seen.complete.end() || !at->second) return trouble(Reason::ImageMissing, name + " is not complete");
  return {};
}

/// Everything about every image, read back. Trouble with the reason of the first that is not so.
Tried<void> require_all(const ImagesStep& step, const Work& work) {
  KELPIE_TRY(const Seen seen, look(work));
  for (const Image& image : step.images) {
    KELPIE_TRY(require_whole(image, image.ref, seen));
    if (!find(seen.table, image.ref)->is_pinned()) {
      return trouble(Reason::ImageMissing, image.ref + " is not pinned");
    }
  }
  return {};
}

/// Before anybody says GO: what a pull of 2.x calls done may be for another platform.
Tried<void> require_fetched(const ImagesStep& step, const Work& work) {
  KELPIE_TRY(const Seen seen, look(work));
  for (const Image& image : step.images) KELPIE_TRY(require_whole(image, digest_name(image), seen));
  return {};
}

std::string evidence(const ImagesStep& step) {
  std::vector<std::string> names;
  for (const Image& image : step.images) names.push_back(image.ref);
  return fmt::format("{} image{} pinned by digest: {}", names.size(), names.size() == 1 ? "" : "s", joined(names));
}

bool is_state(Reason reason) {
  return reason == Reason::ImageMissing || reason == Reason::ImageDigestMismatch ||
         reason == Reason::ImageWrongPlatform;
}

Tried<CallResult> prove(const ImagesStep& step, const Work& work) {
  Tried<void> proof = require_all(step, work);
  if (proof && !step.follows_start) return satisfied(evidence(step));
  if (proof) {
    const Tried<Node> node = await_node(work);
    if (!node) return unmet(node.error());
    return satisfied(evidence(step) + "; " + ready_text(*node));
  }
  if (is_state(proof.error().reason)) return unmet(proof.error());
  return fail(std::move(proof.error()));
}

std::vector<std::string> texts_of(const Json& list) {
  std::vector<std::string> texts;
  for (const Json& one : list.items()) texts.push_back(one.text());
  return texts;
}

bool has_digest(const ImageTable& table, const std::string& digest) {
  return std::any_of(table.begin(), table.end(), [&](const auto& entry) { return entry.second.digest == digest; });
}

Json restore_of(const ImagesStep& step, const ImageTable& table) {
  Json before{Json::Object{}};
  Json added{Json::Array{}};
  Json new_digests{Json::Array{}};
  for (const Image& image : step.images) {
    const ImageRow* const row = find(table, image.ref);
    if (row != nullptr) {
      before[image.ref]["digest"] = row->digest;
      before[image.ref]["pinned"] = row->is_pinned();
      const ImageRow* const kept = find(table, kept_name(image, row->digest));
      before[image.ref]["has kept name"] = kept != nullptr;
      before[image.ref]["is kept"] = kept != nullptr && is_kept_for(*kept, image);
    }
    if (find(table, digest_name(image)) == nullptr) added.append(digest_name(image));
    if (!has_digest(table, image.digest)) new_digests.append(image.digest);
  }
  return Json(Json::Object{{"added", added}, {"before", before}, {"new", new_digests}});
}

/// Names kept for the way back of attempts that are over, or fetched for ones that never came: pins would fill the
/// disk.
std::vector<std::string> outdated(const ImagesStep& step, const ImageTable& table) {
  std::vector<std::string> names;
  for (const Image& image : step.images) {
    const ImageRow* const current = find(table, image.ref);
    for (const auto& [name, row] : table) {
      if (!is_kept_for(row, image) || name == image.ref || row.digest == image.digest) continue;
      if (current == nullptr || row.digest != current->digest) names.push_back(name);
    }
  }
  return names;
}

/// Kubelet collects them when it needs the room; the names may be its own.
Tried<void> let_go(const Work& work, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    KELPIE_TRY(label_image(work, name, std::string(kUnpinLabel)));
    KELPIE_TRY(label_image(work, name, fmt::format("{}=", kForLabel)));
  }
  return {};
}

/// Of what the device does not have yet, as far as the release says how large it is.
Tried<void> require_room(const ImagesStep& step, const ImageTable& table, const Work& work) {
  std::uint64_t bytes = 0;
  for (const Image& image : step.images) {
    if (!has_digest(table, image.digest)) bytes += image.bytes;
  }
  return require_space(work, kImagesFloor + kRoomPerByte * bytes);
}

/// Nothing can be imported yet, but what is missing is known before GO.
Tried<void> require_archives(const ImagesStep& step, const Work& work) {
  std::set<std::string> opened;
  for (const Image& image : step.images) {
    if (image.archive.empty() || !opened.insert(image.archive).second) continue;
    KELPIE_TRY(open_archive(work, image));
  }
  return {};
}

Tried<CallResult> prepare(const ImagesStep& step, const Work& work) {
  KELPIE_TRY(require_space(work, kImagesFloor));
  KELPIE_TRY(const bool is_there, is_containerd_there(work));
  if (!is_there) {
    KELPIE_TRY(require_room(step, {}, work));
    KELPIE_TRY(require_archives(step, work));
    return prepared("no containerd yet: images are pulled after GO", restore_of(step, {}));
  }
  KELPIE_TRY(const ImageTable table, read_images(work));
  const Json restore = restore_of(step, table);
  // Already so: what was kept before stays for a rollback.
  if (require_all(step, work)) return prepared(evidence(step), restore);
  KELPIE_TRY(require_room(step, table, work));
  KELPIE_TRY(let_go(work, outdated(step, table)));
  Tried<void> fetched = fetch_all(step, work);
  if (fetched) fetched = require_fetched(step, work);
  if (!fetched) {
    // The names are made before ctr looks whether there is anything for this platform.
    if (fetched.error().reason == Reason::ImageWrongPlatform) {
      KELPIE_TRY(remove_images(work, texts_of(restore.at("added"))));
    }
    return fail(std::move(fetched.error()));
  }
  return prepared(fmt::format("{} images are on the device", step.images.size()), restore);
}

/// The digest behind a name that is about to move keeps a name of its own, so that the way back needs no network.
Tried<void> keep_old(const Work& work, const Image& image, const ImageTable& table) {
  const ImageRow* const row = find(table, image.ref);
  if (row == nullptr || row->digest == image.digest) return {};
  const std::string name = kept_name(image, row->digest);
  if (find(table, name) == nullptr) KELPIE_TRY(tag_image(work, image.ref, name));
  KELPIE_TRY(label_image(work, name, fmt::format("{}={}", kForLabel, image.ref)));
  return label_image(work, name, std::string(kPinLabel));
}

Tried<CallResult> run(const ImagesStep& step, const Work& work) {
  KELPIE_TRY(const ImageTable before, read_images(work));
  KELPIE_TRY(require_room(step, before, work));
  KELPIE_TRY(fetch_all(step, work));
  for (const Image& image : step.images) {
    KELPIE_TRY(keep_old(work, image, before));
    KELPIE_TRY(tag_image(work, digest_name(image), image.ref));
  }
  // Last, every name: pulls and tags of 2.x drop it (facts, microk8s 6.1).
  for (const Image& image : step.images) {
    KELPIE_TRY(label_image(work, image.ref, std::string(kPinLabel)));
    KELPIE_TRY(label_image(work, digest_name(image), std::string(kPinLabel)));
  }
  return satisfied(fmt::format("{} images tagged and pinned", step.images.size()));
}

Tried<void> take_back(const Work& work, const Image& image, const Json& before, const ImageTable& table) {
  const std::string& digest = before.text("digest");
  const ImageRow* const row = find(table, image.ref);
  if (row != nullptr && row->digest != digest) {
    KELPIE_TRY(tag_image(work, kept_name(image, digest), image.ref));
  }
  if (before.at("pinned").is_true()) return label_image(work, image.ref, std::string(kPinLabel));
  return label_image(work, image.ref, std::string(kUnpinLabel));
}

/// Names of this step's digests that an earlier PREPARE made or that were kubelet's own: not ours to remove, but no
/// longer to be pinned.
std::vector<std::string> left_over(const ImagesStep& step, const Json& restore, const ImageTable& table) {
  std::vector<std::string> names;
  for (const Image& image : step.images) {
    const std::string name = digest_name(image);
    const ImageRow* const row = find(table, name);
    if (row == nullptr || name == image.ref || !is_kept_for(*row, image)) continue;
    if (restore.at({"before", image.ref, "digest"}).text() != image.digest) names.push_back(name);
  }
  return names;
}

/// What keep_old made of the digest that the name has again.
Tried<void> forget_old(const Work& work, const Image& image, const Json& before, const ImageTable& table) {
  const std::string name = kept_name(image, before.text("digest"));
  const ImageRow* const row = find(table, name);
  if (row == nullptr || name == image.ref || before.at("is kept").is_true()) return {};
  if (!before.at("has kept name").is_true()) return remove_images(work, {name});
  return is_kept_for(*row, image) ? let_go(work, {name}) : Tried<void>{};
}

Tried<CallResult> undo(const ImagesStep& step, const std::string& restore_text, const Work& work) {
  const Result<Json> restore = Json::parse(restore_text);
  if (!restore) return trouble(Reason::RestoreUnknown, "which images were there before is not known");
  KELPIE_TRY(const ImageTable table, read_images(work));
  std::vector<std::string> added = texts_of(restore->at("added"));
  for (const Image& image : step.images) {
    const Json& before = restore->at("before").at(image.ref);
    if (before.is_null()) {
      added.push_back(image.ref);
    } else {
      KELPIE_TRY(take_back(work, image, before, table));
      KELPIE_TRY(forget_old(work, image, before, table));
    }
  }
  KELPIE_TRY(let_go(work, left_over(step, *restore, table)));
  KELPIE_TRY(remove_images(work, added));
  KELPIE_TRY(const ImageTable after, read_images(work));
  KELPIE_TRY(remove_images(work, nameless(restore->at("new"), after)));
  for (const Image& image : step.images) {
    const ImageRow* const row = find(after, image.ref);
    if ((row == nullptr ? "" : row->digest) == restore->at({"before", image.ref, "digest"}).text()) continue;
    return trouble(Reason::ImageDigestMismatch, image.ref + " is not what it was before");
  }
  return satisfied("images as before");
}

}  // namespace

Tried<CallResult> carry_out_images(const ImagesStep& step, const StepCall& call, const Work& work) {
  switch (call.phase) {
    case Phase::Prepare: return prepare(step, work);
    case Phase::Observe: return prove(step, work.part(kComingUp));
    case Phase::Verify: return prove(step, work);
    case Phase::Run: return run(step, work);
    case Phase::Undo: return undo(step, call.restore, work);
  }
  KELPIE_ASSERT(false);
}

}  // namespace kelpie::agent
