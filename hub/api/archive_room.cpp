#include "hub/api/archive_room.h"

#include <sodium.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/core.h>

#include "hub/api/problem.h"
#include "hub/core/archives.h"
#include "proto/base/program.h"

namespace kelpie::hub {

Result<std::optional<AttemptId>> attempt_of_path(std::string_view path) {
  constexpr std::string_view kStart = "/archives/";
  if (!path.starts_with(kStart)) return std::optional<AttemptId>();
  KELPIE_TRY(const AttemptId attempt, parse_attempt_id(path.substr(kStart.size())));
  return std::optional<AttemptId>(attempt);
}

Result<ArchiveRoom> ArchiveRoom::open(std::string folder, ArchiveLimits limits) {
  KELPIE_TRY(make_private_folder(folder));
  return ArchiveRoom(std::move(folder), limits);
}

Result<void> ArchiveRoom::keep_only(const std::set<std::string>& files) const {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, error)) {
    const std::string name = entry.path().filename().string();
    if (!files.contains(name)) drop(name);
  }
  if (error) return fail(Code::Unavailable, fmt::format("cannot read \"{}\": {}", folder_, error.message()));
  return {};
}

void ArchiveRoom::drop(const std::string& file) const {
  unlink(fmt::format("{}/{}", folder_, file).c_str());
}

struct ArchiveUpload::Part {
  UploadFile file;
  crypto_hash_sha256_state hash{};
};

ArchiveUpload::ArchiveUpload(std::unique_ptr<Part> part) : part_(std::move(part)) {}
ArchiveUpload::ArchiveUpload(ArchiveUpload&&) noexcept = default;
ArchiveUpload& ArchiveUpload::operator=(ArchiveUpload&&) noexcept = default;
ArchiveUpload::~ArchiveUpload() = default;

Result<ArchiveUpload> ArchiveUpload::open(const std::string& folder) {
  KELPIE_TRY(UploadFile file, UploadFile::open(folder, kArchiveBytesMax));
  auto part = std::make_unique<Part>(Part{.file = std::move(file), .hash = {}});
  crypto_hash_sha256_init(&part->hash);
  return ArchiveUpload(std::move(part));
}

Result<void> ArchiveUpload::write(std::string_view bytes) {
  KELPIE_TRY(part_->file.write(bytes));
  crypto_hash_sha256_update(&part_->hash, as_bytes(bytes).data(), bytes.size());
  return {};
}

Result<Archive> ArchiveUpload::end(const AttemptId& attempt) {
  if (part_->file.bytes() == 0) return fail(Code::InvalidArgument, "an archive of no bytes is none");
  std::array<std::uint8_t, crypto_hash_sha256_BYTES> sha256{};
  crypto_hash_sha256_final(&part_->hash, sha256.data());
  return Archive{
      .attempt = attempt, .sha256 = to_hex(sha256), .bytes = static_cast<std::uint32_t>(part_->file.bytes()), .at = {}};
}

Result<void> ArchiveUpload::keep(const Archive& archive) {
  return part_->file.keep(file_of(archive));
}

}  // namespace kelpie::hub
