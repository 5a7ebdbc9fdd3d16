// How single values lie in records. For the .cpp files of this folder only: includes generated headers.
#pragma once

#include <string>
#include <utility>

#include <fmt/core.h>
#include <kelpie/store/v1/hub.pb.h>

#include "hub/core/policy.h"
#include "hub/core/rollout/rollout.h"

namespace kelpie::hub::records {

[[nodiscard]] inline Error damaged(std::string_view what) {
  return {
      .code = Code::DataLoss, .message = fmt::format("the store holds a damaged {}", what), .reason = {}, .hint = {}};
}

/// Empty bytes are the zero value: absent digests, keys and nonces are stored as nothing.
template <typename Bytes>
[[nodiscard]] Result<Bytes> read_bytes(const std::string& bytes, std::string_view what) {
  if (bytes.empty()) return Bytes{};
  Result<Bytes> out = Bytes::from_bytes(bytes);
  if (!out) return fail(damaged(what));
  return out;
}
template <typename Bytes>
[[nodiscard]] std::string write_bytes(const Bytes& bytes) {
  return bytes.is_zero() ? std::string() : bytes.bytes();
}

/// An enum stored as its number; last is its last value.
template <typename Enum>
[[nodiscard]] Result<Enum> read_enum(std::uint32_t value, Enum last, std::string_view what) {
  if (value > static_cast<std::uint32_t>(last)) return fail(damaged(what));
  return static_cast<Enum>(value);
}
template <typename Enum>
[[nodiscard]] std::uint32_t write_enum(Enum value) {
  return static_cast<std::uint32_t>(value);
}

[[nodiscard]] inline Result<Ulid> read_ulid(const std::string& text, std::string_view what) {
  if (text.empty()) return Ulid{};
  Result<Ulid> out = Ulid::parse(text);
  if (!out) return fail(damaged(what));
  return out;
}

template <typename Record>
[[nodiscard]] Result<Record> parse(std::string_view bytes, std::string_view what) {
  Record record;
  if (!record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return fail(damaged(what));
  return record;
}

[[nodiscard]] Result<Policy> read_policy(const store::v1::PolicyRecord& in);
void write_policy(const Policy& policy, store::v1::PolicyRecord& out);
[[nodiscard]] PlannedWave read_planned_wave(const store::v1::PlannedWaveRecord& in);
void write_planned_wave(const PlannedWave& wave, store::v1::PlannedWaveRecord& out);

}  // namespace kelpie::hub::records
