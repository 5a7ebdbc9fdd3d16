// `microk8s` and its subcommands that steer the node. Source: facts, microk8s 2.
#include <algorithm>
#include <array>
#include <optional>

#include <fmt/core.h>

#include "tools/sim/microk8s/kube.h"
#include "tools/sim/microk8s/parts.h"
#include "tools/sim/microk8s/shell.h"

namespace kelpie::sim {
namespace {

constexpr int kCommandNotFound = 127;
constexpr Duration kStartWaitMax = std::chrono::seconds(60);  // facts, microk8s 2.2
constexpr Duration kProbeEvery = std::chrono::seconds(2);

constexpr std::array kSubcommands{std::string_view("add-node"),
                                  std::string_view("addons"),
                                  std::string_view("config"),
                                  std::string_view("ctr"),
                                  std::string_view("dashboard-proxy"),
                                  std::string_view("dbctl"),
                                  std::string_view("disable"),
                                  std::string_view("enable"),
                                  std::string_view("helm"),
                                  std::string_view("helm3"),
                                  std::string_view("images"),
                                  std::string_view("inspect"),
                                  std::string_view("istioctl"),
                                  std::string_view("join"),
                                  std::string_view("kubectl"),
                                  std::string_view("leave"),
                                  std::string_view("linkerd"),
                                  std::string_view("refresh-certs"),
                                  std::string_view("remove-node"),
                                  std::string_view("reset"),
                                  std::string_view("start"),
                                  std::string_view("status"),
                                  std::string_view("stop"),
                                  std::string_view("version")};

std::string help() {
  std::string text = "Available subcommands are:\n";
  for (const std::string_view name : kSubcommands) text += fmt::format("\t{}\n", name);
  return text;
}

bool is_known(std::string_view name) {
  return std::find(kSubcommands.begin(), kSubcommands.end(), name) != kSubcommands.end();
}

int run_start(Shell& shell, Words words) {
  if (!words.empty() && words[0] != "--disable-low-memory-guard") {
    shell.err(fmt::format("microk8s start: invalid option -- {}\n", words[0]));
    return 1;
  }
  enum class Begun { Done, Worker, LowMemory, Failed };
  const Begun begun = shell.with([&](DeviceState& state) {
    Kubernetes& kubernetes = state.kubernetes;
    if (kubernetes.is_worker) return Begun::Worker;
    if (!words.empty()) kubernetes.is_low_memory = false;
    if (kubernetes.is_low_memory) return Begun::LowMemory;
    if (strikes(state, FaultKind::StartFails)) return Begun::Failed;
    const bool was_stopped = kubernetes.is_stopped || !kubernetes.are_services_active;
    kubernetes.is_stopped = false;
    kubernetes.are_services_enabled = true;
    start_services(state, shell.now());
    if (was_stopped) add_effect(state, "started microk8s");
    return Begun::Done;
  });
  if (begun == Begun::Worker) {
    shell.out(kWorkerText);
    return 0;
  }
  if (begun == Begun::LowMemory) {
    shell.out(kLowMemoryText);
    return 1;
  }
  if (begun == Begun::Failed) {
    shell.out("Failed to start microk8s services. Check snapd logs with \"journalctl -u snapd.service\"\n");
    return 1;
  }
  // Waits for a node, and says nothing when none came.
  const SteadyTime until = shell.now() + kStartWaitMax;
  while (shell.now() < until) {
    if (shell.with([&](DeviceState& state) { return is_api_up(state, shell.now()); })) return 0;
    if (!shell.spend(kProbeEvery)) return kKilled;
  }
  return 0;
}

int run_stop(Shell& shell) {
  if (shell.with([](DeviceState& state) { return state.kubernetes.is_worker; })) {
    shell.out(kWorkerText);
    return 0;
  }
  if (!shell.spend(std::chrono::seconds(8))) return kKilled;
  const bool is_strict = shell.with([](DeviceState& state) {
    const bool was_active = state.kubernetes.are_services_active;
    if (!strikes(state, FaultKind::StopLeavesServices)) {
      stop_services(state);
      state.kubernetes.are_services_enabled = false;
    }
    state.kubernetes.is_stopped = true;
    if (was_active) add_effect(state, "stopped microk8s");
    return state.snap.now.confinement == "strict";
  });
  if (!shell.spend(std::chrono::seconds(4))) return kKilled;
  constexpr int kTwiceSince = 30;
  const bool is_twice = shell.with([](DeviceState& state) { return minor_of(state) >= kTwiceSince; });
  if (!is_strict) shell.out(is_twice ? "Stopped.\nStopped.\n" : "Stopped.\n");
  return 0;
}

/// YYYYmmdd_HHMMSS
std::string report_time(SteadyTime now) {
  std::string text = wall_text(now);
  std::erase_if(text, [](char c) { return c == '-' || c == ':' || c == 'Z'; });
  std::replace(text.begin(), text.end(), 'T', '_');
  return text;
}

int run_inspect(Shell& shell) {
  if (!shell.spend(std::chrono::seconds(20))) return kKilled;
  struct Seen {
    bool is_active = false;
    std::string report;
  };
  const Seen seen = shell.with([&](DeviceState& state) {
    std::string report = fmt::format("/var/snap/microk8s/{}/inspection-report-{}.tar.gz", state.snap.now.revision,
                                     report_time(shell.now()));
    state.reports.push_back(report);
    add_effect(state, "wrote an inspection report");
    return Seen{.is_active = state.kubernetes.are_services_active, .report = std::move(report)};
  });
  shell.out("Inspecting system\nInspecting Certificates\nInspecting services\n");
  for (const std::string_view service : {"daemon-cluster-agent", "daemon-containerd", "daemon-kubelite",
                                         "daemon-k8s-dqlite", "daemon-apiserver-kicker"}) {
    if (seen.is_active) {
      shell.out(fmt::format("  Service snap.microk8s.{} is running\n", service));
    } else {
      shell.out(fmt::format("\033[0;31m FAIL: \033[0m Service snap.microk8s.{} is not running\n", service));
    }
  }
  shell.out("Building the report tarball\n");
  shell.out(fmt::format("  Report tarball is at {}{}\n", shell.world().root, seen.report));
  return seen.is_active ? 0 : 1;
}

int run_version(Shell& shell) {
  const SnapRevision now = shell.with([](DeviceState& state) { return state.snap.now; });
  shell.out(fmt::format("MicroK8s {} revision {}\n", now.version, now.revision));
  return 0;
}

int run_config(Shell& shell, Words words) {
  const bool is_loopback = !words.empty() && (words[0] == "-l" || words[0] == "--use-loopback");
  const std::string address = shell.with([](DeviceState& state) { return state.kubernetes.address; });
  shell.out(
      fmt::format("apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: LS0t\n"
                  "    server: https://{}:16443\n  name: microk8s-cluster\ncontexts:\n- context:\n"
                  "    cluster: microk8s-cluster\n    user: admin\n  name: microk8s\ncurrent-context: microk8s\n"
                  "kind: Config\npreferences: {{}}\nusers:\n- name: admin\n  user:\n"
                  "    client-certificate-data: LS0t\n    client-key-data: LS0t\n",
                  is_loopback ? "127.0.0.1" : address));
  return 0;
}

/// What goes through sudo on classic, even for root. Source: facts, microk8s 0.9.
bool needs_sudo(std::string_view name) {
  return name == "start" || name == "stop" || name == "ctr" || name == "inspect" || name == "images" ||
         name == "enable" || name == "disable" || name == "refresh-certs";
}

/// What ends every subcommand before it begins. Empty: nothing.
std::optional<int> refuse_early(Shell& shell, std::string_view name) {
  if (shell.with([&](DeviceState& state) { return strikes(state, FaultKind::Hang, name); })) return shell.hang();
  if (shell.with([&](DeviceState& state) { return strikes(state, FaultKind::PermissionDenied, name); })) {
    const bool is_strict = shell.with([](DeviceState& state) { return state.snap.now.confinement == "strict"; });
    const std::string_view group = is_strict ? "snap_microk8s" : "microk8s";
    shell.err(
        fmt::format("Insufficient permissions to access MicroK8s.\n"
                    "You can either try again with sudo or add the user kelpie to the '{0}' group:\n\n"
                    "    sudo usermod -a -G {0} kelpie\n    sudo chown -R kelpie ~/.kube\n\n"
                    "After this, reload the user groups either via a reboot or by running 'newgrp {0}'.\n",
                    group));
    return 1;
  }
  const bool lacks_sudo = needs_sudo(name) && shell.with([](DeviceState& state) {
    return state.snap.now.confinement == "classic" && strikes(state, FaultKind::SudoMissing);
  });
  if (!lacks_sudo) return std::nullopt;
  shell.err(fmt::format("/snap/microk8s/current/microk8s-{}.wrapper: line 45: sudo: command not found\n", name));
  return kCommandNotFound;
}

int dispatch(Shell& shell, std::string_view name, Words rest) {
  if (name == "status") return run_status(shell, rest);
  if (name == "start") return run_start(shell, rest);
  if (name == "stop") return run_stop(shell);
  if (name == "enable") return run_addon(shell, rest, AddonVerb::Enable);
  if (name == "disable") return run_addon(shell, rest, AddonVerb::Disable);
  if (name == "addons") return run_addons_listing(shell, rest);
  if (name == "kubectl") return run_kubectl(shell, rest);
  if (name == "ctr") return run_ctr(shell, rest);
  if (name == "images") return run_images(shell, rest);
  if (name == "version") return run_version(shell);
  if (name == "config") return run_config(shell, rest);
  if (name == "inspect") return run_inspect(shell);
  if (name == "refresh-certs") return run_refresh_certs(shell, rest);
  if (name == "dbctl") return run_dbctl(shell, rest);
  shell.err(fmt::format("microk8s {}: this model of a device does not have it\n", name));
  return 1;
}

}  // namespace

int run_microk8s(Shell& shell, Words words) {
  if (words.empty()) {
    shell.out(help());
    return 1;
  }
  if (!is_known(words[0])) {
    shell.out(fmt::format("'{}' is not a valid MicroK8s subcommand.\n{}", words[0], help()));
    return 1;
  }
  if (const std::optional<int> code = refuse_early(shell, words[0])) return *code;
  return dispatch(shell, words[0], words.subspan(1));
}

}  // namespace kelpie::sim
