#include "device-agent/doctor/mend.h"

#include <fmt/core.h>

#include "device-agent/microk8s/preflight.h"
#include "device-agent/microk8s/snapd.h"

namespace kelpie::agent {
namespace {

// The file is on a FAT partition, which takes no other mode (mounted with umask 022).
constexpr unsigned kMode = 0755;

Tried<void> must(const Result<void>& done) {
  if (done) return {};
  return trouble(Reason::PermissionDenied, done.error().message);
}

Tried<std::string> switch_on_memory_cgroup(const Work& work) {
  const std::optional<std::string> file = kernel_line_file(work);
  const Result<std::string> text = file ? work.host().files.read(*file) : fail(Code::NotFound, "no such file");
  if (!text) return trouble(Reason::MemoryCgroupMissing, text.error().message);
  // One line, whatever follows it is not read by the kernel.
  const std::size_t end = text->find_last_not_of(" \t\r\n");
  if (end == std::string::npos || text->find('\n') < end) {
    return trouble(Reason::MemoryCgroupMissing, fmt::format("{} is not one line: change it by hand", *file));
  }
  const std::string copy = *file + ".before-kelpie";
  KELPIE_TRY(must(work.host().files.write(copy, *text, kMode)));
  const std::string line = text->substr(0, end + 1) + " cgroup_enable=memory cgroup_memory=1\n";
  KELPIE_TRY(must(work.host().files.write(*file, line, kMode)));
  return fmt::format("appended to {}, reboot needed; back: cp {} {}", *file, copy, *file);
}

}  // namespace

Tried<std::string> mend(Repair repair, const Work& work) {
  switch (repair) {
    case Repair::None: break;
    case Repair::MemoryCgroup: return switch_on_memory_cgroup(work);
    case Repair::HoldRefreshes:
      KELPIE_TRY(hold_refreshes(work, Hold::On));
      return std::string("refreshes are held; back: snap refresh --unhold microk8s");
  }
  return trouble(Reason::PermissionDenied, "there is nothing to do by itself");
}

}  // namespace kelpie::agent
