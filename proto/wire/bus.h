// The seam to the message broker. Input arrives in the owner's inbox through the callback given at construction.
#pragma once

#include <cstddef>
#include <string>

#include "proto/base/bytes.h"

namespace kelpie::wire {

inline constexpr std::size_t kBusPayloadBytesMax = 65'536;  // protocol section 5

class Bus {
 public:
  virtual ~Bus() = default;
  /// Best effort: never blocks, may drop (window full, not connected). What matters is sent again from state.
  virtual void publish(const std::string& topic, ByteView payload) = 0;
};

}  // namespace kelpie::wire
