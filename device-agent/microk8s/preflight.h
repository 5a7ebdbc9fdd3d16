// What can be said before anything is done: room on the disk, memory, the host's name.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "device-agent/microk8s/work.h"

namespace kelpie::agent {

/// Trouble: DiskFull when less is free where MicroK8s keeps its data.
[[nodiscard]] Tried<void> require_space(const Work& work, std::uint64_t bytes);
/// What makes every first install fail (facts, microk8s 9 and 12). Trouble: LowMemory, MemoryCgroupMissing,
/// HostnameUnusable. What cannot be read is no trouble.
[[nodiscard]] Tried<void> require_able_device(const Work& work);
/// Without it no node gets Ready. What cannot be read is taken for on.
[[nodiscard]] bool has_memory_cgroup(const Work& work);
/// A Pi's kernel command line; nothing on other devices.
[[nodiscard]] std::optional<std::string> kernel_line_file(const Work& work);
/// It has the words already, for the next start.
[[nodiscard]] bool has_memory_cgroup_words(const Work& work, const std::string& file);
[[nodiscard]] bool is_usable_hostname(std::string_view name);
/// That row of /proc/meminfo in bytes; 0 when it cannot be read.
[[nodiscard]] std::uint64_t read_memory_bytes(const Work& work, std::string_view row = "MemTotal:");
/// Where MicroK8s keeps, or will keep, its data.
[[nodiscard]] DeviceFiles::Space read_space(const Work& work);

}  // namespace kelpie::agent
