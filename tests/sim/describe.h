// A frame in a few words, for transcripts.
#pragma once

#include <string>

#include "proto/base/bytes.h"

namespace kelpie::test {

[[nodiscard]] std::string describe(ByteView frame);

}  // namespace kelpie::test
