#include "tools/kelpie/trace.h"

#include <fmt/core.h>
#include <google/protobuf/util/json_util.h>

namespace kelpie::cli {
namespace {

constexpr std::size_t kBodyBytesMax = 4'096;  // chosen: some screens; the whole is what -o json prints

}  // namespace

std::vector<std::string> traced_headers(const wire::HttpRequest& request) {
  std::vector<std::string> out;
  for (const auto& [name, value] : request.headers) {
    out.push_back(fmt::format("> {}: {}", name, name == "Authorization" ? "Bearer (hidden)" : value));
  }
  return out;
}

std::string traced_body(const google::protobuf::Message& body) {
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(body, &json);
  return traced_body(status.ok() ? std::move(json) : fmt::format("({} without JSON)", body.GetDescriptor()->name()));
}

std::string traced_body(std::string text) {
  if (text.size() <= kBodyBytesMax) return text;
  const std::size_t left = text.size() - kBodyBytesMax;
  text.resize(kBodyBytesMax);
  return fmt::format("{}… {} bytes more", text, left);
}

}  // namespace kelpie::cli
