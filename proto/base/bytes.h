// Fixed-size byte strings that cannot be mixed up, hex, and little-endian integers in byte strings.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "proto/base/result.h"

namespace kelpie {

using ByteView = std::span<const std::uint8_t>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

[[nodiscard]] std::string to_hex(ByteView bytes);
/// Errors: InvalidArgument on an odd length or a character that is no hex digit (lower case only).
[[nodiscard]] Result<std::string> from_hex(std::string_view hex);
/// Standard alphabet with padding (RFC 4648 section 4).
[[nodiscard]] std::string to_base64(ByteView bytes);
[[nodiscard]] Result<std::string> from_base64(std::string_view text);

void append_le16(std::string& out, std::uint16_t value);
void append_le32(std::string& out, std::uint32_t value);
void append_le64(std::string& out, std::uint64_t value);
[[nodiscard]] std::uint16_t read_le16(ByteView bytes);
[[nodiscard]] std::uint32_t read_le32(ByteView bytes);
[[nodiscard]] std::uint64_t read_le64(ByteView bytes);

/// N bytes with a meaning; Tag keeps a device id from being passed for a nonce.
template <typename Tag, std::size_t N>
class FixedBytes {
 public:
  static constexpr std::size_t kSize = N;

  constexpr FixedBytes() = default;
  constexpr explicit FixedBytes(const std::array<std::uint8_t, N>& bytes) : bytes_(bytes) {}

  /// Errors: InvalidArgument when the length is not N.
  [[nodiscard]] static Result<FixedBytes> from_bytes(ByteView bytes) {
    if (bytes.size() != N) return fail(Code::InvalidArgument, wrong_length(N, bytes.size()));
    FixedBytes out;
    std::copy(bytes.begin(), bytes.end(), out.bytes_.begin());
    return out;
  }
  [[nodiscard]] static Result<FixedBytes> from_bytes(std::string_view bytes) { return from_bytes(as_bytes(bytes)); }
  [[nodiscard]] static Result<FixedBytes> from_hex(std::string_view hex) {
    KELPIE_TRY(const std::string bytes, kelpie::from_hex(hex));
    return from_bytes(as_bytes(bytes));
  }

  [[nodiscard]] ByteView view() const { return bytes_; }
  [[nodiscard]] std::string bytes() const { return std::string(as_text(bytes_)); }
  [[nodiscard]] std::string hex() const { return to_hex(bytes_); }
  [[nodiscard]] std::span<std::uint8_t> writable() { return bytes_; }
  [[nodiscard]] bool is_zero() const {
    return std::all_of(bytes_.begin(), bytes_.end(), [](std::uint8_t byte) { return byte == 0; });
  }

  friend auto operator<=>(const FixedBytes&, const FixedBytes&) = default;
  friend bool operator==(const FixedBytes&, const FixedBytes&) = default;

 private:
  static std::string wrong_length(std::size_t wanted, std::size_t got) {
    return "expected " + std::to_string(wanted) + " bytes, got " + std::to_string(got);
  }
  std::array<std::uint8_t, N> bytes_{};
};

}  // namespace kelpie
