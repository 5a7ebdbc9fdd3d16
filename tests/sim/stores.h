// The memories of a world: what a power cut takes away from them is gone.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "device-agent/store/state_slots.h"
#include "hub/store/kv.h"
#include "tests/sim/dice.h"

namespace kelpie::test {

/// As RocksDB with its write-ahead log: a synced batch takes everything before it to the disk, a crash leaves a prefix
/// of what was not synced.
class ForgetfulKv final : public hub::KeyValueStore {
 public:
  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view key) const override;
  [[nodiscard]] Result<void> scan(
      std::string_view prefix, std::string_view after,
      const std::function<bool(std::string_view key, std::string_view value)>& visit) const override;
  [[nodiscard]] Result<void> commit(const hub::Batch& batch) override;

  void crash(Dice& dice);
  /// The next commit fails; whether its batch is on the disk is anybody's guess.
  void fail_next_commit() { is_failing_ = true; }

 private:
  using Rows = std::map<std::string, std::string, std::less<>>;
  static void apply(const hub::Batch& batch, Rows& rows);

  Rows rows_;    // as read
  Rows synced_;  // as after a crash that loses all it can
  std::vector<hub::Batch> unsynced_;
  bool is_failing_ = false;
};

/// As two state slots: whole, old or new, or both damaged.
class ForgetfulCard final : public agent::StateStore {
 public:
  [[nodiscard]] Result<std::string> load() override;
  [[nodiscard]] Result<void> commit(std::string_view blob) override;

  void set_full(bool is_full) { is_full_ = is_full; }
  void damage() { is_damaged_ = true; }
  void wipe();
  [[nodiscard]] const std::string& blob() const { return blob_; }
  void put_back(std::string blob);

 private:
  std::string blob_;
  bool is_full_ = false;
  bool is_damaged_ = false;
};

}  // namespace kelpie::test
