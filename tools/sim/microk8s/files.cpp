// The files of the device that say what no command says. Source: facts, microk8s 1.
#include <fmt/core.h>

#include "proto/base/digest.h"
#include "tools/sim/microk8s/certificate.h"
#include "tools/sim/microk8s/kube.h"
#include "tools/sim/microk8s/parts.h"
#include "tools/sim/microk8s/sim_microk8s.h"

namespace kelpie::sim {
namespace {

std::string meminfo(const DeviceState& state) {
  const std::uint64_t total_kb = state.memory_bytes >> 10U;
  return fmt::format("MemTotal:       {:>9} kB\nMemFree:        {:>9} kB\nMemAvailable:   {:>9} kB\n", total_kb,
                     total_kb / 4, total_kb / 2);
}

std::string os_release(const DeviceState& state) {
  if (!state.is_on_classic)
    return "NAME=\"Ubuntu Core\"\nVERSION_ID=\"22\"\nPRETTY_NAME=\"Ubuntu Core 22\"\nID=ubuntu-core\n";
  return "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nID=debian\n";
}

std::string containerd_template(const DeviceState& state) {
  return fmt::format(
      "version = 2\noom_score = 0\n\n[plugins]\n\n  [plugins.\"io.containerd.grpc.v1.cri\"]\n\n"
      "    stream_server_address = \"127.0.0.1\"\n    stream_server_port = \"0\"\n    enable_selinux = false\n"
      "    sandbox_image = \"{}\"\n",
      sandbox_image(state));
}

std::string api_server_arguments(const DeviceState& state) {
  return fmt::format(
      "--cert-dir=${{SNAP_DATA}}/certs\n--service-cluster-ip-range=10.152.183.0/24\n"
      "--authorization-mode={}\n--secure-port=16443\n",
      state.addons.contains("rbac") ? "RBAC,Node" : "AlwaysAllow");
}

std::string host_access(const DeviceState& state) {
  const auto found = state.addon_args.find("host-access");
  if (found == state.addon_args.end()) return {};
  const std::vector<std::string>& args = found->second;
  return args.empty() ? "10.0.1.1" : args.front().substr(args.front().find('=') + 1);
}

/// The kernel's own addresses, as far as anybody asks for them.
std::string routes(const DeviceState& state) {
  std::string text = "Local:\n  +-- 0.0.0.0/0 3 0 5\n";
  for (const std::string& address : {state.kubernetes.address, host_access(state)}) {
    if (!address.empty()) text += fmt::format("     |-- {}\n        /32 host LOCAL\n", address);
  }
  return text;
}

}  // namespace

std::map<std::string, std::string> files_of(const DeviceState& state) {
  std::map<std::string, std::string> files{
      {"/etc/os-release", os_release(state)},
      {"/etc/hostname", state.kubernetes.name + "\n"},
      {"/proc/meminfo", meminfo(state)},
      {"/proc/net/fib_trie", routes(state)},
      {"/proc/sys/kernel/osrelease", "6.8.0-1013-raspi\n"},
      {"/proc/net/route",
       "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
       "eth0\t00000000\t0107A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"},
      {"/sys/class/thermal/thermal_zone0/temp", fmt::format("{}\n", state.temperature_c * 1'000)},
      {"/sys/devices/platform/soc/soc:firmware/get_throttled", fmt::format("{:x}\n", state.throttled)},
      {"/proc/sys/kernel/hostname", state.kubernetes.name + "\n"},
      {"/proc/device-tree/model", state.model + '\0'},
      {"/sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory pids\n"},
  };
  if (!state.snap.is_installed) return files;
  files["/snap/bin/microk8s"] = "";
  const auto put = [&](std::string_view name, std::string text) {
    files[fmt::format("{}/{}", kSnapData, name)] = std::move(text);
  };
  put("args/containerd-template.toml", containerd_template(state));
  put("args/kube-apiserver", api_server_arguments(state));
  put("args/ctr", "--address=${SNAP_COMMON}/run/containerd.sock\n--namespace k8s.io\n");
  put("credentials/client.config", "apiVersion: v1\nclusters:\n- cluster:\n    server: https://127.0.0.1:16443\n");
  put("var/lock/ha-cluster", "");
  for (const std::string_view name :
       {"ca.crt", "front-proxy-ca.crt", "server.crt", "front-proxy-client.crt", "kubelet.crt"}) {
    const CertificateTimes times = certificate_times(state, name);
    if (!times.is_missing) put(fmt::format("certs/{}", name), certificate_pem(times.not_before, times.not_after));
  }
  for (const auto& [name, times] : state.certificates_copy) {
    put(fmt::format("certs-backup/certs/{}", name), certificate_pem(times.not_before, times.not_after));
  }
  for (const std::string& report : state.reports) files[report] = "an archive";
  const Kubernetes& kubernetes = state.kubernetes;
  if (kubernetes.is_stopped) put("var/lock/stopped.lock", "");
  if (kubernetes.is_worker) put("var/lock/clustered.lock", "");
  if (kubernetes.is_low_memory) put("var/lock/low-memory-guard.lock", "");
  if (state.addons.contains("host-access")) put("var/lock/host-access-enabled", host_access(state) + "\n");
  files.insert(state.settings.begin(), state.settings.end());
  return files;
}

void ship_settings(DeviceState& state) {
  // The snap's own, so that pulls of docker.io go to where its registry is.
  state.settings[fmt::format("{}/docker.io/hosts.toml", kMirrorsFolder)] =
      "server = \"https://docker.io\"\n\n[host.\"https://registry-1.docker.io\"]\n"
      "  capabilities = [\"pull\", \"resolve\"]\n";
}

}  // namespace kelpie::sim
