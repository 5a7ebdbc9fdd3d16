// containerd's image list through `microk8s ctr`, in the three dialects of its versions. Exit codes and progress prove
// nothing: what counts is read back (facts, microk8s 6.1).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "device-agent/microk8s/work.h"

namespace kelpie::agent {

struct ImageRow {
  std::string digest;
  std::vector<std::string> platforms;  // linux/arm64/v8
  std::map<std::string, std::string> labels;
  std::string size;
  [[nodiscard]] bool is_pinned() const;
};
using ImageTable = std::map<std::string, ImageRow>;  // by full name

[[nodiscard]] ImageTable parse_images(std::string_view table);
/// Trouble: ContainerdNotReady.
[[nodiscard]] Tried<ImageTable> read_images(const Work& work);
/// Names whose layers are all there and unpacked.
[[nodiscard]] Tried<std::map<std::string, bool>> read_completeness(const Work& work);

/// Whether this ctr takes --local: read from its help, not guessed from a version. 1.6 ends with a usage error; with it
/// 2.x works, and shows its progress, as the older ones do (facts, microk8s 6.1).
[[nodiscard]] Tried<bool> takes_local(const Work& work);

struct PullAim {
  std::string ref;  // name@digest
  std::string hosts_folder;
  bool is_local = false;
  Duration limit{};
};
/// Through the mirrors of that folder: ctr takes none by itself. Trouble: the reasons of image pulls.
[[nodiscard]] Tried<void> pull_image(const Work& work, const PullAim& aim);
struct ImportAim {
  const Artifact& archive;
  std::string platform;  // linux/arm64
  bool is_local = false;
  Duration limit{};
};
/// Everything in the archive, as IMPORT_NAME@DIGEST and under no name of the archive's own: none that pods ask for
/// moves. Whoever calls it gives them other names and removes these.
/// Trouble: ArtifactMismatch when it is no archive, ImageWrongPlatform, DiskFull, ImagePullFailed.
[[nodiscard]] Tried<void> import_images(const Work& work, const ImportAim& aim);
inline constexpr std::string_view kImportName = "kelpie.dev/import";

[[nodiscard]] Tried<void> tag_image(const Work& work, const std::string& from, const std::string& to);
/// Sets a label and nothing else; the value is read back by whoever relies on it.
[[nodiscard]] Tried<void> label_image(const Work& work, const std::string& ref, const std::string& label);
/// Forgets names; those that are not there are forgotten already.
[[nodiscard]] Tried<void> remove_images(const Work& work, const std::vector<std::string>& refs);

inline constexpr std::string_view kPinLabel = "io.cri-containerd.pinned=pinned";
inline constexpr std::string_view kUnpinLabel = "io.cri-containerd.pinned=";  // an empty value takes a label away

struct PullProgress {
  double done_mebibytes = 0;
  double total_mebibytes = 0;
};
/// The newest block of ctr's bars, summed over layers; zero when it has no figures.
[[nodiscard]] PullProgress parse_progress(std::string_view output);

}  // namespace kelpie::agent
