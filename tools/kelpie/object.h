// Objects of kelpie itself (version, contexts, settings), which the hub's schema does not have.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <google/protobuf/struct.pb.h>

namespace kelpie::cli {

using Members = std::vector<std::pair<std::string, std::string>>;

/// {"apiVersion", "kind", and each member as text}.
[[nodiscard]] google::protobuf::Struct object_of(std::string_view kind, const Members& members);
/// {"apiVersion", "kind", "items": […]}.
[[nodiscard]] google::protobuf::Struct list_of(std::string_view kind,
                                               const std::vector<google::protobuf::Struct>& items);

}  // namespace kelpie::cli
