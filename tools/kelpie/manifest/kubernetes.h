// Kubernetes manifests of a workload: YAML documents to the canonical JSON list that a release carries.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/kelpie/manifest/yaml_tree.h"

namespace kelpie::cli {

/// Documents of one file, with where their problems go.
struct KubernetesFile {
  std::vector<YamlNode> documents;
  Report report;
};

/// A container's image, where it is written.
struct UsedImage {
  std::string ref;
  std::string file;
  Place at;
};

struct RenderedWorkload {
  std::string manifest;  // {"apiVersion":"v1","items":[…],"kind":"List"}: keys sorted, no blanks
  std::vector<UsedImage> images;
};

/// Every object must say apiVersion, kind and metadata.name, and may name no other namespace than name_space.
[[nodiscard]] RenderedWorkload render_objects(std::vector<KubernetesFile>& files, const std::string& name_space);

/// What `image:` in a workload stands for.
struct OneContainer {
  std::string name;
  std::string name_space;
  std::string image;
  std::uint32_t port = 0;  // 0: no Service
  std::string expose;      // ClusterIP, NodePort, LoadBalancer
};

/// A Deployment of one pod, and a Service when there is a port. The image is never pulled when it is there already, and
/// the pod gets no token: most clusters of one node grant every token everything.
[[nodiscard]] std::string render_container(const OneContainer& container);

}  // namespace kelpie::cli
