// When a certificate is good, out of its PEM file. Only includer of OpenSSL in the agent: nothing is verified here and
// nothing is signed.
#pragma once

#include <string_view>

#include "proto/base/clock.h"
#include "proto/base/result.h"

namespace kelpie::agent {

struct Validity {
  WallTime not_before;
  WallTime not_after;
  friend bool operator==(const Validity&, const Validity&) = default;
};

/// Of the first certificate in the text. Errors: DataLoss when it holds none, as a file that a full disk cut off.
[[nodiscard]] Result<Validity> read_validity(std::string_view pem);

}  // namespace kelpie::agent
