// A tar.gz of small text files, as `tar xzf` reads it: what an inspect sends and what kelpie shows of it. Knows regular
// files alone: no folders, links or owners, so that nothing in one can point anywhere.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proto/base/clock.h"
#include "proto/base/result.h"

namespace kelpie::wire {

struct ArchivedFile {
  std::string name;  // agent/attempt.txt: letters, digits, '.', '_', '-', no part of it hidden or empty
  std::string text;
  friend bool operator==(const ArchivedFile&, const ArchivedFile&) = default;
};
/// At most 99 bytes.
[[nodiscard]] bool is_archive_name(std::string_view name);

class ArchiveWriter {
 public:
  ArchiveWriter(std::size_t packed_bytes_max, WallTime made_at);
  ~ArchiveWriter();
  ArchiveWriter(const ArchiveWriter&) = delete;
  ArchiveWriter& operator=(const ArchiveWriter&) = delete;

  /// False: the file might not fit any more, and nothing of it was added.
  [[nodiscard]] bool add(const ArchivedFile& file);
  /// The bytes. Call once, nothing else after it.
  [[nodiscard]] std::string finish();

 private:
  struct Packer;
  std::unique_ptr<Packer> packer_;
};

inline constexpr std::size_t kArchiveUnpackedBytesMax = 64U << 20U;  // chosen: sixteen times what a device packs
inline constexpr std::size_t kArchiveFilesMax = 1'000;

/// Whether they are the bytes that were sent is a matter of their digest.
/// Errors: InvalidArgument (no gzip, cut off, anything but plain files with plain names, over a limit above).
[[nodiscard]] Result<std::vector<ArchivedFile>> read_archive(std::string_view bytes);

}  // namespace kelpie::wire
