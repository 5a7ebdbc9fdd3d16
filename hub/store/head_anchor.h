// How far the audit log had come, in a small file of its own beside the store: a store put back from an older copy is
// noticed at start. Two slots written in turn, each with its checksum; never synced, so it may lag and never leads.
#pragma once

#include <memory>
#include <string>

#include "proto/base/digest.h"
#include "proto/base/fd.h"
#include "proto/base/result.h"

namespace kelpie::hub {

class HeadAnchor {
 public:
  /// Creates the file when it is not there; nobody else may read it. Errors: Unavailable; DataLoss when neither slot
  /// is whole.
  [[nodiscard]] static Result<std::unique_ptr<HeadAnchor>> open(const std::string& path);
  HeadAnchor(const HeadAnchor&) = delete;
  HeadAnchor& operator=(const HeadAnchor&) = delete;

  /// Compares the store's log with what was noted, then notes it. Errors: FailedPrecondition when the store is behind,
  /// DataLoss when it is as long and says otherwise.
  [[nodiscard]] Result<void> check(const MerkleLog& log);
  /// Call after the commit that lengthened the log. Errors: Unavailable.
  [[nodiscard]] Result<void> note(const MerkleLog& log);

 private:
  HeadAnchor(std::string path, Fd file) : path_(std::move(path)), file_(std::move(file)) {}
  Result<void> read();

  std::string path_;
  Fd file_;
  unsigned next_slot_ = 0;
  std::uint64_t size_ = 0;  // as noted last
  Digest root_;
};

}  // namespace kelpie::hub
