// Fixed keys, ids and payloads: the same bytes on every run and machine.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "proto/wire/frame.h"
#include "proto/wire/keys.h"

namespace kelpie::wire::test {

/// The key of a seed. By convention here: 1 root, 2 operator, 3 hub, 4 device.
[[nodiscard]] SigningKey key_of(std::uint64_t seed);
[[nodiscard]] InstallationId sample_installation();

/// Deliver and Report payloads with what an inspect brings.
[[nodiscard]] std::string sample_go_with_archive();
[[nodiscard]] std::string sample_report_of_archive();

/// A lookup that knows these keys and no other.
[[nodiscard]] KeyLookup knows(const std::vector<PublicKey>& keys);

/// One payload per frame type, in the order of their numbers.
[[nodiscard]] const std::vector<std::pair<FrameType, std::string>>& sample_payloads();

/// The refusal code a call ended with; "" when it succeeded.
template <typename T>
std::string reason_of(const Result<T>& result) {
  return result ? std::string() : result.error().reason;
}

}  // namespace kelpie::wire::test
