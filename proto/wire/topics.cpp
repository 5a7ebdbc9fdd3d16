#include "proto/wire/topics.h"

#include <fmt/core.h>

#include "proto/base/digest.h"

namespace kelpie::wire {
namespace {

std::string device_topic(const DeviceId& device, std::string_view direction) {
  return fmt::format("kelpie/v1/{}/{}/{}", shard(device), device.hex(), direction);
}

}  // namespace

std::string shard(const DeviceId& device) {
  return to_hex(blake2b_128(device.view()).view().first(1));
}

std::string down_topic(const DeviceId& device) {
  return device_topic(device, "down");
}
std::string up_topic(const DeviceId& device) {
  return device_topic(device, "up");
}
std::string all_topic() {
  return "kelpie/v1/all";
}
std::string up_filter() {
  return "kelpie/v1/+/+/up";
}

}  // namespace kelpie::wire
