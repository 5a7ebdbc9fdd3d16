// Sockets to listen on: a Unix socket for the hub's group, TCP on loopback only.
#pragma once

#include <string>

#include "proto/base/result.h"

namespace kelpie::hub {

struct Listening {
  int fd = -1;          // who takes it closes it
  std::string address;  // "127.0.0.1:43817"; the path of a Unix socket
};

/// Mode 0660; replaces a socket nobody listens on. Errors: AlreadyExists (somebody listens, or it is no socket),
/// Unavailable, InvalidArgument (path too long).
[[nodiscard]] Result<Listening> listen_unix(const std::string& path);
/// Errors: InvalidArgument (not loopback, no port), Unavailable.
[[nodiscard]] Result<Listening> listen_loopback(const std::string& address);

}  // namespace kelpie::hub
