#include "tools/kelpie/route.h"

#include <array>
#include <cctype>
#include <utility>

#include <fmt/core.h>
#include <google/protobuf/descriptor.h>
#include <kelpie/api/v1/api.pb.h>

namespace kelpie::cli {
namespace {

namespace pb = google::protobuf;

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool is_plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '.' || c == '_' ||
                          c == '~' || c == '@' || c == '/' || c == ',';
    out += is_plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

/// A name in the path: a slash or colon in it would be read as the address's own.
std::string path_segment(std::string_view text) {
  std::string out;
  for (const char c : percent_encoded(text)) out += c == '/' ? std::string("%2F") : std::string(1, c);
  return out;
}

std::string text_of(const pb::Message& message, const pb::FieldDescriptor& field) {
  const pb::Reflection& reflection = *message.GetReflection();
  if (field.cpp_type() == pb::FieldDescriptor::CPPTYPE_STRING) return reflection.GetString(message, &field);
  KELPIE_ASSERT(field.cpp_type() == pb::FieldDescriptor::CPPTYPE_UINT32);
  return std::to_string(reflection.GetUInt32(message, &field));
}

struct Address {
  std::string text;
  std::vector<const pb::FieldDescriptor*> used;
};

/// "/api/v1/devices/{name}:label" with its variables filled in.
Address fill(std::string_view pattern, const pb::Message& request) {
  Address out;
  while (!pattern.empty()) {
    const std::size_t open = pattern.find('{');
    out.text.append(pattern.substr(0, open));
    if (open == std::string_view::npos) return out;
    const std::size_t close = pattern.find('}', open);
    KELPIE_ASSERT(close != std::string_view::npos);
    const std::string name(pattern.substr(open + 1, close - open - 1));
    const pb::FieldDescriptor* field = request.GetDescriptor()->FindFieldByName(name);
    KELPIE_ASSERT(field != nullptr);
    out.used.push_back(field);
    out.text.append(path_segment(text_of(request, *field)));
    pattern.remove_prefix(close + 1);
  }
  return out;
}

/// Fields that the path does not hold, as "?name=value&…".
std::string query_of(const pb::Message& request, const std::vector<const pb::FieldDescriptor*>& used) {
  std::vector<const pb::FieldDescriptor*> fields;
  request.GetReflection()->ListFields(request, &fields);
  std::string out;
  const auto add = [&](const pb::FieldDescriptor& field, std::string_view text) {
    out.append(out.empty() ? "?" : "&").append(field.json_name()).append("=").append(percent_encoded(text));
  };
  for (const pb::FieldDescriptor* field : fields) {
    if (std::find(used.begin(), used.end(), field) != used.end()) continue;
    if (!field->is_repeated()) {
      add(*field, text_of(request, *field));
      continue;
    }
    for (int i = 0; i < request.GetReflection()->FieldSize(request, field); ++i) {
      add(*field, request.GetReflection()->GetRepeatedString(request, field, i));
    }
  }
  return out;
}

}  // namespace

wire::HttpRequest route(std::string_view rpc, const pb::Message& request) {
  const pb::ServiceDescriptor* hub = api::v1::Empty::descriptor()->file()->FindServiceByName("Hub");
  KELPIE_ASSERT(hub != nullptr);
  const pb::MethodDescriptor* method = hub->FindMethodByName(std::string(rpc));
  KELPIE_ASSERT(method != nullptr);
  KELPIE_ASSERT(method->input_type() == request.GetDescriptor());
  const api::v1::HttpRule& rule = method->options().GetExtension(api::v1::http);
  wire::HttpRequest out;
  std::string_view pattern;
  for (const auto& [verb, path] : {std::pair("GET", &rule.get()), std::pair("POST", &rule.post()),
                                   std::pair("PUT", &rule.put()), std::pair("DELETE", &rule.delete_())}) {
    if (path->empty()) continue;
    out.method = verb;
    pattern = *path;
  }
  const Address address = fill(pattern, request);
  out.url = address.text;
  if (out.method == "GET" || out.method == "DELETE") {
    out.url += query_of(request, address.used);
    return out;
  }
  out.body = request.SerializeAsString();
  out.headers.emplace_back("Content-Type", "application/protobuf");
  return out;
}

}  // namespace kelpie::cli
