// ProcessRunner over posix_spawn: argv and nothing else, a process group of its own, a deadline for all of it.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "device-agent/host/host.h"

namespace kelpie::agent {

inline constexpr Duration kKillGrace =
    std::chrono::seconds(10);  // between TERM and KILL: microk8s tidies up in that time

class PosixProcess final : public ProcessRunner {
 public:
  explicit PosixProcess(Duration kill_grace = kKillGrace) : kill_grace_(kill_grace) {}
  /// Returns at most two graces after the limit, whatever the command does: one that the kernel holds is left behind,
  /// and reaped when it lets go.
  [[nodiscard]] Result<Exit> run(const Command& command) override;
  /// From another thread. While it is stopping, the running command is ended as its deadline would and later ones are
  /// not started.
  void set_stopping(bool is_stopping) { is_stopping_ = is_stopping; }

 private:
  [[nodiscard]] Exit leave_behind(int pid, std::string out, std::string err);

  std::vector<int> left_behind_;  // pids
  Duration kill_grace_;
  std::atomic<bool> is_stopping_{false};
};

}  // namespace kelpie::agent
