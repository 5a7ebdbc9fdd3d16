// A Release document to the message an operator signs: the order of steps is rule R26, the bytes are the hub's rules.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include <kelpie/v1/release.pb.h>

#include "tools/kelpie/manifest/images.h"
#include "tools/kelpie/manifest/yaml_tree.h"

namespace kelpie::cli {

inline constexpr std::size_t kReleaseBytesMax = 16'384;  // ARCHITECTURE decision 8: releases travel inline

/// What rendering needs from outside.
struct Sources {
  /// A file beside the manifest.
  std::function<Result<std::string>(const std::string& path)> read;
  /// The digest behind a full image name, asked of its registry; empty: an image without a digest is a problem.
  std::function<Result<std::string>(const std::string& ref)> resolve;
};

/// Empty when the document has problems; they are reported.
[[nodiscard]] std::optional<v1::Release> read_release(const YamlNode& document, const Sources& sources, Report& report);

/// The bytes that are signed and that name the release: deterministic, fields in order.
[[nodiscard]] std::string payload_of(const v1::Release& release);

}  // namespace kelpie::cli
