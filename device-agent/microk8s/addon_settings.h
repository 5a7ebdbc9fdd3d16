// With which arguments an add-on is enabled, as far as what it left on the device shows: `enable` ignores new ones
// without a word (facts, microk8s 0).
#pragma once

#include "device-agent/microk8s/work.h"
#include "proto/wire/addon_order.h"

namespace kelpie::agent {

/// Keys that cannot be read are left out.
[[nodiscard]] Tried<wire::AddonSettings> read_settings(const Work& work, const wire::AddonRow& row,
                                                       std::optional<int> minor);

/// What of wanted is otherwise on the device: "ranges 10.0.0.1-10.0.0.9, not 10.0.7.0/28". Empty: nothing that shows.
[[nodiscard]] std::string other_settings(const wire::AddonSettings& wanted, const wire::AddonSettings& seen);
/// Keys of wanted that cannot be compared.
[[nodiscard]] std::vector<std::string> unseen_settings(const wire::AddonSettings& wanted,
                                                       const wire::AddonSettings& seen);

}  // namespace kelpie::agent
