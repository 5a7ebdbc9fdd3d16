// The kinds of manifests and their keys. What rollouts section 5 has and nobody has built yet stands here too, so that
// it is refused by name.
#pragma once

#include <span>
#include <string_view>

#include "tools/kelpie/manifest/shape.h"

namespace kelpie::cli {

[[nodiscard]] std::span<const Kind> kinds();
/// Release or Fleet; nullptr for another word.
[[nodiscard]] const Kind* kind_named(std::string_view name);
/// Kinds of the design that are not built: Window, TokenPolicy.
[[nodiscard]] bool is_unbuilt_kind(std::string_view name);

}  // namespace kelpie::cli
