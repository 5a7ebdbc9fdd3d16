// What the client sends is what the hub's router reads: for every rpc of the service.
#include "tools/kelpie/route.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>
#include <kelpie/api/v1/api.pb.h>

#include "hub/api/router.h"

namespace kelpie::cli {
namespace {

namespace pb = google::protobuf;

/// Each field with a value that an address must escape.
void fill(pb::Message& message) {
  const pb::Descriptor& type = *message.GetDescriptor();
  const pb::Reflection& reflection = *message.GetReflection();
  for (int i = 0; i < type.field_count(); ++i) {
    const pb::FieldDescriptor* field = type.field(i);
    if (field->cpp_type() == pb::FieldDescriptor::CPPTYPE_UINT32 && !field->is_repeated()) {
      reflection.SetUInt32(&message, field, 7);
    }
    if (field->cpp_type() != pb::FieldDescriptor::CPPTYPE_STRING) continue;
    const std::string text = "a b/c?d=e&f%g,h@1.0>24h ü" + std::to_string(i);
    if (field->is_repeated()) {
      reflection.AddString(&message, field, text);
      reflection.AddString(&message, field, text + "2");
    } else {
      reflection.SetString(&message, field, text);
    }
  }
}

TEST(Route, EveryRequestArrivesAsItWasSent) {
  const hub::Router router;
  const pb::ServiceDescriptor& service = *api::v1::Empty::descriptor()->file()->FindServiceByName("Hub");
  for (int i = 0; i < service.method_count(); ++i) {
    const pb::MethodDescriptor& rpc = *service.method(i);
    SCOPED_TRACE(rpc.name());
    const std::unique_ptr<pb::Message> sent(
        pb::MessageFactory::generated_factory()->GetPrototype(rpc.input_type())->New());
    fill(*sent);
    const wire::HttpRequest request = route(rpc.name(), *sent);
    hub::HttpRequest received{.method = request.method, .path = request.url, .body = request.body};
    if (const std::size_t query = request.url.find('?'); query != std::string::npos) {
      received.path = request.url.substr(0, query);
      received.query = request.url.substr(query + 1);
    }
    for (const auto& [name, value] : request.headers) received.headers.emplace("content-type", value);
    const Result<hub::Match> match = router.match(received.method, received.path);
    ASSERT_TRUE(match) << match.error().message;
    EXPECT_EQ(match->route->rpc, &rpc);
    const Result<hub::Bound> bound = hub::bind(*match, received);
    ASSERT_TRUE(bound) << bound.error().message;
    EXPECT_TRUE(pb::util::MessageDifferencer::Equals(*sent, *bound->input)) << sent->ShortDebugString() << "\n"
                                                                            << bound->input->ShortDebugString();
  }
}

}  // namespace
}  // namespace kelpie::cli
