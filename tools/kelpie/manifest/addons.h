// MicroK8s' core add-ons: names, older names, arguments, and the tracks that have them. Source: facts, microk8s 5.3.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/kelpie/manifest/channel.h"

namespace kelpie::cli {

struct AddonWish {
  std::string name;
  std::vector<std::string> args;
  bool is_absent = false;
};

struct AddonVerdict {
  AddonWish addon;                    // under its present name: storage → hostpath-storage; metallb:RANGE → args
  std::string trouble;                // why it cannot be; empty: it can
  std::vector<std::string> warnings;  // what a person should know
};

/// channel: empty when the release says nothing about MicroK8s.
[[nodiscard]] AddonVerdict judge_addon(AddonWish wish, const std::optional<Channel>& channel);

}  // namespace kelpie::cli
