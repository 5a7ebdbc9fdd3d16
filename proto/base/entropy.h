// The seam through which all randomness comes, so that a simulation can replay it.
#pragma once

#include <cstdint>
#include <span>

namespace kelpie {

class Entropy {
 public:
  virtual ~Entropy() = default;
  virtual void fill(std::span<std::uint8_t> out) = 0;
};

/// libsodium's generator, seeded by the kernel.
class SystemEntropy final : public Entropy {
 public:
  SystemEntropy();
  void fill(std::span<std::uint8_t> out) override;
};

/// The same bytes for the same seed on every platform (ChaCha20 keystream). For simulation and demos only.
class SeededEntropy final : public Entropy {
 public:
  explicit SeededEntropy(std::uint64_t seed) : seed_(seed) {}
  void fill(std::span<std::uint8_t> out) override;

 private:
  std::uint64_t seed_;
  std::uint64_t block_ = 0;
};

template <typename Bytes>
[[nodiscard]] Bytes random_bytes(Entropy& entropy) {
  Bytes out;
  entropy.fill(out.writable());
  return out;
}

/// Uniform in [0, bound), bound > 0.
[[nodiscard]] std::uint64_t uniform(Entropy& entropy, std::uint64_t bound);

}  // namespace kelpie
