#include "tools/kelpie/data.h"

#include <algorithm>
#include <cctype>
#include <memory>
#include <vector>

#include <fmt/core.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/type_resolver_util.h>

#include "proto/base/result.h"

namespace kelpie::cli {
namespace {

namespace pb = google::protobuf;

constexpr std::string_view kUrlPrefix = "type.googleapis.com";

/// Maps in the order of their keys, so that the same state gives the same text.
std::string sorted_bytes(const pb::Message& message) {
  std::string out;
  pb::io::StringOutputStream stream(&out);
  pb::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  KELPIE_ASSERT(message.SerializeToCodedStream(&coded));
  return out;
}

bool is_plain_yaml(const std::string& text) {
  static constexpr std::string_view kSpecial[] = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"};
  const auto is_letter = [](char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; };
  const auto is_fine = [&](char c) {
    return is_letter(c) || std::isdigit(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.' ||
           c == '/' || c == '@';
  };
  if (text.empty() || !is_letter(text.front()) || !std::all_of(text.begin(), text.end(), is_fine)) return false;
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); });
  return std::find(std::begin(kSpecial), std::end(kSpecial), lower) == std::end(kSpecial);
}

/// A JSON string is a YAML double-quoted one.
std::string yaml_text(const std::string& text) {
  if (is_plain_yaml(text)) return text;
  pb::Value value;
  value.set_string_value(text);
  return to_json(value, Json::OneLine);
}

void write_yaml(const pb::Value& value, std::size_t indent, std::string& out);

void write_yaml_list(const pb::ListValue& list, std::size_t indent, std::string& out) {
  for (const pb::Value& item : list.values()) {
    std::string inner;
    write_yaml(item, indent + 2, inner);
    // The item's first line stands behind the dash.
    inner.replace(0, std::min(inner.size(), inner.starts_with("\n") ? indent + 3 : std::size_t{1}), "");
    out.append("\n").append(indent, ' ').append("- ").append(inner);
  }
}

void write_yaml_object(const pb::Struct& object, std::size_t indent, std::string& out) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.fields()) keys.push_back(key);
  std::sort(keys.begin(), keys.end());
  for (const std::string& key : keys) {
    out.append("\n").append(indent, ' ').append(yaml_text(key)).append(":");
    const pb::Value& value = object.fields().at(key);
    write_yaml(value, value.has_list_value() ? indent : indent + 2, out);
  }
}

/// Everything behind a "key:": " value", or a line break and the lines below it.
void write_yaml(const pb::Value& value, std::size_t indent, std::string& out) {
  if (value.has_struct_value() && !value.struct_value().fields().empty()) {
    return write_yaml_object(value.struct_value(), indent, out);
  }
  if (value.has_list_value() && !value.list_value().values().empty()) {
    return write_yaml_list(value.list_value(), indent, out);
  }
  if (value.has_string_value()) {
    out.append(" ").append(yaml_text(value.string_value()));
    return;
  }
  out.append(" ").append(to_json(value, Json::OneLine));  // numbers, booleans, null, {} and []
}

std::string text_field(const pb::Message& message, const char* name) {
  const pb::FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(name);
  if (field == nullptr || field->is_repeated() || field->cpp_type() != pb::FieldDescriptor::CPPTYPE_STRING) return {};
  return message.GetReflection()->GetString(message, field);
}

std::string name_of(const pb::Message& message) {
  std::string kind = message.GetDescriptor()->name();
  std::transform(kind.begin(), kind.end(), kind.begin(),
                 [](char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); });
  const pb::FieldDescriptor* metadata = message.GetDescriptor()->FindFieldByName("metadata");
  std::string name;
  if (metadata != nullptr) {
    const pb::Message& head = message.GetReflection()->GetMessage(message, metadata);
    name = text_field(head, "name");
    if (name.empty()) name = text_field(head, "id");
  }
  for (const char* other : {"seq", "number"}) {
    if (name.empty()) name = text_field(message, other);
  }
  return name.empty() ? kind + "\n" : fmt::format("{}/{}\n", kind, name);  // of a summary there is only one
}

template <typename LineOf>
std::string each_line(const pb::Message& message, const LineOf& line_of) {
  const pb::FieldDescriptor* items = message.GetDescriptor()->FindFieldByName("items");
  if (items == nullptr || !items->is_repeated()) return line_of(message);
  std::string out;
  const pb::Reflection& reflection = *message.GetReflection();
  for (int i = 0; i < reflection.FieldSize(message, items); ++i) {
    out += line_of(reflection.GetRepeatedMessage(message, items, i));
  }
  return out;
}

}  // namespace

std::string to_json(const pb::Message& message, Json form) {
  const std::unique_ptr<pb::util::TypeResolver> resolver(
      pb::util::NewTypeResolverForDescriptorPool(std::string(kUrlPrefix), message.GetDescriptor()->file()->pool()));
  pb::util::JsonPrintOptions options;
  options.add_whitespace = form == Json::Indented;
  options.always_print_primitive_fields = true;
  std::string out;
  const auto status = pb::util::BinaryToJsonString(
      resolver.get(), fmt::format("{}/{}", kUrlPrefix, message.GetTypeName()), sorted_bytes(message), &out, options);
  KELPIE_ASSERT(status.ok());
  while (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

std::string to_yaml(const pb::Message& message) {
  pb::Value value;
  const auto status = pb::util::JsonStringToMessage(to_json(message, Json::OneLine), &value);
  KELPIE_ASSERT(status.ok());
  std::string out;
  write_yaml(value, 0, out);
  out.erase(0, 1);  // the blank or line break that stands behind a key
  return out.append("\n");
}

std::string to_json_lines(const pb::Message& message) {
  return each_line(message, [](const pb::Message& one) { return to_json(one, Json::OneLine).append("\n"); });
}

std::string to_names(const pb::Message& message) {
  return each_line(message, name_of);
}

}  // namespace kelpie::cli
