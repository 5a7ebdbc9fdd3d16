// A device with snapd and MicroK8s that is not there: answers what the agent runs, requests and reads as the real
// programs do (texts, exit codes, time, lies), over a DeviceState. Used in process by simulations and by the programs
// of tests/bin. Time passes only in Pause.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "device-agent/host/host.h"
#include "tools/sim/microk8s/device_state.h"
#include "tools/sim/microk8s/state_cell.h"

namespace kelpie::sim {

enum class Stream { Out, Err };

class SimMicrok8s final : public agent::ProcessRunner, public agent::SnapdSocket, public agent::DeviceFiles {
 public:
  /// Everything passed outlives it. Keeps nothing itself: two of them on one cell are one device.
  SimMicrok8s(StateCell& cell, const World& world, agent::Pause& pause) : cell_(cell), world_(world), pause_(pause) {}

  /// microk8s, snap and kubectl, by the last part of argv[0]. Killed by its limit, by Pause, or never.
  [[nodiscard]] Result<agent::Exit> run(const agent::Command& command) override;
  [[nodiscard]] Result<agent::SnapdReply> request(const std::string& method, const std::string& path,
                                                  const std::string& body, Duration limit) override;
  [[nodiscard]] Result<agent::SnapdReply> upload(const agent::SnapdUpload& upload, Duration limit) override;
  [[nodiscard]] Result<std::string> read(const std::string& path) override;
  [[nodiscard]] bool exists(const std::string& path) override;
  [[nodiscard]] Result<void> write(const std::string& path, const std::string& text, unsigned mode) override;
  [[nodiscard]] Result<void> remove(const std::string& path) override;
  [[nodiscard]] Result<agent::Artifact> open_artifact(const std::string& path, const std::string& sha256,
                                                      std::uint64_t bytes_max, const OnHashed& on_hashed) override;
  [[nodiscard]] Result<void> make_private_folder(const std::string& path) override;
  [[nodiscard]] Result<void> rename(const std::string& from, const std::string& to) override;
  [[nodiscard]] Result<Look> look(const std::string& path) override;
  [[nodiscard]] Result<Space> space(const std::string& path) override;
  [[nodiscard]] Result<std::uint64_t> folder_bytes(const std::string& path) override;
  [[nodiscard]] Kernel kernel() override;

  /// Called with what a command prints, when it prints it; the doubles pass it on.
  std::function<void(Stream stream, std::string_view text)> on_output;

 private:
  StateCell& cell_;
  const World& world_;
  agent::Pause& pause_;
};

/// The device's wall clock where nothing else says what it is.
[[nodiscard]] WallTime wall_of(SteadyTime time);

/// The files of the device by full path: locks, arguments, /proc and /etc. What exists(), read() and the doubles show.
[[nodiscard]] std::map<std::string, std::string> files_of(const DeviceState& state);

inline constexpr std::string_view kSnapData = "/var/snap/microk8s/current";
/// Registry mirrors: what the snap ships, and what was written there since.
inline constexpr std::string_view kMirrorsFolder = "/var/snap/microk8s/current/args/certs.d";

/// Copies of the datastore, which `dbctl` makes where it is told to.
inline constexpr std::string_view kGzipHead = "\x1f\x8b\x08";
inline constexpr std::string_view kSnapshotsFolder = "/var/snap/microk8s/common/kelpie-snapshots";

/// What has happened by itself until now: changes of snapd, services, pods. Every answer starts with it.
void settle(DeviceState& state, const World& world, SteadyTime now);

/// Node ports of services of which an endpoint is ready, by "namespace/name".
[[nodiscard]] std::map<std::string, int> open_node_ports(const DeviceState& state, SteadyTime now);

}  // namespace kelpie::sim
