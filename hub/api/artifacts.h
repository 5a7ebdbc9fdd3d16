// Files named by the BLAKE2b-256 of their bytes. A file appears under its name only after its bytes were hashed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "proto/base/digest.h"

namespace kelpie::hub {

inline constexpr std::uint64_t kArtifactBytesMax = 4ULL << 30U;  // chosen: the largest image archive seen is 1.5 GB

/// "/artifacts/<64 hex>" → the digest; empty for another path. Errors: InvalidArgument when the name is no digest.
[[nodiscard]] Result<std::optional<Digest>> artifact_of_path(std::string_view path);

class ArtifactUpload {
 public:
  /// Errors: Unavailable when the folder cannot be written.
  [[nodiscard]] static Result<ArtifactUpload> open(const std::string& folder, const Digest& wanted,
                                                   std::uint64_t bytes_max);
  ArtifactUpload(ArtifactUpload&&) noexcept;
  ArtifactUpload& operator=(ArtifactUpload&&) noexcept;
  ~ArtifactUpload();  // whatever was not finished is removed

  /// Errors: TOO_LARGE; Unavailable (disk).
  [[nodiscard]] Result<void> write(std::string_view bytes);
  /// Errors: InvalidArgument DIGEST_MISMATCH; Unavailable. Nothing has changed then.
  [[nodiscard]] Result<void> finish();

 private:
  struct Part;
  explicit ArtifactUpload(std::unique_ptr<Part> part);
  std::unique_ptr<Part> part_;
};

/// An open file and the stretch of it to send. Who takes it closes fd.
struct ArtifactFile {
  int fd = -1;
  std::uint64_t size = 0;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  bool is_part = false;
};
/// Errors: NotFound; RANGE_NOT_SATISFIABLE.
[[nodiscard]] Result<ArtifactFile> open_file(const std::string& path, std::string_view range);
[[nodiscard]] Result<ArtifactFile> open_artifact(const std::string& folder, const Digest& digest,
                                                 std::string_view range);

}  // namespace kelpie::hub
