// The seams to the device that steps use, all blocking: a step runs on its worker's thread, or inline in simulation
// where waiting only moves the simulated clock.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/base/clock.h"
#include "proto/base/fd.h"
#include "proto/base/result.h"

namespace kelpie::agent {

/// A file of the operator's that was opened once and hashed from that very descriptor: what a child reads from it is
/// what was hashed, whoever renames or links what at its path meanwhile.
struct Artifact {
  std::string path;  // for snapd and for people
  std::uint64_t bytes = 0;
  Fd file;  // none in a simulation
};

struct Command {
  std::vector<std::string> argv;                     // argv[0] is a full path
  std::string input;                                 // standard input; empty: /dev/null
  const Artifact* input_file = nullptr;              // standard input instead, from its start; outlives the run
  std::function<void(std::uint64_t)> on_input = {};  // bytes of it that the child has read; may be empty
  Duration limit{};                                  // TERM, then KILL, to the whole process group
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

/// POST /v2/snaps: a snap's file goes to snapd from the very descriptor that was hashed.
struct SnapdUpload {
  std::vector<std::string> flags;  // classic
  std::string file_name;           // for people: core20.snap
  const Artifact& file;
};

class SnapdSocket {
 public:
  virtual ~SnapdSocket() = default;
  /// Errors: as request; DataLoss when the file ends early.
  [[nodiscard]] virtual Result<SnapdReply> upload(const SnapdUpload& upload, Duration limit) = 0;
  /// Errors: Unavailable (no socket, connection dropped: snapd restarts), DeadlineExceeded, ResourceExhausted.
  [[nodiscard]] virtual Result<SnapdReply> request(const std::string& method, const std::string& path,
                                                   const std::string& body, Duration limit) = 0;
};

/// Files of the MicroK8s snap and the kernel that say what no command says (locks, sandbox image, memory, disk), the
/// few that are written there, and the operator's artifacts.
class DeviceFiles {
 public:
  virtual ~DeviceFiles() = default;
  /// Errors: NotFound, Unavailable, ResourceExhausted above 1 MiB.
  [[nodiscard]] virtual Result<std::string> read(const std::string& path) = 0;
  [[nodiscard]] virtual bool exists(const std::string& path) = 0;
  /// The whole file or the old one, whenever the power goes; on the card when it returns. Makes the file's own folder,
  /// not the ones above. A link of that name is replaced, not followed; a file of that name hands on its owner and
  /// mode. Errors: NotFound when there is no such place, ResourceExhausted when the card is full, Unavailable.
  [[nodiscard]] virtual Result<void> write(const std::string& path, const std::string& text, unsigned mode) = 0;
  /// A file, a link or an empty folder; what is not there is removed already.
  /// Errors: FailedPrecondition when the folder is not empty, Unavailable.
  [[nodiscard]] virtual Result<void> remove(const std::string& path) = 0;
  /// Called with how many bytes are hashed; false ends it.
  using OnHashed = std::function<bool(std::uint64_t bytes)>;
  /// sha256: 64 hex digits of the whole file.
  /// Errors: NotFound; FailedPrecondition when it is a link, a folder or a device; ResourceExhausted above bytes_max;
  /// DataLoss when its bytes have another digest; DeadlineExceeded when on_hashed ended it; Unavailable.
  [[nodiscard]] virtual Result<Artifact> open_artifact(const std::string& path, const std::string& sha256,
                                                       std::uint64_t bytes_max, const OnHashed& on_hashed) = 0;
  /// A folder that root alone may read, made or made so; the ones above are there.
  /// Errors: NotFound, ResourceExhausted, Unavailable.
  [[nodiscard]] virtual Result<void> make_private_folder(const std::string& path) = 0;
  /// On the card when it returns; replaces what is at `to`. Errors: NotFound, Unavailable.
  [[nodiscard]] virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  struct Look {
    std::uint64_t bytes = 0;
    WallTime modified_at;
    std::string head;  // its first bytes, at most kHeadBytes
  };
  static constexpr std::size_t kHeadBytes = 16;
  /// A file of any size, from outside. Errors: NotFound, FailedPrecondition when it is no regular file, Unavailable.
  [[nodiscard]] virtual Result<Look> look(const std::string& path) = 0;
  struct Space {
    std::uint64_t total_bytes = 0;
    std::uint64_t free_bytes = 0;
    std::uint64_t inodes = 0;  // 0: a file system without a table of them
    std::uint64_t inodes_free = 0;
  };
  [[nodiscard]] virtual Result<Space> space(const std::string& path) = 0;
  /// All files below, links not followed but for the path itself.
  /// Errors: NotFound, Unavailable, ResourceExhausted above 200,000 entries.
  [[nodiscard]] virtual Result<std::uint64_t> folder_bytes(const std::string& path) = 0;
  struct Address {
    std::string interface;
    std::string address;
  };
  /// What the kernel says to whoever asks, and writes into no file.
  struct Kernel {
    std::optional<bool> is_clock_synchronised;
    std::vector<Address> addresses;  // of interfaces that are up
  };
  [[nodiscard]] virtual Kernel kernel() = 0;
};

/// Time inside a step.
class Pause {
 public:
  virtual ~Pause() = default;
  [[nodiscard]] virtual SteadyTime now() = 0;
  /// Of the device, right or wrong: certificates end by it.
  [[nodiscard]] virtual WallTime wall() = 0;
  /// False when the agent wants the step to end now.
  [[nodiscard]] virtual bool wait(Duration duration) = 0;
};

/// One body, put to one address.
struct Upload {
  std::string url;
  std::string token;  // of its Authorization header
  std::string_view body;
  Duration limit{};
};
struct UploadReply {
  int status = 0;
  std::string body;
};

struct DevicePaths {
  std::string microk8s = "/snap/bin/microk8s";
  std::string snap_data = "/var/snap/microk8s/current";
  std::string snap_common = "/var/snap/microk8s/common";
  std::string artifacts = "/var/lib/kelpie-agent/artifacts";  // files by the 64 hex digits of their sha256
  std::string journalctl = "/usr/bin/journalctl";
};

/// What one call may use. progress is one line for people, at any rate; the loop keeps the newest. note goes into the
/// ledger in place of the one before, and comes back with the same step after a restart; empty: nobody remembers.
struct Host {
  ProcessRunner& processes;
  SnapdSocket& snapd;
  DeviceFiles& files;
  Pause& pause;
  const DevicePaths& paths;
  std::function<void(std::string progress)> progress;
  std::function<void(std::string note)> note = {};
  /// Errors: PermissionDenied (not on loopback), Unavailable, DeadlineExceeded. Empty: there is no way out of here.
  std::function<Result<UploadReply>(const Upload&)> upload = {};
};

}  // namespace kelpie::agent
