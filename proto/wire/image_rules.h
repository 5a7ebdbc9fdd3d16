// What the names of images and registry mirrors may be: one rule for the CLI that renders, the hub that stores and the
// device, where they become arguments of programs and names of files, as root.
#pragma once

#include <string>
#include <string_view>

namespace kelpie::v1 {
class Mirror;
class MirrorsStep;
}  // namespace kelpie::v1

namespace kelpie::wire {

/// A full image name: registry/path:tag. Never with a digest (that has a field) or credentials, and never like an
/// option.
[[nodiscard]] bool is_image_ref(std::string_view text);
/// "sha256:" and 64 hex digits in lower case.
[[nodiscard]] bool is_sha256(std::string_view text);
/// HOST or HOST:PORT in lower case: a name that is a folder's, and nobody else's.
[[nodiscard]] bool is_registry_name(std::string_view text);
/// http or https, a host, perhaps a port and a path; no user, password, query or fragment.
[[nodiscard]] bool is_mirror_url(std::string_view text);
/// What is wrong with it, as a sentence without its beginning; empty: nothing. field: "hosts[1].url".
struct MirrorTrouble {
  std::string field;
  std::string what;
};
[[nodiscard]] MirrorTrouble trouble_of(const v1::Mirror& mirror);
/// The same for the step: field begins with "mirrors[0].".
[[nodiscard]] MirrorTrouble trouble_of(const v1::MirrorsStep& step);

}  // namespace kelpie::wire
