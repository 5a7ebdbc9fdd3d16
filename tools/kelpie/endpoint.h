// Where the hub is and what it is shown: an address, and the token of a file.
#pragma once

#include <string>

#include "proto/base/result.h"
#include "tools/kelpie/settings.h"

namespace kelpie::cli {

struct Endpoint {
  std::string origin = "http://hub";  // scheme, host and port, before the path
  std::string unix_socket;            // empty: TCP
  std::string token;                  // empty: none
};

/// PATH with a slash, unix:PATH, http://host[:port] or https://host[:port]. A socket's path comes back absolute.
/// Errors: InvalidArgument.
[[nodiscard]] Result<Endpoint> parse_address(const Setting& hub);
/// With the token. Errors: parse_address's; PermissionDenied (over plain HTTP to another machine); the token file's.
[[nodiscard]] Result<Endpoint> endpoint_of(const Settings& settings);

/// The same error as people need it: which hub, from where it was chosen, what to try.
[[nodiscard]] Error unreachable(const Settings& settings, const Endpoint& endpoint, const Error& error);

}  // namespace kelpie::cli
