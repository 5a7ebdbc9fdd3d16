// The topic tree. Never read for meaning: the frame says who it is for. Source: protocol section 5.
#pragma once

#include <string>

#include "proto/base/ids.h"

namespace kelpie::wire {

[[nodiscard]] std::string shard(const DeviceId& device);       // two hex digits of BLAKE2b(device id)
[[nodiscard]] std::string down_topic(const DeviceId& device);  // kelpie/v1/<shard>/<device>/down
[[nodiscard]] std::string up_topic(const DeviceId& device);    // kelpie/v1/<shard>/<device>/up
[[nodiscard]] std::string all_topic();                         // kelpie/v1/all
[[nodiscard]] std::string up_filter();                         // kelpie/v1/+/+/up: what a hub of all shards subscribes

}  // namespace kelpie::wire
