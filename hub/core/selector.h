// Label selectors: region=eu,role!=canary,site in (a,b),!spare. Parsed once; evaluated over names and labels.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hub/core/device.h"

namespace kelpie::hub {

struct Requirement {
  std::string key;
  enum class Op { In, NotIn, Exists, Missing } op = Op::In;
  std::vector<std::string> values;
  friend bool operator==(const Requirement&, const Requirement&) = default;
};

class Selector {
 public:
  /// Empty text selects nothing (a fleet must say what it wants); "*" selects all. Errors: InvalidArgument with the
  /// column.
  [[nodiscard]] static Result<Selector> parse(std::string_view text);
  [[nodiscard]] bool matches(const Labels& labels) const;
  [[nodiscard]] const std::vector<Requirement>& requirements() const { return requirements_; }

 private:
  std::vector<Requirement> requirements_;
  bool is_all_ = false;
};

}  // namespace kelpie::hub
