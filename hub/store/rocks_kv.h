// The hub's store on disk. The only file that knows RocksDB.
#pragma once

#include <memory>

#include "hub/store/kv.h"

namespace kelpie::hub {

class RocksKv final : public KeyValueStore {
 public:
  /// Creates the folder when it is not there. Errors: Unavailable (another hub has it open, no space), DataLoss.
  [[nodiscard]] static Result<std::unique_ptr<RocksKv>> open(const std::string& folder);
  ~RocksKv() override;

  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view key) const override;
  [[nodiscard]] Result<void> scan(
      std::string_view prefix, std::string_view after,
      const std::function<bool(std::string_view key, std::string_view value)>& visit) const override;
  [[nodiscard]] Result<void> commit(const Batch& batch) override;
  [[nodiscard]] std::uint64_t bytes_on_disk() const override;

 private:
  struct Database;
  explicit RocksKv(std::unique_ptr<Database> database);
  std::unique_ptr<Database> database_;
};

}  // namespace kelpie::hub
