// `mirrors:` of a Release to its step. The rules are those of the hub and the device (wire/image_rules.h).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <kelpie/v1/release.pb.h>

#include "tools/kelpie/manifest/yaml_tree.h"

namespace kelpie::cli {

/// items: of the list, judged by the table before. read: a file beside the manifest.
[[nodiscard]] v1::MirrorsStep read_mirrors(const std::vector<YamlNode>& items,
                                           const std::function<Result<std::string>(const std::string&)>& read,
                                           Report& report);

}  // namespace kelpie::cli
