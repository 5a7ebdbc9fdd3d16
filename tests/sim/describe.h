// A frame in a few words, for transcripts.
#pragma once

#include <string>

#include "proto/base/bytes.h"

namespace kelpie::sim {

[[nodiscard]] std::string describe(ByteView frame);

}  // namespace kelpie::sim
