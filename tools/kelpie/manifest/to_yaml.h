// From what the hub has back to manifests: what `kelpie export` prints, and what reads back as the same. Pure.
#pragma once

#include <map>
#include <string>

#include <kelpie/api/v1/api.pb.h>
#include <kelpie/v1/release.pb.h>

namespace kelpie::cli {

[[nodiscard]] std::string fleet_yaml(const api::v1::Fleet& fleet);

struct ExportedRelease {
  std::string yaml;
  std::map<std::string, std::string> files;  // what its workloads name: k8s/kiosk.json → Kubernetes objects
};
[[nodiscard]] ExportedRelease release_yaml(const v1::Release& release);

}  // namespace kelpie::cli
