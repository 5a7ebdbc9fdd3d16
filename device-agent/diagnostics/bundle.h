// The files of an archive as they are gathered: each redacted and cut to size before it is packed, and a line in
// missing.txt for each that could not be had.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proto/base/clock.h"
#include "proto/wire/archive.h"

namespace kelpie::agent {

inline constexpr std::size_t kBundleBytesMax = 4U << 20U;        // packed; the hub takes no more
inline constexpr std::size_t kBundleFileBytesMax = 512U << 10U;  // chosen: some 4,000 lines of a journal
inline constexpr std::size_t kBundleFilesMax = 100;              // chosen: a device has some forty

/// Which end of a text that is too long says more.
enum class Keep { Head, Tail };

struct Packed {
  std::string bytes;  // tar.gz
  std::size_t files = 0;
  std::vector<std::string> missing;  // "kubernetes/pods.jsonl: the API server does not answer"
};

class Bundle {
 public:
  explicit Bundle(WallTime made_at) : writer_(kBundleBytesMax, made_at) {}

  /// What makes no name of a file in `name` becomes '-'.
  void put(std::string_view name, std::string_view text, Keep keep = Keep::Head);
  void lacks(std::string_view name, std::string_view why);
  /// Call once.
  [[nodiscard]] Packed finish();

 private:
  wire::ArchiveWriter writer_;
  Packed packed_;
};

}  // namespace kelpie::agent
