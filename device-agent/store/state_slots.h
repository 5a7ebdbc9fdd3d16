// The agent's memory of record: one blob, committed as a whole. Two files of fixed size are written in turn, synced and
// read back, so that a power cut or a dying card leaves the other one. Source: protocol section 4.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "proto/base/result.h"

namespace kelpie::agent {

inline constexpr std::size_t kStateBytesMax = (256U << 10U) - 64;  // a slot is 256 KiB with its header

class StateStore {
 public:
  virtual ~StateStore() = default;
  /// The newest blob; empty when there never was one. Errors: DataLoss when both slots are damaged; Unavailable.
  [[nodiscard]] virtual Result<std::string> load() = 0;
  /// On stable storage when it returns. Errors: ResourceExhausted above kStateBytesMax; Unavailable (full or dead
  /// card): the newest blob is then still the one before.
  [[nodiscard]] virtual Result<void> commit(std::string_view blob) = 0;
};

class StateSlots final : public StateStore {
 public:
  /// Makes state.a and state.b at full size in a folder that is there, so that no later commit can find a full card.
  /// Errors: Unavailable.
  [[nodiscard]] static Result<std::unique_ptr<StateSlots>> open(const std::string& folder);
  ~StateSlots() override;
  [[nodiscard]] Result<std::string> load() override;
  [[nodiscard]] Result<void> commit(std::string_view blob) override;

 private:
  struct Files;
  explicit StateSlots(std::unique_ptr<Files> files);
  std::unique_ptr<Files> files_;
};

}  // namespace kelpie::agent
