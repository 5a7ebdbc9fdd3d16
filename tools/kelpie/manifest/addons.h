// Add-ons as a person writes them, judged by the table that the device has too (proto/wire/addons.h).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "proto/wire/addon_order.h"
#include "tools/kelpie/manifest/channel.h"

namespace kelpie::cli {

using wire::AddonWish;

struct AddonVerdict {
  AddonWish addon;                    // under its present name, with arguments as its script takes them
  std::string trouble;                // why it cannot be; empty: it can
  std::vector<std::string> warnings;  // what a person should know
};

/// channel: empty when the release says nothing about MicroK8s.
[[nodiscard]] AddonVerdict judge_addon(AddonWish wish, const std::optional<Channel>& channel);

}  // namespace kelpie::cli
