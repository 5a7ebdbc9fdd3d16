// What changes from one release to another, in lines for people. Pure.
#pragma once

#include <string>
#include <vector>

#include <kelpie/v1/release.pb.h>

namespace kelpie::cli {

struct DiffLine {
  char sign = '~';   // '+' new, '-' gone, '~' changed
  std::string what;  // "add-ons"
  std::string text;  // "metrics-server"; of '~': "from → to"
  friend bool operator==(const DiffLine&, const DiffLine&) = default;
};

/// Empty when both ask a device for the same. In R26's order; a workload's inner changes one by one, up to a limit.
[[nodiscard]] std::vector<DiffLine> release_diff(const v1::Release& from, const v1::Release& to);

}  // namespace kelpie::cli
