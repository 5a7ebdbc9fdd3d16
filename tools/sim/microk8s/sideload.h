// Snaps from files: what a file and its assertions are in this model, and the form in which they reach snapd.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/sim/microk8s/snapd.h"

namespace kelpie::sim {

/// The text of a .snap file in this world.
[[nodiscard]] std::string snap_file_text(const SnapPackage& package);
/// The .assert file beside it, as far as anybody reads it: facts, microk8s 3.4.
[[nodiscard]] std::string assertions_text(const SnapPackage& package);

/// The body of POST /v2/snaps.
struct SnapForm {
  std::vector<std::string> flags;
  std::string file_name;
  std::string file;
};
[[nodiscard]] std::string form_text(const SnapForm& form);
/// Nothing: there is no "snap" file field in it.
[[nodiscard]] std::optional<SnapForm> parse_form(std::string_view body);

/// POST /v2/assertions.
[[nodiscard]] SnapRefusal acknowledge(DeviceState& state, std::string_view text);
/// POST /v2/snaps.
[[nodiscard]] SnapAnswer sideload(DeviceState& state, const World& world, std::string_view body, SteadyTime now);

}  // namespace kelpie::sim
