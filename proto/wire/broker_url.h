// Where the broker is, and what "this machine" means: until TLS comes nothing secret leaves it unencrypted.
#pragma once

#include <cstdint>
#include <string>

#include "proto/base/result.h"

namespace kelpie::wire {

struct BrokerUrl {
  std::string host;
  std::uint16_t port = 0;
};

/// tcp://127.0.0.1:1883.
/// Errors: InvalidArgument for a URL that is no tcp://host:port, or whose host is not on loopback.
[[nodiscard]] Result<BrokerUrl> parse_broker_url(const std::string& url);

/// localhost, [::1], or a dotted quad in 127.0.0.0/8: no other name, whatever it begins with.
[[nodiscard]] bool is_loopback(const std::string& host);

}  // namespace kelpie::wire
