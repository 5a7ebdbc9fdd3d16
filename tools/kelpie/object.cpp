#include "tools/kelpie/object.h"

#include <algorithm>

namespace kelpie::cli {

using google::protobuf::Struct;

Struct object_of(std::string_view kind, const Members& members) {
  Struct out;
  (*out.mutable_fields())["apiVersion"].set_string_value("v1");
  (*out.mutable_fields())["kind"].set_string_value(std::string(kind));
  for (const auto& [name, text] : members) (*out.mutable_fields())[name].set_string_value(text);
  return out;
}

Struct list_of(std::string_view kind, const std::vector<Struct>& items) {
  Struct out = object_of(kind, {});
  google::protobuf::ListValue& list = *(*out.mutable_fields())["items"].mutable_list_value();
  for (const Struct& item : items) *list.add_values()->mutable_struct_value() = item;
  return out;
}

View text_view(std::string_view kind, const std::string& key, const std::string& text) {
  std::vector<Block> blocks;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    blocks.emplace_back(Line{{std::string(rest.substr(0, end))}});
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return view_of(object_of(kind, {{key, text}}), std::move(blocks));
}

}  // namespace kelpie::cli
