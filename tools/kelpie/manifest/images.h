// Names of container images as people write them, and as Kubernetes asks for them.
#pragma once

#include <string>
#include <string_view>

#include "proto/base/result.h"

namespace kelpie::cli {

struct ImageName {
  std::string ref;     // docker.io/library/nginx:1.27
  std::string digest;  // sha256:…; empty when the name has none
};

/// Errors: InvalidArgument that says what is missing and how to write it: registry, tag, a broken digest.
[[nodiscard]] Result<ImageName> parse_image(std::string_view text);
/// Errors: as above. "sha256:" and 64 hex digits.
[[nodiscard]] Result<std::string> parse_image_digest(std::string_view text);
/// Of a full name.
[[nodiscard]] std::string_view registry_of(std::string_view ref);
[[nodiscard]] std::string_view repository_of(std::string_view ref);  // nodered/node-red
[[nodiscard]] std::string_view tag_of(std::string_view ref);
/// As Kubernetes completes short names: nginx → docker.io/library/nginx:latest
[[nodiscard]] std::string completed_image(std::string_view text);

}  // namespace kelpie::cli
