// A device of which containerd and `ctr` are real and the rest a double, at a site with a registry: what the agent's
// own code carries out on it runs through real processes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "device-agent/core/call.h"
#include "device-agent/host/posix_process.h"
#include "device-agent/host/snapd_http.h"
#include "device-agent/host/system_files.h"
#include "tests/real/containerd.h"
#include "tests/real/registry.h"
#include "tests/support/double_device.h"

namespace kelpie::test {

inline constexpr const char* kMirror = "mirror.site:5000";  // speaks plain http, as hosts.toml says
inline constexpr int kMirrorPort = 5'000;

/// Empty when there can be one here, and otherwise what is missing.
[[nodiscard]] std::string why_no_real_device();

struct RealOptions {
  std::size_t disk_bytes = 0;              // of containerd, on a file system of its own; 0: that of the machine
  std::optional<sim::DeviceState> device;  // empty: MicroK8s runs and is ready
  std::int64_t speed = 50;                 // of the doubles
};

class RealDevice {
 public:
  explicit RealDevice(RealOptions options = {});

  [[nodiscard]] Registry& mirror() { return mirror_; }
  [[nodiscard]] Containerd& containerd() { return containerd_; }
  [[nodiscard]] DoubleDevice& device() { return device_; }
  /// False: containerd could not be given a disk of its own.
  [[nodiscard]] bool has_disk() const { return has_disk_; }
  /// hosts.toml as an administrator writes it: what is asked of this registry is asked of the mirror.
  void use_mirror_for(const std::string& registry);
  void forget_mirrors();

  /// A file into the agent's folder of artifacts, under its name there: the 64 hex digits.
  std::string bring(const std::string& bytes);

  /// From now on what is told says NAME in place of the digest.
  const OciImage& call(const std::string& name, const OciImage& image);
  /// As the agent's worker does: "satisfied: 1 image …", "failed image-pull-failed*: cannot pull …"; the star: it may
  /// pass by itself.
  std::string ask(agent::Phase phase, const agent::Step& step, const std::string& restore = {});
  /// Prepare, run and verify; where it ends first.
  std::string go(const agent::Step& step);
  agent::CallResult carry_out(agent::Phase phase, const agent::Step& step, const std::string& restore = {});
  /// "registry.k8s.io/pause:3.10 is NAME, pinned": what `ctr image ls` says, without kubelet's own names.
  [[nodiscard]] std::vector<std::string> images() const;
  /// Bytes of images, named or not, whole or not.
  [[nodiscard]] std::string content() const { return containerd_.ask({"content", "ls", "-q"}); }

  agent::PosixProcess processes{std::chrono::seconds(2)};
  Duration limit = std::chrono::seconds(30);
  std::vector<std::string> progress;

 private:
  [[nodiscard]] std::string told(std::string text) const;
  [[nodiscard]] std::string artifacts() const { return dir_ / "artifacts"; }

  TempDir dir_;
  Site site_;
  bool has_disk_;
  Registry mirror_;
  Containerd containerd_;
  DoubleDevice device_;
  agent::SnapdHttp snapd_;
  agent::SystemFiles files_;
  std::map<std::string, std::string> names_;  // by digest
};

}  // namespace kelpie::test
