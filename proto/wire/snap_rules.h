// An install without the store: which snaps may come as files, in which order. One rule for the CLI that renders, the
// hub that stores and the device that installs them as root.
#pragma once

#include <string>

namespace kelpie::v1 {
class InstallStep;
}  // namespace kelpie::v1

namespace kelpie::wire {

/// What is wrong with its files: "files.core20.snap is not sha256: and 64 hex digits"; empty: nothing, or there are
/// none.
[[nodiscard]] std::string files_trouble_of(const v1::InstallStep& step);
/// Files in the order in which they are installed: snapd, what MicroK8s is built on, MicroK8s.
void sort_files(v1::InstallStep& step);

}  // namespace kelpie::wire
