#include "tools/sim/microk8s/certificate.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include <fmt/core.h>
#include <sodium.h>

namespace kelpie::sim {
namespace {

// X.690: tag, length, value.
constexpr unsigned char kInteger = 0x02;
constexpr unsigned char kBits = 0x03;
constexpr unsigned char kObject = 0x06;
constexpr unsigned char kText = 0x0c;
constexpr unsigned char kTime = 0x18;  // GeneralizedTime: all years look the same
constexpr unsigned char kSequence = 0x30;
constexpr unsigned char kSet = 0x31;

std::string der(unsigned char tag, std::initializer_list<std::string_view> values) {
  std::string value;
  for (const std::string_view one : values) value.append(one);
  std::string out(1, static_cast<char>(tag));
  constexpr std::size_t kShort = 0x80;
  if (value.size() >= kShort) out.append("\x81");
  out.push_back(static_cast<char>(value.size()));
  return out + value;
}

/// 20261125125324Z
std::string time(WallTime at) {
  std::string text = to_rfc3339(at).substr(0, 19);
  std::erase_if(text, [](char c) { return c == '-' || c == ':' || c == 'T'; });
  return der(kTime, {text + "Z"});
}

std::string base64(std::string_view bytes) {
  std::string out(sodium_base64_ENCODED_LEN(bytes.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(out.data(), out.size(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                    sodium_base64_VARIANT_ORIGINAL);
  out.resize(out.find('\0'));
  constexpr std::size_t kLine = 64;
  std::string lines;
  for (std::size_t at = 0; at < out.size(); at += kLine) lines.append(out.substr(at, kLine)).append("\n");
  return lines;
}

}  // namespace

std::string certificate_pem(WallTime not_before, WallTime not_after) {
  constexpr std::size_t kKeyBytes = 32;
  constexpr std::size_t kSignatureBytes = 64;
  const std::string ed25519 = der(kSequence, {der(kObject, {"\x2b\x65\x70"})});
  const std::string name =
      der(kSequence, {der(kSet, {der(kSequence, {der(kObject, {"\x55\x04\x03"}), der(kText, {"10.152.183.1"})})})});
  const std::string key = der(kBits, {std::string(1 + kKeyBytes, '\0')});
  const std::string body =
      der(kSequence, {der(kInteger, {"\x01"}), ed25519, name, der(kSequence, {time(not_before), time(not_after)}), name,
                      der(kSequence, {ed25519, key})});
  const std::string whole = der(kSequence, {body, ed25519, der(kBits, {std::string(1 + kSignatureBytes, '\0')})});
  return fmt::format("-----BEGIN CERTIFICATE-----\n{}-----END CERTIFICATE-----\n", base64(whole));
}

}  // namespace kelpie::sim
