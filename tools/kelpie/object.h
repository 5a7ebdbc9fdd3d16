// Objects of kelpie itself (version, contexts, settings), which the hub's schema does not have.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <google/protobuf/struct.pb.h>

#include "tools/kelpie/view.h"

namespace kelpie::cli {

using Members = std::vector<std::pair<std::string, std::string>>;

/// {"apiVersion", "kind", and each member as text}.
[[nodiscard]] google::protobuf::Struct object_of(std::string_view kind, const Members& members);
/// {"apiVersion", "kind", "items": […]}.
[[nodiscard]] google::protobuf::Struct list_of(std::string_view kind,
                                               const std::vector<google::protobuf::Struct>& items);

/// Text that stands for itself (help, scripts), line by line; as data {"kind", key: the whole text}.
[[nodiscard]] View text_view(std::string_view kind, const std::string& key, const std::string& text);

}  // namespace kelpie::cli
