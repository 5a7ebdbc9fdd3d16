// A message as the answer its caller asked for.
#pragma once

#include "hub/api/exchange.h"

namespace google::protobuf {
class Message;
}

namespace kelpie::hub {

/// JSON, or protobuf when Accept says so; ETag when the object has a revision.
[[nodiscard]] HttpAnswer render(const google::protobuf::Message& message, const HttpRequest& request);

}  // namespace kelpie::hub
