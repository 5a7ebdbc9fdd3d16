// The digest behind an image's name, asked of its registry over the HTTP API v2, with an anonymous token where the
// registry wants one. The bytes of the manifest are hashed here: what the registry says about itself is not believed.
#pragma once

#include <string>

#include "proto/base/result.h"

namespace kelpie::cli {

/// ref: a full name, docker.io/library/nginx:1.27. Registries on loopback are spoken to in plain HTTP.
/// Errors: NotFound (no such image); PermissionDenied (it wants a login); Unavailable; InvalidArgument (its answer is
/// no manifest).
[[nodiscard]] Result<std::string> resolve_digest(const std::string& ref);

}  // namespace kelpie::cli
