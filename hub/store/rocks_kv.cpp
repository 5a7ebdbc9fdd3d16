#include "hub/store/rocks_kv.h"

#include <filesystem>
#include <utility>

#include <fmt/core.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

namespace kelpie::hub {
namespace {

constexpr std::size_t kWriteBufferBytes = 16U << 20U;  // chosen: a commit is some KiB; memory of two buffers is 32 MiB
constexpr std::size_t kLogFilesKept = 3;
constexpr std::size_t kLogBytesMax = 1U << 20U;

rocksdb::Slice slice(std::string_view text) {
  return {text.data(), text.size()};
}

Error error_of(const rocksdb::Status& status, std::string_view doing) {
  const bool is_damage = status.IsCorruption();
  return {.code = is_damage ? Code::DataLoss : Code::Unavailable,
          .message = fmt::format("cannot {} the store: {}", doing, status.ToString()),
          .reason = {},
          .hint = is_damage ? "restore the last backup" : std::string()};
}

/// RocksDB tells a folder in use from other trouble by its words alone.
Error open_error(const rocksdb::Status& status, const std::string& folder) {
  if (status.ToString().find("lock") == std::string::npos)
    return error_of(status, fmt::format("open \"{}\" as", folder));
  return {.code = Code::Unavailable,
          .message = fmt::format("the store \"{}\" is in use by another process", folder),
          .reason = {},
          .hint = "one kelpie-hub per data folder: systemctl status kelpie-hub"};
}

rocksdb::Options options() {
  rocksdb::Options out;
  out.create_if_missing = true;
  out.write_buffer_size = kWriteBufferBytes;
  out.keep_log_file_num = kLogFilesKept;
  out.max_log_file_size = kLogBytesMax;
  out.paranoid_checks = true;
  // A power cut may leave the log's last record half written; everything synced stands before it (protocol section 6).
  out.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  return out;
}

/// The first key after everything that starts with prefix; empty when there is none.
std::string end_of(std::string_view prefix) {
  std::string out(prefix);
  while (!out.empty() && static_cast<unsigned char>(out.back()) == 0xFF) out.pop_back();
  if (!out.empty()) out.back() = static_cast<char>(static_cast<unsigned char>(out.back()) + 1);
  return out;
}

}  // namespace

struct RocksKv::Database {
  std::string folder;
  std::unique_ptr<rocksdb::DB> db;
};

RocksKv::RocksKv(std::unique_ptr<Database> database) : database_(std::move(database)) {}
RocksKv::~RocksKv() = default;

Result<std::unique_ptr<RocksKv>> RocksKv::open(const std::string& folder) {
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(options(), folder, &db);
  if (!status.ok()) return fail(open_error(status, folder));
  auto database = std::make_unique<Database>();
  database->folder = folder;
  database->db.reset(db);
  return std::unique_ptr<RocksKv>(new RocksKv(std::move(database)));
}

Result<std::optional<std::string>> RocksKv::get(std::string_view key) const {
  std::string value;
  const rocksdb::Status status = database_->db->Get(rocksdb::ReadOptions(), slice(key), &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return fail(error_of(status, "read"));
  return std::optional<std::string>(std::move(value));
}

Result<void> RocksKv::scan(std::string_view prefix, std::string_view after,
                           const std::function<bool(std::string_view key, std::string_view value)>& visit) const {
  const std::string end = end_of(prefix);
  const rocksdb::Slice upper = slice(end);
  rocksdb::ReadOptions read;
  if (!end.empty()) read.iterate_upper_bound = &upper;
  const std::unique_ptr<rocksdb::Iterator> at(database_->db->NewIterator(read));
  at->Seek(slice(std::max(prefix, after)));
  for (; at->Valid(); at->Next()) {
    const std::string_view key(at->key().data(), at->key().size());
    if (key == after) continue;
    if (!visit(key, {at->value().data(), at->value().size()})) break;
  }
  if (!at->status().ok()) return fail(error_of(at->status(), "read"));
  return {};
}

Result<void> RocksKv::commit(const Batch& batch) {
  if (batch.is_empty()) return {};
  rocksdb::WriteBatch writes;
  for (const std::string& key : batch.deletes) writes.Delete(key);
  for (const Batch::Put& put : batch.puts) writes.Put(put.key, put.value);
  rocksdb::WriteOptions write;
  write.sync = batch.must_sync;
  const rocksdb::Status status = database_->db->Write(write, &writes);
  if (!status.ok()) return fail(error_of(status, "write to"));
  return {};
}

std::uint64_t RocksKv::bytes_on_disk() const {
  std::uint64_t sum = 0;
  std::error_code gone;  // files come and go while RocksDB compacts: what is gone counts nothing
  for (auto at = std::filesystem::directory_iterator(database_->folder, gone);
       !gone && at != std::filesystem::directory_iterator(); at.increment(gone)) {
    std::error_code unknown;
    const std::uintmax_t size = at->file_size(unknown);
    if (!unknown) sum += size;
  }
  return sum;
}

}  // namespace kelpie::hub
