// Takes out of a text what must not leave the device. Errs towards taking too much: a file that went out cannot be
// called back.
#pragma once

#include <string>
#include <string_view>

namespace kelpie::agent {

/// Without PEM blocks, values of keys that sound secret (in JSON, YAML, flags, variables, however quoted), credentials
/// in URLs and headers, web tokens, the token of a join address, and long runs of base64. Digests, ids, paths and
/// names stay. Pure; of what it returns it takes nothing more.
[[nodiscard]] std::string redact(std::string_view text);

}  // namespace kelpie::agent
