// `microk8s refresh-certs` and `microk8s dbctl`. Source: facts, microk8s 2.6, 2.8.
#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "tools/sim/microk8s/parts.h"
#include "tools/sim/microk8s/shell.h"

namespace kelpie::sim {
namespace {

struct Named {
  std::string_view file;
  std::string_view words;
};
constexpr std::array kRenewable{Named{"ca.crt", "CA"}, Named{"server.crt", "server"},
                                Named{"front-proxy-client.crt", "front proxy client"}};
constexpr Duration kLifetime = std::chrono::hours(24 * 365);
constexpr Duration kOpenssl = std::chrono::seconds(3);   // chosen: two runs of it on a Pi
constexpr Duration kRestart = std::chrono::seconds(20);  // chosen: until the API server answers again
constexpr Duration kMigrator = std::chrono::seconds(6);  // chosen: some hundred keys
constexpr std::uint64_t kBackupBytes = 64U << 10U;       // chosen: a fresh node
constexpr std::uint64_t kEmptyBackupBytes = 212;

int check(Shell& shell) {
  for (const Named& one : kRenewable) {
    const CertificateTimes times = shell.with([&](DeviceState& state) { return certificate_times(state, one.file); });
    const auto left = std::chrono::duration_cast<std::chrono::hours>(times.not_after - shell.wall());
    shell.out(fmt::format("The {} certificate will expire in {} days.\n", one.words, left.count() / 24));
  }
  return 0;
}

bool are_services_active(Shell& shell) {
  return shell.with([](DeviceState& state) { return state.kubernetes.are_services_active; });
}

void restart_api(DeviceState& state, SteadyTime now) {
  if (!state.kubernetes.are_services_active) return;
  state.kubernetes.api_down_until = std::max(state.kubernetes.api_down_until, now + paced(state, kRestart));
}

int go_back(Shell& shell) {
  const bool has_copy = shell.with([](DeviceState& state) { return !state.certificates_copy.empty(); });
  if (!has_copy) {
    shell.out("No previous backup found\n");
    return 1;
  }
  shell.with([](DeviceState& state) {
    for (const auto& [file, times] : state.certificates_copy) state.certificates[file] = times;
    add_effect(state, "went back to the certificates of before");
  });
  shell.out("Restarting, please wait.\n");
  if (!shell.spend(std::chrono::seconds(12))) return kKilled;
  shell.out("Stopped.\nStopped.\n");
  shell.with([&](DeviceState& state) {
    state.kubernetes.is_stopped = false;
    state.kubernetes.are_services_enabled = true;
    start_services(state, shell.now());
  });
  return 0;
}

/// Copies over what was copied before; what is missing now leaves the old copy there, as `cp -r` does.
void keep_copy(DeviceState& state) {
  for (const Named& one : kRenewable) {
    const CertificateTimes times = certificate_times(state, one.file);
    if (!times.is_missing) state.certificates_copy[std::string(one.file)] = times;
  }
}

int restart_services(Shell& shell, std::string_view file) {
  shell.out("Restarting service kubelite.\n");
  if (shell.with([&](DeviceState& state) { return strikes(state, FaultKind::RefreshCertsFails, "4"); })) {
    shell.out("Failed to restart service microk8s.daemon-kubelite.\n");
    return 4;
  }
  shell.with([&](DeviceState& state) { restart_api(state, shell.now()); });
  if (file == "server.crt") shell.out("Restarting service cluster-agent.\n");
  return 0;
}

int renew(Shell& shell, std::string_view file) {
  const std::string revision = shell.with([](DeviceState& state) { return state.snap.now.revision; });
  shell.out(fmt::format("Taking a backup of the current certificates under {}/var/snap/microk8s/{}/certs-backup/\n",
                        shell.world().root, revision));
  if (shell.with([&](DeviceState& state) { return strikes(state, FaultKind::RefreshCertsFails, "10"); })) {
    shell.out("Failed to backup the current CA. Command returned non-zero exit status 1.\n");
    return 10;
  }
  shell.out("Creating new certificates\n");
  const bool is_failing = shell.with([&](DeviceState& state) {
    keep_copy(state);
    state.certificates[std::string(file)].is_missing = true;  // removed first: who is killed now leaves none
    return strikes(state, FaultKind::RefreshCertsFails, "20");
  });
  if (!shell.spend(kOpenssl)) return kKilled;
  if (is_failing) {
    shell.out("Failed to produce new certificates. Reverting.\n");
    return go_back(shell) == kKilled ? kKilled : 20;
  }
  shell.with([&](DeviceState& state) {
    if (strikes(state, FaultKind::RefreshCertsVanishes)) return;
    state.certificates[std::string(file)] = {.not_before = shell.wall(), .not_after = shell.wall() + kLifetime};
    add_effect(state, fmt::format("renewed {}", file));
  });
  return restart_services(shell, file);
}

/// In the folder of a double: its own path, as the device has it.
std::string on_device(const Shell& shell, std::string path) {
  const std::string& root = shell.world().root;
  return path.starts_with(root) ? path.substr(root.size()) : path;
}

int back_up(Shell& shell, std::string path) {
  constexpr std::string_view kEnd = ".tar.gz";
  if (path.empty()) path = "backup-2026-11-25-00-42-00";
  if (!path.ends_with(kEnd)) path.append(kEnd);
  shell.out("Backing up the datastore\n");
  if (!shell.spend(kMigrator)) return kKilled;
  enum class End { Made, Failed, Full };
  const End end = shell.with([&](DeviceState& state) {
    if (strikes(state, FaultKind::BackupFails)) return End::Failed;
    if (strikes(state, FaultKind::DiskFull, "backup") || state.disk.free_bytes < kBackupBytes) return End::Full;
    const bool is_empty = strikes(state, FaultKind::BackupIsEmpty);
    state.snapshots[on_device(shell, path)] = {.bytes = is_empty ? kEmptyBackupBytes : kBackupBytes,
                                               .made_at = shell.wall()};
    state.disk.free_bytes -= kBackupBytes;
    add_effect(state, "copied the datastore");
    return End::Made;
  });
  if (end == End::Failed) {
    shell.out("Backup process failed. 1\n");
    return 1;
  }
  if (end == End::Full) {
    shell.err("Traceback (most recent call last):\nOSError: [Errno 28] No space left on device\n");
    return 1;
  }
  shell.out(fmt::format("The backup is: {}\n", path));
  return 0;
}

}  // namespace

int run_refresh_certs(Shell& shell, Words words) {
  if (shell.with([](DeviceState& state) { return state.kubernetes.is_worker; })) {
    shell.out(
        "This MicroK8s deployment is acting as a node in a cluster. Please use the microk8s refresh-certs command on "
        "the master\nand then return to this node to perform a microk8s leave and re-join.\n");
    return 0;
  }
  const std::string_view option = words.empty() ? "" : std::string_view(words[0]);
  if (option == "-c" || option == "--check") return check(shell);
  if (option == "-u" || option == "--undo") return go_back(shell);
  if ((option == "-e" || option == "--cert") && words.size() == 2) return renew(shell, words[1]);
  shell.out("Please use the '--cert' flag to select the certificate you need refreshed.\n");
  return 3;
}

int run_dbctl(Shell& shell, Words words) {
  if (shell.with([](DeviceState& state) { return state.kubernetes.is_worker; })) {
    shell.out(kWorkerText);
    return 0;
  }
  if (!are_services_active(shell)) {
    shell.out("Please ensure the kubernetes apiserver is running and HA is enabled.\n");
    return 10;
  }
  if (words.empty() || words[0] != "backup") {
    shell.err("microk8s dbctl: this model of a device only backs up\n");
    return 1;
  }
  return back_up(shell, words.size() == 3 && words[1] == "-o" ? words[2] : "");
}

}  // namespace kelpie::sim
