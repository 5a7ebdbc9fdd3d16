// The folder of devices' archives. Files are named by device and SHA-256, come whole, and are never looked into.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "hub/api/upload_file.h"
#include "hub/core/state.h"

namespace kelpie::hub {

inline constexpr std::uint64_t kArchiveBytesMax = 4ULL << 20U;  // what an agent packs at most

/// "/archives/<attempt>" → the attempt; empty for another path. Errors: InvalidArgument when it is no attempt's id.
[[nodiscard]] Result<std::optional<AttemptId>> attempt_of_path(std::string_view path);

class ArchiveRoom {
 public:
  /// Makes the folder. Errors: Unavailable.
  [[nodiscard]] static Result<ArchiveRoom> open(std::string folder, ArchiveLimits limits);

  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] const ArchiveLimits& limits() const { return limits_; }
  /// At the start: whatever a crash left over goes. Errors: Unavailable.
  [[nodiscard]] Result<void> keep_only(const std::set<std::string>& files) const;
  /// One that is kept no more. A file that is not there is gone already.
  void drop(const std::string& file) const;

 private:
  ArchiveRoom(std::string folder, ArchiveLimits limits) : folder_(std::move(folder)), limits_(limits) {}
  std::string folder_;
  ArchiveLimits limits_;
};

/// An archive on its way in, hashed as it comes.
class ArchiveUpload {
 public:
  /// Errors: Unavailable.
  [[nodiscard]] static Result<ArchiveUpload> open(const std::string& folder);
  ArchiveUpload(ArchiveUpload&&) noexcept;
  ArchiveUpload& operator=(ArchiveUpload&&) noexcept;
  ~ArchiveUpload();

  /// Errors: TOO_LARGE; Unavailable.
  [[nodiscard]] Result<void> write(std::string_view bytes);
  /// What came, as of this attempt. Errors: InvalidArgument when nothing came.
  [[nodiscard]] Result<Archive> end(const AttemptId& attempt);
  /// Under the name of that. Errors: Unavailable.
  [[nodiscard]] Result<void> keep(const Archive& archive);

 private:
  struct Part;
  explicit ArchiveUpload(std::unique_ptr<Part> part);
  std::unique_ptr<Part> part_;
};

}  // namespace kelpie::hub
