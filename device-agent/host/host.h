// The seams to the device that steps use, all blocking: a step runs on its worker's thread, or inline in simulation
// where waiting only moves the simulated clock.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/base/clock.h"
#include "proto/base/result.h"

namespace kelpie::agent {

struct Command {
  std::vector<std::string> argv;             // argv[0] is a full path
  std::string input;                         // standard input; empty: /dev/null
  Duration limit{};                          // TERM, then KILL, to the whole process group
  std::size_t output_bytes_max = 1U << 20U;  // each of stdout and stderr; of more, the first and last half are kept
  std::function<void(std::string_view)> on_output;  // pieces of stdout as they come; may be empty
};

struct Exit {
  int code = 0;             // exit code, or 128 + signal
  bool is_timeout = false;  // killed by the limit or by stop
  std::string out;
  std::string err;
};

class ProcessRunner {
 public:
  virtual ~ProcessRunner() = default;
  /// Errors: NotFound when argv[0] cannot be executed, Unavailable when no process can be made.
  [[nodiscard]] virtual Result<Exit> run(const Command& command) = 0;
};

struct SnapdReply {
  int status = 0;
  std::string body;
};

class SnapdSocket {
 public:
  virtual ~SnapdSocket() = default;
  /// Errors: Unavailable (no socket, connection dropped: snapd restarts), DeadlineExceeded, ResourceExhausted.
  [[nodiscard]] virtual Result<SnapdReply> request(const std::string& method, const std::string& path,
                                                   const std::string& body, Duration limit) = 0;
};

/// Files of the MicroK8s snap and the kernel that say what no command says (locks, sandbox image, memory, disk).
class DeviceFiles {
 public:
  virtual ~DeviceFiles() = default;
  /// Errors: NotFound, Unavailable, ResourceExhausted above 1 MiB.
  [[nodiscard]] virtual Result<std::string> read(const std::string& path) = 0;
  [[nodiscard]] virtual bool exists(const std::string& path) = 0;
  struct Space {
    std::uint64_t total_bytes = 0;
    std::uint64_t free_bytes = 0;
  };
  [[nodiscard]] virtual Result<Space> space(const std::string& path) = 0;
};

/// Waiting inside a step.
class Pause {
 public:
  virtual ~Pause() = default;
  [[nodiscard]] virtual SteadyTime now() = 0;
  /// False when the agent wants the step to end now.
  [[nodiscard]] virtual bool wait(Duration duration) = 0;
};

struct DevicePaths {
  std::string microk8s = "/snap/bin/microk8s";
  std::string snap_data = "/var/snap/microk8s/current";
  std::string snap_common = "/var/snap/microk8s/common";
};

/// What one call may use. progress is one line for people, at any rate; the loop keeps the newest.
struct Host {
  ProcessRunner& processes;
  SnapdSocket& snapd;
  DeviceFiles& files;
  Pause& pause;
  const DevicePaths& paths;
  std::function<void(std::string progress)> progress;
};

}  // namespace kelpie::agent
