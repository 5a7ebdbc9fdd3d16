#include "proto/base/bytes.h"

#include <fmt/core.h>

namespace kelpie {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

template <typename Integer>
void append_le(std::string& out, Integer value) {
  for (std::size_t i = 0; i < sizeof(Integer); ++i) {
    out.push_back(static_cast<char>((static_cast<std::uint64_t>(value) >> (8 * i)) & 0xffU));
  }
}

std::uint64_t read_le(ByteView bytes, std::size_t size) {
  KELPIE_ASSERT(bytes.size() >= size);
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value |= static_cast<std::uint64_t>(bytes[i]) << (8 * i);
  return value;
}

}  // namespace

std::string to_hex(ByteView bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    out.push_back(kHexDigits[byte >> 4U]);
    out.push_back(kHexDigits[byte & 0x0fU]);
  }
  return out;
}

Result<std::string> from_hex(std::string_view hex) {
  if (hex.size() % 2 != 0) return fail(Code::InvalidArgument, fmt::format("hex text has odd length {}", hex.size()));
  std::string out;
  out.reserve(hex.size() / 2);
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const std::size_t high = kHexDigits.find(hex[i]);
    const std::size_t low = kHexDigits.find(hex[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) {
      return fail(Code::InvalidArgument, fmt::format("hex text has a wrong character at {}", i));
    }
    out.push_back(static_cast<char>(high << 4U | low));
  }
  return out;
}

std::string to_base64(ByteView bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) group = group << 8U | (j < left ? bytes[i + j] : 0U);
    for (std::size_t j = 0; j < 4; ++j) {
      out.push_back(j <= left ? kBase64[(group >> (18 - 6 * j)) & 0x3fU] : '=');
    }
  }
  return out;
}

Result<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return fail(Code::InvalidArgument, fmt::format("base64 text has length {}", text.size()));
  std::string out;
  out.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    const bool is_last = i + 4 == text.size();
    std::uint32_t group = 0;
    std::size_t padding = 0;
    for (std::size_t j = 0; j < 4; ++j) {
      const char character = text[i + j];
      const std::size_t value = kBase64.find(character);
      if (character == '=' && is_last && j >= 2) {
        ++padding;
        group <<= 6U;
      } else if (value == std::string_view::npos || padding > 0) {
        return fail(Code::InvalidArgument, fmt::format("base64 text has a wrong character at {}", i + j));
      } else {
        group = group << 6U | static_cast<std::uint32_t>(value);
      }
    }
    if ((group & ((1U << (8 * padding)) - 1)) != 0) {
      return fail(Code::InvalidArgument, "base64 text ends in bits that belong to no byte");
    }
    for (std::size_t j = 0; j < 3 - padding; ++j) out.push_back(static_cast<char>((group >> (16 - 8 * j)) & 0xffU));
  }
  return out;
}

void append_le16(std::string& out, std::uint16_t value) {
  append_le(out, value);
}
void append_le32(std::string& out, std::uint32_t value) {
  append_le(out, value);
}
void append_le64(std::string& out, std::uint64_t value) {
  append_le(out, value);
}
std::uint16_t read_le16(ByteView bytes) {
  return static_cast<std::uint16_t>(read_le(bytes, 2));
}
std::uint32_t read_le32(ByteView bytes) {
  return static_cast<std::uint32_t>(read_le(bytes, 4));
}
std::uint64_t read_le64(ByteView bytes) {
  return read_le(bytes, 8);
}

}  // namespace kelpie
