// The release's registry mirrors where pulls find them: in containerd's own folder, or, before GO, in one beside it
// that only our pulls read.
#pragma once

#include <string>
#include <vector>

#include "device-agent/microk8s/work.h"

namespace kelpie::agent {

/// containerd's: what kubelet pulls through. Read at each pull, no restart (facts, microk8s 6.4).
[[nodiscard]] std::string hosts_folder(const Work& work);

/// Mirrors that are not written yet, where `ctr pull --hosts-dir` finds them and kubelet does not.
class StagedMirrors {
 public:
  /// Nothing is staged when they are written already. Trouble: DiskFull, FileUnwritable.
  [[nodiscard]] static Tried<StagedMirrors> stage(const Work& work, const std::vector<Mirror>& mirrors);
  /// Where a pull of this name looks: other registries than the mirrors' are as they are on the device.
  [[nodiscard]] std::string folder_for(const std::string& ref) const;
  [[nodiscard]] Tried<void> remove() const;

 private:
  explicit StagedMirrors(const Work& work) : work_(&work) {}
  const Work* work_;
  std::vector<std::string> registries_;
  std::vector<std::string> paths_;  // in the order in which they are removed
};

}  // namespace kelpie::agent
