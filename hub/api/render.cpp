#include "hub/api/render.h"

#include <fmt/core.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <kelpie/api/v1/api.pb.h>

#include "hub/api/problem.h"

namespace kelpie::hub {
namespace {

/// Objects carry their revision in metadata; lists have none. 0: none.
std::uint32_t revision_of(const google::protobuf::Message& message) {
  const auto* field = message.GetDescriptor()->FindFieldByName("metadata");
  if (field == nullptr || field->message_type() != api::v1::Metadata::descriptor()) return 0;
  return static_cast<const api::v1::Metadata&>(message.GetReflection()->GetMessage(message, field)).revision();
}

}  // namespace

HttpAnswer render(const google::protobuf::Message& message, const HttpRequest& request) {
  HttpAnswer out;
  if (request.header("accept").find("application/protobuf") != std::string_view::npos) {
    out.content_type = "application/protobuf";
    out.body = message.SerializeAsString();
  } else {
    out.body = to_json(message);
  }
  if (const std::uint32_t revision = revision_of(message); revision != 0) {
    out.headers.emplace_back("ETag", fmt::format("\"{}\"", revision));
  }
  return out;
}

}  // namespace kelpie::hub
