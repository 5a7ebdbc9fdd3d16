// Snaps from files on the device, for sites without the store: the assertions first, then the snap, in the order of the
// release (facts, microk8s 3.4).
#pragma once

#include <string>
#include <vector>

#include "device-agent/core/plan.h"
#include "device-agent/microk8s/channel.h"

namespace kelpie::agent {

/// For PREPARE: every file is there and is the one that was signed, and what MicroK8s needs is installed or among them.
/// The bytes of the MicroK8s snap. Trouble: ArtifactMissing, ArtifactMismatch, SnapBaseMissing.
[[nodiscard]] Tried<std::uint64_t> require_snap_files(const std::vector<SnapFile>& files, const Channel& wanted,
                                                      const Work& work);
/// The revision of MicroK8s among these files, as its assertions say; empty when there are none.
[[nodiscard]] Tried<std::string> revision_in(const std::vector<SnapFile>& files, const Work& work);

/// What MicroK8s is built on and is not installed yet.
[[nodiscard]] Tried<void> install_foundations(const std::vector<SnapFile>& files, const Work& work);
/// Installs it, or takes it to the file's revision. Trouble: AssertionMissing and what snapd refuses.
[[nodiscard]] Tried<void> install_microk8s_file(const std::vector<SnapFile>& files, const Channel& wanted,
                                                const std::string& revision, const Work& work);

}  // namespace kelpie::agent
