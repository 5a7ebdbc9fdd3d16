#include "proto/base/ids.h"

#include <charconv>

#include <fmt/core.h>

namespace kelpie {
namespace {

constexpr std::string_view kCrockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::size_t kUlidLength = 26;
constexpr std::size_t kUlidTimeLength = 10;  // 48 bits of milliseconds; the other 16 characters are random
constexpr std::size_t kNameLengthMax = 63;   // RFC 1123

}  // namespace

std::string fingerprint(ByteView id) {
  const std::string hex = to_hex(id);
  std::string out;
  for (std::size_t i = 0; i < hex.size(); i += 4) {
    if (i > 0) out.push_back(' ');
    out.append(hex, i, 4);
  }
  return out;
}

Result<DeviceId> parse_fingerprint(std::string_view text) {
  std::string hex;
  for (const char character : text) {
    if (character == ' ' || character == '-' || character == ':') continue;
    hex.push_back(character >= 'A' && character <= 'F' ? static_cast<char>(character - 'A' + 'a') : character);
  }
  Result<DeviceId> id = DeviceId::from_hex(hex);
  if (!id) {
    return fail(
        Code::InvalidArgument,
        fmt::format("\"{}\" is not a fingerprint: it has 32 hex digits, as kelpie-agent init prints them", text));
  }
  return id;
}

Result<Ulid> Ulid::parse(std::string_view text) {
  if (text.size() != kUlidLength || text.find_first_not_of(kCrockford) != std::string_view::npos) {
    return fail(Code::InvalidArgument, fmt::format("\"{}\" is not an id of 26 characters", text));
  }
  Ulid out;
  out.text_ = text;
  return out;
}

WallTime Ulid::time() const {
  std::int64_t milliseconds = 0;
  for (const char digit : std::string_view(text_).substr(0, kUlidTimeLength)) {
    milliseconds = milliseconds * 32 + static_cast<std::int64_t>(kCrockford.find(digit));
  }
  return {milliseconds};
}

Ulid Ulid::make(WallTime now, Entropy& entropy) {
  std::string text(kUlidLength, '0');
  auto milliseconds = static_cast<std::uint64_t>(now.unix_ms);
  for (std::size_t i = kUlidTimeLength; i > 0; --i, milliseconds >>= 5U) text[i - 1] = kCrockford[milliseconds & 31U];
  std::array<std::uint8_t, kUlidLength - kUlidTimeLength> random{};
  entropy.fill(random);
  for (std::size_t i = 0; i < random.size(); ++i) text[kUlidTimeLength + i] = kCrockford[random[i] & 31U];
  Ulid out;
  out.text_ = std::move(text);
  return out;
}

std::string to_string(const AttemptId& id) {
  return fmt::format("{}/{}/{}", id.rollout.text(), id.device.hex(), id.n);
}

Result<AttemptId> parse_attempt_id(std::string_view text) {
  const std::size_t first = text.find('/');
  const std::size_t second = first == std::string_view::npos ? first : text.find('/', first + 1);
  if (second == std::string_view::npos) {
    return fail(Code::InvalidArgument, fmt::format("\"{}\" is not an attempt id", text));
  }
  KELPIE_TRY(const RolloutId rollout, Ulid::parse(text.substr(0, first)));
  KELPIE_TRY(const DeviceId device, DeviceId::from_hex(text.substr(first + 1, second - first - 1)));
  const std::string_view number = text.substr(second + 1);
  std::uint32_t n = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), n);
  if (error != std::errc{} || end != number.data() + number.size() || n == 0 || number.front() == '0') {
    return fail(Code::InvalidArgument, fmt::format("\"{}\" is not an attempt id", text));
  }
  return AttemptId{.rollout = rollout, .device = device, .n = n};
}

Digest attempt_hash(const Digest& plan_hash, ByteView leaf, const AttemptId& id) {
  std::string message = plan_hash.bytes();
  message.append(as_text(leaf));
  message.append(to_string(id));
  return blake2b_256(message);
}

std::string leaf_bytes(const PlanLeaf& leaf) {
  std::string out = leaf.device.bytes();
  out.append(leaf.scope);
  append_le64(out, leaf.generation);
  out.append(as_text(leaf.release.view()));
  return out;
}

bool is_name(std::string_view text) {
  const auto is_edge = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (text.empty() || text.size() > kNameLengthMax || !is_edge(text.front()) || !is_edge(text.back())) return false;
  return std::all_of(text.begin(), text.end(), [&](char c) { return is_edge(c) || c == '-'; });
}

}  // namespace kelpie
