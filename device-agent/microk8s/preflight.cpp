#include "device-agent/microk8s/preflight.h"

#include <algorithm>
#include <charconv>
#include <string>

#include <fmt/core.h>

namespace kelpie::agent {
namespace {

constexpr std::uint64_t kLowMemoryBytes = 524'288ULL << 10U;  // facts, microk8s 2.1: the snap's own guard

}  // namespace

bool has_memory_cgroup(const Work& work) {
  DeviceFiles& files = work.host().files;
  if (const Result<std::string> v2 = files.read("/sys/fs/cgroup/cgroup.controllers")) {
    const std::vector<std::string> controllers = words_of(last_line(*v2));
    return std::find(controllers.begin(), controllers.end(), "memory") != controllers.end();
  }
  const Result<std::string> v1 = files.read("/proc/cgroups");
  if (!v1) return true;
  for (const std::string& line : lines_of(*v1)) {
    const std::vector<std::string> words = words_of(line);
    if (words.size() == 4 && words[0] == "memory") return words[3] == "1";
  }
  return true;
}

std::optional<std::string> kernel_line_file(const Work& work) {
  for (const char* const file : {"/boot/firmware/cmdline.txt", "/boot/cmdline.txt"}) {
    if (work.host().files.exists(file)) return file;
  }
  return std::nullopt;
}

bool has_memory_cgroup_words(const Work& work, const std::string& file) {
  const Result<std::string> text = work.host().files.read(file);
  const std::vector<std::string> words = text ? words_of(*text) : std::vector<std::string>{};
  return std::find(words.begin(), words.end(), "cgroup_enable=memory") != words.end();
}

bool is_usable_hostname(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
}

std::uint64_t read_memory_bytes(const Work& work, std::string_view row) {
  const Result<std::string> text = work.host().files.read("/proc/meminfo");
  if (!text) return 0;
  for (const std::string& line : lines_of(*text)) {
    if (!line.starts_with(row)) continue;
    const std::vector<std::string> words = words_of(line);
    std::uint64_t kibibytes = 0;
    if (words.size() >= 2) std::from_chars(words[1].data(), words[1].data() + words[1].size(), kibibytes);
    return kibibytes << 10U;
  }
  return 0;
}

DeviceFiles::Space read_space(const Work& work) {
  // Before the first install the deeper folders are not there.
  for (const std::string& path :
       {work.paths().snap_common, std::string("/var/snap"), std::string("/var"), std::string("/")}) {
    if (const Result<DeviceFiles::Space> space = work.host().files.space(path)) return *space;
  }
  return {};
}

Tried<void> require_space(const Work& work, std::uint64_t bytes) {
  const DeviceFiles::Space space = read_space(work);
  if (space.total_bytes == 0 || space.free_bytes >= bytes) return {};
  return trouble(Reason::DiskFull, fmt::format("{} are free where MicroK8s keeps its data, {} are needed",
                                               in_mebibytes(space.free_bytes), in_mebibytes(bytes)));
}

Tried<void> require_able_device(const Work& work) {
  const std::uint64_t memory = read_memory_bytes(work);
  if (memory != 0 && memory <= kLowMemoryBytes) {
    return trouble(Reason::LowMemory, fmt::format("the device has {} of memory, MicroK8s starts no control plane "
                                                  "with 512 MiB or less",
                                                  in_mebibytes(memory)));
  }
  if (!has_memory_cgroup(work)) {
    return trouble(Reason::MemoryCgroupMissing,
                   fmt::format("the kernel's memory cgroup is off: {}", row_of(Reason::MemoryCgroupMissing).sentence));
  }
  const Result<std::string> hostname = work.host().files.read("/proc/sys/kernel/hostname");
  if (hostname && !is_usable_hostname(last_line(*hostname))) {
    return trouble(Reason::HostnameUnusable, fmt::format("host name \"{}\": {}", last_line(*hostname),
                                                         row_of(Reason::HostnameUnusable).sentence));
  }
  return {};
}

}  // namespace kelpie::agent
