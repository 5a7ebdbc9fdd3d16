#include "tests/bench/measure.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>

#include <fmt/core.h>

namespace kelpie::bench {
namespace {

std::string read_all(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string value_in(const std::string& path, const std::string& key) {
  std::istringstream text(read_all(path));
  for (std::string line; std::getline(text, line);) {
    const std::size_t colon = line.find(':');
    if (!line.starts_with(key) || colon == std::string::npos) continue;
    const std::size_t from = line.find_first_not_of(" \t", colon + 1);
    return from == std::string::npos ? "" : line.substr(from);
  }
  return {};
}

Timed run_once(const std::vector<std::string>& argv) {
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (const int descriptor : {STDOUT_FILENO, STDERR_FILENO})
    posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_WRONLY, 0);
  const auto begun = std::chrono::steady_clock::now();
  pid_t pid = -1;
  Timed out;
  if (posix_spawn(&pid, words[0], &actions, nullptr, words.data(), environ) == 0) {
    int status = 0;
    rusage used{};
    wait4(pid, &status, 0, &used);
    const auto ms_of = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
    };
    out.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    out.cpu_ms = ms_of(used.ru_utime) + ms_of(used.ru_stime);
  }
  out.wall_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun).count();
  posix_spawn_file_actions_destroy(&actions);
  return out;
}

}  // namespace

double cpu_seconds(pid_t pid) {
  const std::string stat = read_all(fmt::format("/proc/{}/stat", pid));
  const std::size_t end = stat.rfind(')');  // a name may contain anything
  if (end == std::string::npos) return 0;
  std::istringstream fields(stat.substr(end + 1));
  constexpr int kUserTime = 12;  // fields behind the name: utime and stime are the 12th and 13th
  std::string skipped;
  for (int i = 1; i < kUserTime; ++i) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

long kib_of(pid_t pid, const std::string& file, const std::string& row) {
  const std::string text = value_in(fmt::format("/proc/{}/{}", pid, file), row + ":");
  return text.empty() ? -1 : std::stol(text);
}

Timed median_run(const std::vector<std::string>& argv, int runs) {
  std::vector<Timed> all;
  for (int i = 0; i < runs; ++i) all.push_back(run_once(argv));
  std::sort(all.begin(), all.end(), [](const Timed& a, const Timed& b) { return a.wall_ms < b.wall_ms; });
  return all[all.size() / 2];
}

std::string machine_facts() {
  utsname system{};
  uname(&system);
  const std::string memory = value_in("/proc/meminfo", "MemTotal");
  const double gib = memory.empty() ? 0 : std::stod(memory) / (1U << 20U);
  const std::string load = read_all("/proc/loadavg");
  return fmt::format("- processor: {}, {} cores\n- memory: {:.1f} GiB\n- kernel: {}\n- load before: {}\n",
                     value_in("/proc/cpuinfo", "model name"), std::thread::hardware_concurrency(), gib, system.release,
                     load.substr(0, load.find(' ')));
}

}  // namespace kelpie::bench
