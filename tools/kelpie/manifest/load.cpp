#include "tools/kelpie/manifest/load.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <memory>

#include <fmt/core.h>

#include "tools/kelpie/manifest/fleet_manifest.h"
#include "tools/kelpie/manifest/tables.h"
#include "tools/kelpie/suggest.h"

namespace kelpie::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFilesMax = 1'000;  // chosen: more than anybody keeps in one folder on purpose

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

Result<std::string> read_all(std::FILE* file, const std::string& path) {
  std::string text(kYamlBytesMax + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file));
  if (std::ferror(file) != 0) return fail(Code::InvalidArgument, fmt::format("cannot read \"{}\"", path));
  return text;  // one byte above the limit is enough for the reader to refuse it
}

bool is_yaml(const fs::path& path) {
  return path.extension() == ".yaml" || path.extension() == ".yml";
}

template <typename Iterator>
std::vector<std::string> yaml_files(const std::string& folder, std::error_code& error) {
  std::vector<std::string> out;
  for (Iterator at(folder, error), end; !error && at != end && out.size() < kFilesMax; at.increment(error)) {
    if (at->is_regular_file(error) && is_yaml(at->path())) out.push_back(at->path().string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

/// A document as Kubernetes has them, found beside ours.
bool is_kubernetes(const YamlNode& document) {
  return document.find("apiVersion") != nullptr;
}

void read_document(const YamlNode& document, const Sources& sources, Report& report, Manifests& out) {
  if (document.kind != YamlNode::Kind::Map) {
    report.add(document.at, fmt::format("a manifest is expected here, not {}", form_of(document)));
    return;
  }
  const YamlNode* kind = document.find("kind");
  const std::string name = kind == nullptr ? "" : kind->text;
  if (name == "Release") {
    if (std::optional<v1::Release> release = read_release(document, sources, report); release) {
      out.releases.push_back({.file = report.file(), .at = document.at, .release = std::move(*release)});
    }
  } else if (name == "Fleet") {
    if (std::optional<api::v1::ApplyFleetRequest> fleet = read_fleet(document, report); fleet) {
      out.fleets.push_back({.file = report.file(), .at = document.at, .request = std::move(*fleet)});
    }
  } else if (kind == nullptr) {
    report.add(document.at, "field \"kind\" is missing: Release or Fleet");
  } else if (is_unbuilt_kind(name)) {
    report.add(kind->at, fmt::format("kind {} is not supported yet", name));
  } else if (is_kubernetes(document)) {
    report.add(kind->at, fmt::format("{} is a manifest of Kubernetes: name it under workloads of a Release", name));
  } else {
    report.add(kind->at, fmt::format("unknown kind \"{}\"{}", name, did_you_mean(name, {"Release", "Fleet"})));
  }
}

template <typename Manifest, typename NameOf>
void check_once(const std::vector<Manifest>& manifests, std::string_view kind, NameOf name_of, Problems& problems) {
  for (std::size_t i = 0; i < manifests.size(); ++i) {
    for (std::size_t earlier = 0; earlier < i; ++earlier) {
      if (name_of(manifests[earlier]) != name_of(manifests[i])) continue;
      problems.add(manifests[i].file, manifests[i].at,
                   fmt::format("{} {} is in {}:{} already", kind, name_of(manifests[i]), manifests[earlier].file,
                               manifests[earlier].at.line));
    }
  }
}

/// A folder of files; standard input when the path is "-".
class Loader {
 public:
  Loader(const LoadOptions& options, Problems& problems) : options_(options), problems_(problems) {}

  void load(const std::string& path) {
    std::error_code error;
    if (path == "-") {
      take(read_all(stdin, "standard input"), "-", "");
    } else if (fs::is_directory(path, error)) {
      load_folder(path);
    } else {
      take(read_manifest_file(path), path, fs::path(path).parent_path().string());
    }
  }
  Manifests out;

 private:
  void load_folder(const std::string& folder) {
    std::error_code error;
    const std::vector<std::string> files = options_.is_recursive
                                               ? yaml_files<fs::recursive_directory_iterator>(folder, error)
                                               : yaml_files<fs::directory_iterator>(folder, error);
    if (error) problems_.add(folder, {}, "cannot be listed: " + error.message());
    if (files.empty() && !error) problems_.add(folder, {}, "no *.yaml file in it");
    if (files.size() == kFilesMax) problems_.add(folder, {}, fmt::format("{} files or more are too many", kFilesMax));
    for (const std::string& file : files) {
      const Result<std::string> text = read_manifest_file(file);
      if (text && is_all_kubernetes(*text)) continue;
      take(text, file, fs::path(file).parent_path().string());
    }
  }

  static bool is_all_kubernetes(const std::string& text) {
    Problems ignored;  // whoever names the file in a workload hears about them
    Report report("", ignored);
    const std::vector<YamlNode> documents = parse_yaml(text, report);
    return !documents.empty() && std::all_of(documents.begin(), documents.end(), is_kubernetes);
  }

  void take(const Result<std::string>& text, const std::string& file, const std::string& folder) {
    if (!text) {
      problems_.add(file, {}, text.error().message);
      return;
    }
    const Sources sources{
        .read = [&](const std::string& path) { return read_manifest_file((fs::path(folder) / path).string()); },
        .resolve = options_.resolve};
    read_manifests(*text, file, sources, problems_, out);
  }

  const LoadOptions& options_;
  Problems& problems_;
};

}  // namespace

Result<std::string> read_manifest_file(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) return fail(Code::NotFound, fmt::format("there is no file \"{}\"", path));
  if (!fs::is_regular_file(status)) return fail(Code::InvalidArgument, fmt::format("\"{}\" is no file", path));
  const File file(std::fopen(path.c_str(), "rbe"), std::fclose);
  if (!file) return fail(Code::InvalidArgument, fmt::format("cannot open \"{}\"", path));
  return read_all(file.get(), path);
}

std::string release_ref(const v1::Release& release) {
  return fmt::format("{}@{}", release.name(), release.version());
}

void read_manifests(std::string_view text, const std::string& file, const Sources& sources, Problems& problems,
                    Manifests& out) {
  Report report(file, problems);
  const std::size_t before = problems.errors().size();
  const std::vector<YamlNode> documents = parse_yaml(text, report);
  Manifests read;
  for (const YamlNode& document : documents) read_document(document, sources, report, read);
  if (problems.errors().size() != before) return;
  if (documents.empty()) report.add({}, "no manifest in it");
  std::move(read.releases.begin(), read.releases.end(), std::back_inserter(out.releases));
  std::move(read.fleets.begin(), read.fleets.end(), std::back_inserter(out.fleets));
}

Manifests load_manifests(const LoadOptions& options, Problems& problems) {
  Loader loader(options, problems);
  for (const std::string& path : options.paths) loader.load(path);
  const auto ref_of = [](const ReleaseManifest& one) { return release_ref(one.release); };
  check_once(loader.out.releases, "release", ref_of, problems);
  const auto name_of = [](const FleetManifest& one) { return one.request.name(); };
  check_once(loader.out.fleets, "fleet", name_of, problems);
  return std::move(loader.out);
}

}  // namespace kelpie::cli
