// HTTP over TCP or a Unix socket, for the CLI and artifact downloads. The only includer of curl.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/base/result.h"

namespace kelpie::wire {

/// Of a URL, as curl reads it.
struct HttpOrigin {
  std::string scheme;  // http or https
  std::string host;    // [::1] in brackets
};
/// Errors: InvalidArgument (neither http nor https, a user name or password in it, no host).
[[nodiscard]] Result<HttpOrigin> parse_origin(const std::string& url);

struct HttpRequest {
  std::string method = "GET";
  std::string url;          // http://host/path; the host is ignored over a Unix socket
  std::string unix_socket;  // empty: TCP
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::chrono::milliseconds timeout{30'000};  // whole call; 0: none (streams)
  std::size_t response_bytes_max = 64U << 20U;
};

struct HttpResponse {
  int status = 0;
  std::string content_type;
  std::string body;
  std::string challenge = {};  // WWW-Authenticate, with status 401
};

/// Errors: InvalidArgument (not http or https, a line break in a header), Unavailable (refused, no such socket, DNS,
///         connection lost), DeadlineExceeded, ResourceExhausted (larger than the cap).
[[nodiscard]] Result<HttpResponse> http_call(const HttpRequest& request);

/// Calls on_bytes as the body arrives until it returns false or the stream ends. The status is returned; a body of a
/// status of 400 or above is collected into HttpResponse::body instead.
/// on_idle is called about once a second, also while nothing arrives; false ends the stream too. Empty: not called.
/// Errors: as http_call. DeadlineExceeded when the timeout passes first: what arrived is not the whole body.
[[nodiscard]] Result<HttpResponse> http_stream(const HttpRequest& request,
                                               const std::function<bool(std::string_view)>& on_bytes,
                                               const std::function<bool()>& on_idle = {});

}  // namespace kelpie::wire
