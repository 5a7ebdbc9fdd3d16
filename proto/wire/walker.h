// The strict check of protobuf bytes against a message's descriptor, run after signatures and before the parser:
// no unknown, duplicate or unsorted field, caps on every repeated field, string, depth and the total of objects.
#pragma once

#include "proto/base/bytes.h"
#include "proto/base/result.h"

namespace google::protobuf {
class Descriptor;
}

namespace kelpie::wire {

enum class UnknownFields { Refuse, Pass };  // Pass: Reports on the hub, so that newer agents are understood

/// Errors: reason E_SCHEMA, message names the field and the rule.
[[nodiscard]] Result<void> check_strict(ByteView bytes, const google::protobuf::Descriptor& descriptor,
                                        UnknownFields unknown = UnknownFields::Refuse);

}  // namespace kelpie::wire
