// What the kernel knows of a process and of the machine.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace kelpie::bench {

/// User and system time of a process so far, from /proc/PID/stat.
[[nodiscard]] double cpu_seconds(pid_t pid);
/// A row of /proc/PID/status or smaps_rollup: VmHWM, Anonymous, Pss. -1 when there is none.
[[nodiscard]] long kib_of(pid_t pid, const std::string& file, const std::string& row);

struct Timed {
  double wall_ms = 0;
  double cpu_ms = 0;
  int code = -1;
};
/// The median of so many runs, output to /dev/null.
[[nodiscard]] Timed median_run(const std::vector<std::string>& argv, int runs);

/// Processor, cores, memory, kernel, load, one line each of a Markdown list.
[[nodiscard]] std::string machine_facts();

}  // namespace kelpie::bench
