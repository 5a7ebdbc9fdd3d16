// Views for programs: JSON, YAML, JSON lines and names, from protobuf's own mapping. Keys of maps are sorted, keys of
// objects stand as in the schema, defaults are printed so that no key ever vanishes.
#pragma once

#include <string>

#include <google/protobuf/message.h>

namespace kelpie::cli {

enum class Json { Indented, OneLine };

/// Without a line break at its end.
[[nodiscard]] std::string to_json(const google::protobuf::Message& message, Json form);
/// Ends in a line break.
[[nodiscard]] std::string to_yaml(const google::protobuf::Message& message);
/// One line of JSON for each item of a list; for anything else one line.
[[nodiscard]] std::string to_json_lines(const google::protobuf::Message& message);
/// "device/pi-07" a line: what xargs wants.
[[nodiscard]] std::string to_names(const google::protobuf::Message& message);

}  // namespace kelpie::cli
