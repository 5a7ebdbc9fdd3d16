#include "tests/sim/stores.h"

namespace kelpie::test {

Result<std::optional<std::string>> ForgetfulKv::get(std::string_view key) const {
  const auto at = rows_.find(key);
  return at == rows_.end() ? std::optional<std::string>() : std::optional<std::string>(at->second);
}

Result<void> ForgetfulKv::scan(std::string_view prefix, std::string_view after,
                               const std::function<bool(std::string_view key, std::string_view value)>& visit) const {
  auto at = after.empty() ? rows_.lower_bound(prefix) : rows_.upper_bound(after);
  for (; at != rows_.end() && at->first.starts_with(prefix); ++at) {
    if (!visit(at->first, at->second)) return {};
  }
  return {};
}

void ForgetfulKv::apply(const hub::Batch& batch, Rows& rows) {
  for (const hub::Batch::Put& put : batch.puts) rows.insert_or_assign(put.key, put.value);
  for (const std::string& key : batch.deletes) rows.erase(key);
}

Result<void> ForgetfulKv::commit(const hub::Batch& batch) {
  apply(batch, rows_);
  unsynced_.push_back(batch);
  if (is_failing_) {
    is_failing_ = false;
    return fail(Code::Unavailable, "cannot write the store: input/output error");
  }
  if (!batch.must_sync) return {};
  for (const hub::Batch& one : unsynced_) apply(one, synced_);
  unsynced_.clear();
  return {};
}

void ForgetfulKv::crash(Dice& dice) {
  const std::size_t kept = dice.below(unsynced_.size() + 1);
  for (std::size_t i = 0; i < kept; ++i) apply(unsynced_[i], synced_);
  unsynced_.clear();
  is_failing_ = false;
  rows_ = synced_;
}

Result<std::string> ForgetfulCard::load() {
  if (is_damaged_) return fail(Code::DataLoss, "both state slots are damaged");
  return blob_;
}

Result<void> ForgetfulCard::commit(std::string_view blob) {
  if (is_full_) return fail(Code::Unavailable, "cannot write the state slot: no space left on device");
  blob_ = blob;
  return {};
}

void ForgetfulCard::wipe() {
  put_back({});
}

void ForgetfulCard::put_back(std::string blob) {
  blob_ = std::move(blob);
  is_damaged_ = false;
}

}  // namespace kelpie::test
