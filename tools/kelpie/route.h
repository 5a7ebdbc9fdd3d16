// Where an rpc's request goes, from its http option: the client's half of what hub/api/router does.
#pragma once

#include <string_view>

#include <google/protobuf/message.h>

#include "proto/wire/http_client.h"

namespace kelpie::cli {

/// Method, path with query, and body in binary; url is without scheme and host. Asserts that the rpc exists and takes
/// this message.
[[nodiscard]] wire::HttpRequest route(std::string_view rpc, const google::protobuf::Message& request);

}  // namespace kelpie::cli
