// The request message of a call, as the type its rpc has.
#pragma once

#include <google/protobuf/message.h>

#include "hub/api/call.h"

namespace kelpie::hub {

template <typename Request>
[[nodiscard]] const Request& input_of(const ApiCall& call) {
  KELPIE_ASSERT(call.input != nullptr);
  KELPIE_ASSERT(call.input->GetDescriptor() == Request::descriptor());
  return static_cast<const Request&>(*call.input);
}

}  // namespace kelpie::hub
