// One device on the screen: what it should run beside what it runs, its cluster, and why they differ.
#pragma once

#include <string>

#include <kelpie/api/v1/api.pb.h>

#include "proto/base/clock.h"
#include "tools/kelpie/view.h"

namespace kelpie::cli {

struct DeviceLook {
  WallTime now;
  bool can_retry = false;  // the rollout in which it failed goes on
};
[[nodiscard]] View show_device(api::v1::Device device, const DeviceLook& look);
/// The rollout of its newest attempt; empty without one.
[[nodiscard]] std::string rollout_of_attempt(const api::v1::Device& device);

}  // namespace kelpie::cli
