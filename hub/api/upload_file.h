// A file that is being written: under a name nobody asks for until it is whole, gone when it never gets whole.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proto/base/fd.h"
#include "proto/base/result.h"

namespace kelpie::hub {

class UploadFile {
 public:
  /// Errors: Unavailable when the folder cannot be written.
  [[nodiscard]] static Result<UploadFile> open(const std::string& folder, std::uint64_t bytes_max);
  UploadFile(UploadFile&& other) noexcept;
  UploadFile& operator=(UploadFile&& other) noexcept;
  ~UploadFile();

  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  /// Errors: TOO_LARGE; Unavailable (disk).
  [[nodiscard]] Result<void> write(std::string_view bytes);
  /// On the disk, then under this name of the folder, in place of whatever had it. Errors: Unavailable.
  [[nodiscard]] Result<void> keep(const std::string& name);

 private:
  UploadFile() = default;
  std::string folder_;
  std::string temporary_;  // empty: kept, or moved from
  Fd fd_;
  std::uint64_t bytes_max_ = 0;
  std::uint64_t bytes_ = 0;
};

/// How the names of unfinished ones begin: what a crash cut off is known by it.
inline constexpr std::string_view kUploadStart = ".upload-";

}  // namespace kelpie::hub
