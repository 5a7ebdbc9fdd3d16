#include "device-agent/microk8s/containerd.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/core.h>

#include "device-agent/microk8s/commands.h"

namespace kelpie::agent {
namespace {

constexpr Duration kListLimit = std::chrono::seconds(90);        // chosen: a cold card with hundreds of images
constexpr Duration kRestartPatience = std::chrono::seconds(45);  // chosen: containerd restarts with some add-ons
constexpr Duration kLookEvery = std::chrono::seconds(5);         // ctr itself has waited for ten
constexpr std::size_t kColumnsMin = 7;                           // REF TYPE DIGEST SIZE(2) PLATFORMS LABELS
constexpr std::size_t kWatchedBytes = 4'096;                     // chosen: one block of progress of twenty layers

std::vector<std::string> split(std::string_view text, char at) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(at), text.size());
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

ImageRow row_from(const std::vector<std::string>& words) {
  ImageRow row;
  row.digest = words[2];
  row.size = words[3] + " " + words[4];
  row.platforms = split(words[words.size() - 2], ',');
  if (words.back() == "-") return row;
  for (const std::string& label : split(words.back(), ',')) {
    const std::size_t at = label.find('=');
    row.labels[label.substr(0, at)] = at == std::string::npos ? "" : label.substr(at + 1);
  }
  return row;
}

/// 1.x dials for ten seconds, 2.x looks for the socket first.
bool is_containerd_away(std::string_view err) {
  return has_any(err, {"failed to dial", "cannot access socket"});
}

Tried<Exit> run_ctr(const Work& work, std::vector<std::string> arguments, Duration limit) {
  arguments.insert(arguments.begin(), {"ctr", "image"});
  KELPIE_TRY(Exit exit, run_microk8s(work, {.arguments = std::move(arguments), .limit = limit}));
  if (exit.code != 0 && is_containerd_away(exit.err)) {
    return trouble(Reason::ContainerdNotReady, fmt::format("containerd does not answer: {}", last_line(exit.err)),
                   exit.err);
  }
  return exit;
}

Reason pull_reason(std::string_view err) {
  if (has_any(err, {"no space left on device"})) return Reason::DiskFull;
  if (is_containerd_away(err)) return Reason::ContainerdNotReady;
  if (has_any(err, {"401 Unauthorized", "403 Forbidden", "pull access denied", "authorization failed",
                    "insufficient_scope"})) {
    return Reason::ImageUnauthorized;
  }
  if (has_any(err, {"unexpected commit digest"})) return Reason::ImageDigestMismatch;
  if (has_any(err, {"x509: ", "server gave HTTP response to HTTPS client"})) return Reason::RegistryUntrusted;
  if (has_any(err, {"no match for platform"})) return Reason::ImageWrongPlatform;  // and then ": not found"
  if (has_any(err, {": not found"})) return Reason::ImageNotFound;
  return Reason::ImagePullFailed;
}

/// Keeps the newest piece of a pull's output and tells how far it is.
class PullWatch {
 public:
  PullWatch(const Work& work, std::string ref) : work_(work), ref_(std::move(ref)) {}
  void hear(std::string_view piece) {
    kept_ += piece;
    if (kept_.size() > kWatchedBytes) kept_.erase(0, kept_.size() - kWatchedBytes);
    // Blocks come ten times a second, even without a terminal.
    if (said_at_ && work_.now() - *said_at_ < std::chrono::seconds(1)) return;
    const PullProgress progress = parse_progress(kept_);
    if (progress.total_mebibytes <= 0) return;
    said_at_ = work_.now();
    work_.say(fmt::format("pulling {} {:.1f}/{:.1f} MiB", ref_, progress.done_mebibytes, progress.total_mebibytes));
  }

 private:
  const Work& work_;
  std::string ref_;
  std::string kept_;
  std::optional<SteadyTime> said_at_;
};

Tried<Exit> run_pull(const Work& work, const PullAim& aim) {
  std::vector<std::string> arguments{"ctr", "image", "pull", "--hosts-dir", aim.hosts_folder};
  if (aim.is_local) arguments.emplace_back("--local");
  arguments.push_back(aim.ref);
  PullWatch watch(work, aim.ref);
  work.say(fmt::format("pulling {}", aim.ref));
  return run_microk8s(work, {.arguments = std::move(arguments),
                             .limit = aim.limit,
                             .input = {},
                             .on_output = [&](std::string_view piece) { watch.hear(piece); }});
}

Reason import_reason(std::string_view err) {
  if (has_any(err, {"no space left on device"})) return Reason::DiskFull;
  if (is_containerd_away(err)) return Reason::ContainerdNotReady;
  if (has_any(err, {"image might be filtered out", "no match for platform"})) return Reason::ImageWrongPlatform;
  // Its sha256 was right: somebody signed what is no archive.
  if (has_any(err, {"unrecognized image format", "unexpected EOF", "invalid tar header"})) {
    return Reason::ArtifactMismatch;
  }
  return Reason::ImagePullFailed;
}

/// "1.2 MiB" with the unit in any of ctr's sizes. False when it is none.
bool read_size(std::string_view text, double& mebibytes) {
  struct Unit {
    std::string_view name;
    double mebibytes;
  };
  constexpr double kKibi = 1024.0;
  constexpr Unit kUnits[] = {{" B", 1.0 / (kKibi * kKibi)}, {" KiB", 1.0 / kKibi}, {" MiB", 1.0}, {" GiB", kKibi}};
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return false;
  const std::string_view rest = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const Unit& unit : kUnits) {
    if (!rest.starts_with(unit.name)) continue;
    mebibytes = number * unit.mebibytes;
    return true;
  }
  return false;
}

}  // namespace

