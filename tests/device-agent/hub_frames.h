// What a hub and two operators send one device, signed as they would, each part open to be spoilt before it is signed.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <kelpie/v1/deliver.pb.h>
#include <kelpie/v1/release.pb.h>

#include "proto/wire/frame.h"
#include "proto/wire/trust.h"

namespace kelpie::test {

/// Seeds of keys.
enum Key : std::uint64_t { kRoot = 1, kAna = 2, kHub = 3, kDevice = 4, kBen = 5, kStranger = 6, kStandbyHub = 7 };
[[nodiscard]] wire::SigningKey key_of(Key key);
[[nodiscard]] DeviceId the_device();
/// Operators ana and ben; one for changes, both for dangerous work. Hubs: epoch 1, standby with epoch 2.
[[nodiscard]] const wire::Trust& the_trust();

template <typename Message>
using Change = std::function<void(Message&)>;

/// A PREPARE for the_device() and what is changed in it, in the order of signing.
struct PrepareOf {
  std::uint64_t generation = 5;
  std::uint32_t n = 1;
  std::string scope = "device";
  Change<v1::Release> release = {};
  Key release_by = kAna;
  Change<v1::Plan> plan = {};
  std::vector<Key> plan_by = {kAna};
  wire::FrameType plan_type = wire::FrameType::Plan;
  Change<v1::Prepare> prepare = {};
};
[[nodiscard]] v1::Deliver prepare_of(const PrepareOf& of = {});

/// Anything of a hub's, sealed. Epoch and device are set before `change`.
[[nodiscard]] std::string sealed(v1::Deliver deliver, Key by = kHub);
[[nodiscard]] std::string sealed(v1::Beacon beacon, Key by = kHub);
[[nodiscard]] std::string sealed(v1::Notice notice, Key by = kHub);
/// Payload bytes as they are.
[[nodiscard]] std::string sealed_raw(wire::FrameType type, const std::string& payload, Key by = kHub);

/// Release kiosk: start, add-on dns, deploy of one pod; check node-ready.
[[nodiscard]] v1::Release kiosk_release();

}  // namespace kelpie::test
