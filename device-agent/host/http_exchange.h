// One HTTP/1.1 exchange over a connected socket that does not block: limits, a deadline, half an answer is an error.
// Without curl, whose forty shared libraries do not fit beside Kubernetes in 1 GB.
#pragma once

#include <string>
#include <string_view>

#include "proto/base/clock.h"
#include "proto/base/result.h"

namespace kelpie::agent {

struct HttpPeer {
  std::string_view name;  // for people: snapd, the hub
  int fd = -1;
  SteadyTime deadline;
};

struct HttpReply {
  int status = 0;
  std::string body;
};

/// head: the request line and headers, each with its line break; "Connection: close" is among them.
/// Errors: Unavailable (connection lost, no HTTP, cut off), DeadlineExceeded, ResourceExhausted (an answer over 4 MiB).
[[nodiscard]] Result<HttpReply> http_exchange(const HttpPeer& peer, std::string_view head, std::string_view body);

/// A body with a file in its middle, from the file's start, whatever was read of it before.
struct HttpFileBody {
  std::string_view before;
  int file = -1;
  std::uint64_t bytes = 0;
  std::string_view after;
};
/// Errors: DataLoss too, when the file ends early.
[[nodiscard]] Result<HttpReply> http_exchange(const HttpPeer& peer, std::string_view head, const HttpFileBody& body);

/// Errors: DeadlineExceeded when the socket is not ready in time.
[[nodiscard]] Result<void> await_ready(const HttpPeer& peer, std::int16_t events);

}  // namespace kelpie::agent
