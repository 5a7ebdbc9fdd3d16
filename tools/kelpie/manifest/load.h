// Manifests from files and folders: everything that `-f` names, read whole before anything is done.
#pragma once

#include <string>
#include <vector>

#include <kelpie/api/v1/api.pb.h>

#include "tools/kelpie/manifest/release_manifest.h"

namespace kelpie::cli {

struct ReleaseManifest {
  std::string file;
  Place at;
  v1::Release release;
};
struct FleetManifest {
  std::string file;
  Place at;
  api::v1::ApplyFleetRequest request;
};
struct Manifests {
  std::vector<ReleaseManifest> releases;
  std::vector<FleetManifest> fleets;
};

/// A file of manifests, up to a limit. Errors: NotFound; InvalidArgument.
[[nodiscard]] Result<std::string> read_manifest_file(const std::string& path);

/// name@version
[[nodiscard]] std::string release_ref(const v1::Release& release);

struct LoadOptions {
  std::vector<std::string> paths;  // files and folders; "-" is standard input
  bool is_recursive = false;       // folders in folders
  std::function<Result<std::string>(const std::string& ref)> resolve = {};
};
/// Files of a folder are those named *.yaml and *.yml, in order of their names; Kubernetes' own manifests among them
/// are left alone. Whatever is wrong is in `problems`, and what is returned is then incomplete.
[[nodiscard]] Manifests load_manifests(const LoadOptions& options, Problems& problems);

/// The documents of one text; all of them, or none when there is a problem.
void read_manifests(std::string_view text, const std::string& file, const Sources& sources, Problems& problems,
                    Manifests& out);

}  // namespace kelpie::cli
