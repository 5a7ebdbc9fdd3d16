// A card in memory: keeps one blob, fails on demand, and can be worn so that both slots are damaged.
#pragma once

#include "device-agent/store/state_slots.h"

namespace kelpie::test {

class MemoryState final : public agent::StateStore {
 public:
  [[nodiscard]] Result<std::string> load() override {
    if (is_damaged) {
      return fail({.code = Code::DataLoss, .message = "both slots are damaged", .reason = "state-lost", .hint = {}});
    }
    return blob;
  }
  [[nodiscard]] Result<void> commit(std::string_view next) override {
    ++commits;
    if (is_full) return fail(Code::Unavailable, "cannot write the agent's state: No space left on device");
    blob = next;
    return {};
  }

  std::string blob;
  bool is_full = false;
  bool is_damaged = false;
  int commits = 0;
};

}  // namespace kelpie::test
