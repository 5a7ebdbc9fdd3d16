#include "proto/base/entropy.h"

#include <array>
#include <cstring>
#include <limits>

#include <sodium.h>

#include "proto/base/result.h"

namespace kelpie {

SystemEntropy::SystemEntropy() {
  KELPIE_ASSERT(sodium_init() >= 0);
}

void SystemEntropy::fill(std::span<std::uint8_t> out) {
  randombytes_buf(out.data(), out.size());
}

void SeededEntropy::fill(std::span<std::uint8_t> out) {
  std::array<std::uint8_t, crypto_stream_chacha20_KEYBYTES> key{};
  std::memcpy(key.data(), &seed_, sizeof(seed_));
  std::array<std::uint8_t, crypto_stream_chacha20_NONCEBYTES> nonce{};
  std::memcpy(nonce.data(), &block_, sizeof(block_));
  ++block_;
  crypto_stream_chacha20(out.data(), out.size(), nonce.data(), key.data());
}

std::uint64_t uniform(Entropy& entropy, std::uint64_t bound) {
  KELPIE_ASSERT(bound > 0);
  const std::uint64_t limit =
      std::numeric_limits<std::uint64_t>::max() - std::numeric_limits<std::uint64_t>::max() % bound;
  for (;;) {
    std::array<std::uint8_t, 8> bytes{};
    entropy.fill(bytes);
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) value |= static_cast<std::uint64_t>(bytes[i]) << (8 * i);
    if (value < limit) return value % bound;
  }
}

}  // namespace kelpie
