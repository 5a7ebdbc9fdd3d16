// What -vv tells of a request and its answer: headers without the secrets in them, bodies as JSON.
#pragma once

#include <string>
#include <vector>

#include <google/protobuf/message.h>

#include "proto/wire/http_client.h"

namespace kelpie::cli {

/// "> Accept: application/protobuf", a line each. Of a token only that there is one.
[[nodiscard]] std::vector<std::string> traced_headers(const wire::HttpRequest& request);

/// On one line, cut off where a terminal has had enough.
[[nodiscard]] std::string traced_body(const google::protobuf::Message& body);
[[nodiscard]] std::string traced_body(std::string text);

}  // namespace kelpie::cli