bool ImageRow::is_pinned() const {
  const auto at = labels.find("io.cri-containerd.pinned");
  return at != labels.end() && at->second == "pinned";
}

ImageTable parse_images(std::string_view table) {
  ImageTable images;
  for (const std::string& line : lines_of(table)) {
    const std::vector<std::string> words = words_of(line);
    if (words.size() < kColumnsMin || !words[2].starts_with("sha256:")) continue;  // the header, and what is no row
    images.emplace(words[0], row_from(words));
  }
  return images;
}

Tried<ImageTable> read_images(const Work& work) {
  const Work patience = work.part(kRestartPatience);
  Tried<Exit> listed = run_ctr(work, {"ls"}, kListLimit);
  while (!listed && listed.error().reason == Reason::ContainerdNotReady && !patience.is_over()) {
    KELPIE_TRY(patience.wait(kLookEvery));
    listed = run_ctr(work, {"ls"}, kListLimit);
  }
  KELPIE_TRY(const Exit exit, std::move(listed));
  if (exit.code != 0) {
    return trouble(Reason::ContainerdNotReady, fmt::format("images cannot be listed: {}", last_line(exit.err)),
                   exit.err);
  }
  return parse_images(exit.out);
}

Tried<std::map<std::string, bool>> read_completeness(const Work& work) {
  KELPIE_TRY(const Exit exit, run_ctr(work, {"check"}, kListLimit));
  std::map<std::string, bool> complete;
  for (const std::string& line : lines_of(exit.out)) {
    const std::vector<std::string> words = words_of(line);
    if (words.size() < kColumnsMin || !words[2].starts_with("sha256:")) continue;
    complete[words[0]] = words[3] == "complete" && words.back() == "true";
  }
  return complete;
}

Tried<bool> takes_local(const Work& work) {
  KELPIE_TRY(const Exit exit, run_ctr(work, {"pull", "--help"}, kListLimit));
  return has_any(exit.out, {"--local"});
}

Tried<void> pull_image(const Work& work, const PullAim& aim) {
  KELPIE_TRY(const Exit exit, run_pull(work, aim));
  if (exit.code == 0) return {};
  return trouble(pull_reason(exit.err), fmt::format("cannot pull {}: {}", aim.ref, last_line(exit.err)), exit.err);
}

Tried<void> import_images(const Work& work, const ImportAim& aim) {
  std::vector<std::string> arguments{
      "ctr", "image", "import", "--platform", aim.platform, "--base-name", std::string(kImportName), "--digests"};
  if (aim.is_local) arguments.emplace_back("--local");
  arguments.emplace_back("-");
  const auto say = [&](std::uint64_t bytes) {
    work.say(fmt::format("importing {}/{}", in_mebibytes(bytes), in_mebibytes(aim.archive.bytes)));
  };
  say(0);
  KELPIE_TRY(
      const Exit exit,
      run_microk8s(
          work, {.arguments = std::move(arguments), .limit = aim.limit, .input_file = &aim.archive, .on_input = say}));
  if (exit.code == 0) return {};
  return trouble(import_reason(exit.err), fmt::format("cannot import {}: {}", aim.archive.path, last_line(exit.err)),
                 exit.err);
}

Tried<void> tag_image(const Work& work, const std::string& from, const std::string& to) {
  // --force: 1.6 and 1.7 refuse a name that exists, 2.x replaces it; all three take the flag.
  KELPIE_TRY(const Exit exit, run_ctr(work, {"tag", "--force", from, to}, kListLimit));
  if (exit.code == 0) return {};
  return trouble(Reason::ImageMissing, fmt::format("cannot tag {} as {}: {}", from, to, last_line(exit.err)), exit.err);
}

Tried<void> label_image(const Work& work, const std::string& ref, const std::string& label) {
  KELPIE_TRY(const Exit exit, run_ctr(work, {"label", ref, label}, kListLimit));
  if (exit.code == 0) return {};
  return trouble(Reason::ImageMissing, fmt::format("cannot label {}: {}", ref, last_line(exit.err)), exit.err);
}

Tried<void> remove_images(const Work& work, const std::vector<std::string>& refs) {
  if (refs.empty()) return {};
  // --sync: the disk is free when it ends, not after a hundred further changes (containerd's garbage collector).
  std::vector<std::string> arguments{"rm", "--sync"};
  arguments.insert(arguments.end(), refs.begin(), refs.end());
  KELPIE_TRY(const Exit exit, run_ctr(work, std::move(arguments), kListLimit));
  if (exit.code == 0) return {};
  return trouble(Reason::ContainerdNotReady, fmt::format("cannot remove {}: {}", joined(refs), last_line(exit.err)),
                 exit.err);
}

PullProgress parse_progress(std::string_view output) {
  // Blocks are redrawn: the newest line of each layer counts.
  std::map<std::string, PullProgress> layers;
  for (const std::string& line : lines_of(plain_text(output))) {
    const std::size_t colon = line.find(':');
    const std::size_t bar = line.rfind('|');
    const std::size_t slash = line.find('/', bar == std::string::npos ? line.size() : bar);
    if (colon == std::string::npos || slash == std::string::npos || !line.starts_with("layer-")) continue;
    const std::size_t from = line.find_first_not_of(' ', bar + 1);
    PullProgress layer;
    if (!read_size(std::string_view(line).substr(from), layer.done_mebibytes)) continue;
    if (!read_size(std::string_view(line).substr(slash + 1), layer.total_mebibytes)) continue;
    layers[words_of(line).front()] = layer;
  }
  PullProgress sum;
  for (const auto& [name, layer] : layers) {
    sum.done_mebibytes += layer.done_mebibytes;
    sum.total_mebibytes += layer.total_mebibytes;
  }
  return sum;
}

}  // namespace kelpie::agent
