#include "device-agent/core/plan.h"

#include <array>

namespace kelpie::agent {

std::string_view kind_of(const Step& step) {
  static constexpr std::array<std::string_view, std::variant_size_v<Step>> kKinds{
      "install", "start", "stop", "images", "addons", "remove", "deploy", "inspect", "certs", "snapshot", "mirrors"};
  return kKinds[step.index()];
}

}  // namespace kelpie::agent
