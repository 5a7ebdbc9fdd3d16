// `microk8s enable` and `disable`: what is asked, the lock, the script, what it leaves. Source: facts,
// microk8s 5.1–5.5.
#include <algorithm>
#include <array>
#include <optional>

#include <fmt/core.h>

#include "tools/sim/microk8s/kube.h"
#include "tools/sim/microk8s/parts.h"
#include "tools/sim/microk8s/shell.h"

namespace kelpie::sim {
namespace {

constexpr Duration kApiWaitMax = std::chrono::seconds(30);  // facts, microk8s 5.2
constexpr Duration kApiLook = std::chrono::seconds(1);
constexpr Duration kLockLook{500};
constexpr Duration kLockBusy = std::chrono::seconds(120);
constexpr Duration kApiAway = std::chrono::seconds(20);  // facts, microk8s 10: enable that kills the API for 20 s

struct Script {
  std::string_view addon;
  std::string_view begins;
  std::string_view ends;
  std::string_view disables;
  std::string_view disabled;
  Duration takes;
};
constexpr std::array kScripts{
    Script{"dns", "Enabling DNS\nUsing host configuration from /run/systemd/resolve/resolv.conf\nApplying manifest\n",
           "CoreDNS service deployed with IP address 10.152.183.10\nDNS is enabled\n",
           "Disabling DNS\nReconfiguring kubelet\nRemoving DNS manifest\n", "DNS is disabled\n",
           std::chrono::seconds(12)},
    Script{"hostpath-storage",
           "Enabling default storage class.\n"
           "WARNING: Hostpath storage is not suitable for production environments.\n",
           "Storage will be available soon.\n", "Disabling default storage class.\n", "Storage removed\n",
           std::chrono::seconds(8)},
    Script{"metrics-server", "Enabling Metrics-Server\n", "Metrics-Server is enabled\n", "Disabling Metrics-Server\n",
           "Metrics-Server is disabled\n", std::chrono::seconds(8)},
    Script{"ingress", "Enabling Ingress\n", "Ingress is enabled\n", "Disabling Ingress\n", "Ingress is disabled\n",
           std::chrono::seconds(10)},
    Script{"rbac", "Enabling RBAC\nReconfiguring apiserver\n", "Restarting apiserver\nRBAC is enabled\n",
           "Disabling RBAC\nReconfiguring apiserver\n", "Restarting apiserver\nRBAC is disabled\n",
           std::chrono::seconds(8)},
    Script{"metallb", "Enabling MetalLB\nApplying Metallb manifest\n",
           "Waiting for Metallb controller to be ready.\nMetalLB is enabled\n", "Disabling MetalLB\n",
           "MetalLB is terminated\n", std::chrono::seconds(8)},
    Script{"dashboard", "Enabling Kubernetes Dashboard\nInfer repository core for addon metrics-server\n",
           "Dashboard is enabled\n", "Disabling Dashboard\n", "Dashboard is disabled\n", std::chrono::seconds(10)},
    Script{"registry", "Enabling the private registry\n", "The registry is enabled\n",
           "Disabling the private registry\n", "The registry is disabled\n", std::chrono::seconds(12)},
};

Script script_of(std::string_view addon) {
  if (addon == "storage") addon = "hostpath-storage";
  const auto found =
      std::find_if(kScripts.begin(), kScripts.end(), [&](const Script& script) { return script.addon == addon; });
  if (found != kScripts.end()) return *found;
  return {.addon = addon, .begins = "", .ends = "", .disables = "", .disabled = "", .takes = std::chrono::seconds(15)};
}

struct Target {
  std::string repository;  // empty: to be inferred
  std::string name;
  std::vector<std::string> args;
};

Target target_of(const std::string& word) {
  Target target;
  std::string rest = word;
  if (const auto colon = rest.find(':'); colon != std::string::npos) {
    target.args.push_back(rest.substr(colon + 1));
    rest.resize(colon);
  }
  if (const auto slash = rest.find('/'); slash != std::string::npos) {
    target.repository = rest.substr(0, slash);
    rest.erase(0, slash + 1);
  }
  target.name = rest;
  return target;
}

bool is_available(const std::vector<AddonKind>& addons, std::string_view name) {
  return std::any_of(addons.begin(), addons.end(), [&](const AddonKind& addon) { return addon.name == name; });
}

/// Several names, or one name with its arguments.
std::vector<Target> targets_of(Words words, const std::vector<AddonKind>& addons) {
  std::vector<Target> all;
  for (const std::string& word : words) all.push_back(target_of(word));
  const bool are_names =
      std::all_of(all.begin(), all.end(), [&](const Target& one) { return is_available(addons, one.name); });
  if (all.size() <= 1 || are_names) return all;
  Target first = all.front();
  first.args.insert(first.args.end(), words.begin() + 1, words.end());
  return {first};
}

/// Waits at most 30 s, whatever comes of it. Empty: killed.
std::optional<bool> wait_for_api(Shell& shell) {
  const SteadyTime until = shell.now() + kApiWaitMax;
  while (!shell.with([&](DeviceState& state) { return is_api_up(state, shell.now()); })) {
    if (shell.now() >= until) return false;
    if (!shell.spend(kApiLook)) return std::nullopt;
  }
  return true;
}

int die_without_api(Shell& shell, AddonVerb verb) {
  shell.err(
      fmt::format("Traceback (most recent call last):\n"
                  "  File \"/snap/microk8s/current/scripts/wrappers/{}.py\", line 41, in <module>\n"
                  "subprocess.CalledProcessError: Command '['/snap/microk8s/current/kubectl', "
                  "'--kubeconfig=/var/snap/microk8s/current/credentials/client.config', 'get', 'all,ingress', "
                  "'--all-namespaces']' returned non-zero exit status 1.\n",
                  verb == AddonVerb::Enable ? "enable" : "disable"));
  return 1;
}

class AddonLock {
 public:
  explicit AddonLock(StateCell& cell) : cell_(cell) {}
  ~AddonLock() {
    if (is_taken_) cell_.give_addon_lock();
  }
  AddonLock(const AddonLock&) = delete;
  AddonLock& operator=(const AddonLock&) = delete;
  /// Queues without a word and without an end. False: killed.
  [[nodiscard]] bool take(Shell& shell) {
    if (shell.with([](DeviceState& state) { return strikes(state, FaultKind::AddonLockBusy); }) &&
        !shell.spend(kLockBusy))
      return false;
    while (!(is_taken_ = cell_.take_addon_lock())) {
      if (!shell.spend(kLockLook)) return false;
    }
    return true;
  }

 private:
  StateCell& cell_;
  bool is_taken_ = false;
};

bool is_ip_range(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789.,-/") == std::string::npos &&
         text.find_first_of("-/") != std::string::npos;
}

/// What a script refuses before it does anything. Empty: goes on.
std::optional<int> refuse_arguments(Shell& shell, const Target& target) {
  const std::string first = target.args.empty() ? "" : target.args.front();
  if (target.name == "metallb") {
    shell.out("Enabling MetalLB\n");
    if (first.empty()) {
      shell.out(
          "Enter each IP address range delimited by comma (e.g. "
          "'10.64.140.43-10.64.140.49,192.168.0.105-192.168.0.111'): ");
      return 1;
    }
    if (is_ip_range(first)) return std::nullopt;
    shell.out(fmt::format("Your input value ({}) is not a valid IP Range\n", first));
    return 1;
  }
  if (target.name == "host-access" && !first.empty() && !first.starts_with("ip=")) {
    shell.out(fmt::format("The provided argument is not valid: {}\n", first));
    return 0;
  }
  if (target.name == "host-access" && !first.empty() &&
      first.find_first_not_of("ip=0123456789.") != std::string::npos) {
    shell.out(fmt::format("IP address {} is not valid\n", first.substr(3)));
    return 0;
  }
  return std::nullopt;
}

std::set<std::string> keys_of(const DeviceState& state) {
  std::set<std::string> keys;
  for (const auto& [key, object] : state.objects) keys.insert(key);
  return keys;
}

/// kubectl's lines of what the script applied.
std::string make_effect(DeviceState& state, const Target& target, SteadyTime now) {
  const std::set<std::string> before = keys_of(state);
  add_addon(state, target.name, target.args, now);
  add_effect(state, fmt::format("ran add-on {}", target.name));
  std::string lines;
  for (const auto& [key, object] : state.objects) {
    if (before.contains(key)) continue;
    const KubeKind* const kind = find_kind(object.kind);
    lines += fmt::format("{}/{} created\n", singular_of(*kind), object.name);
  }
  // These write the API server's arguments, which restarts it.
  constexpr Duration kRestart = std::chrono::seconds(10);
  if (target.name == "rbac") state.kubernetes.api_down_until = now + paced(state, kRestart);
  if (strikes(state, FaultKind::ApiFlapsAfterEnable, target.name)) state.kubernetes.api_down_until = now + kApiAway;
  return lines;
}

bool is_controller_up(Shell& shell) {
  return shell.with([&](DeviceState& state) {
    const auto found = state.objects.find("Deployment/metallb-system/controller");
    return found != state.objects.end() && found->second.ready_at && *found->second.ready_at <= shell.now();
  });
}

int enable_script(Shell& shell, const Target& target) {
  const Script script = script_of(target.name);
  enum class Fate { Works, Lies, Endless, Fails };
  const Fate fate = shell.with([&](DeviceState& state) {
    if (strikes(state, FaultKind::AddonEndless, target.name)) return Fate::Endless;
    if (strikes(state, FaultKind::AddonWithoutEffect, target.name)) return Fate::Lies;
    return strikes(state, FaultKind::AddonFails, target.name) ? Fate::Fails : Fate::Works;
  });
  if (const std::optional<int> code = refuse_arguments(shell, target)) return *code;
  const std::string_view begins = script.begins;
  shell.out(target.name == "metallb" ? begins.substr(begins.find('\n') + 1) : begins);
  if (fate == Fate::Endless) return shell.hang();
  if (!shell.spend(script.takes)) return kKilled;
  if (fate == Fate::Fails) {
    shell.err("error: error when creating \"STDIN\": Internal error occurred: resource quota evaluation timed out\n");
    return 1;
  }
  if (fate == Fate::Works)
    shell.out(shell.with([&](DeviceState& state) { return make_effect(state, target, shell.now()); }));
  if (target.name == "metallb" && fate == Fate::Works) {
    shell.out("Waiting for Metallb controller to be ready.\n");
    while (!is_controller_up(shell)) {
      if (!shell.spend(kApiLook)) return kKilled;
    }
    shell.out("MetalLB is enabled\n");
    return 0;
  }
  shell.out(script.ends);
  return 0;
}

int disable_script(Shell& shell, const Target& target) {
  const Script script = script_of(target.name);
  if (target.name == "ha-cluster" && target.args != std::vector<std::string>{"--force"}) {
    shell.err("Aborting: disabling HA on a single node destroys its data, use --force\n");
    return kUsage;
  }
  shell.out(script.disables);
  if (!shell.spend(script.takes)) return kKilled;
  shell.with([&](DeviceState& state) {
    remove_addon(state, target.name);
    add_effect(state, fmt::format("disabled add-on {}", target.name));
  });
  const bool is_storage = target.name == "hostpath-storage" || target.name == "storage";
  if (is_storage && (target.args.empty() || target.args.front() != "destroy-storage")) {
    shell.out("Remove PVC storage at /var/snap/microk8s/common/default-storage ? (Y/N): ");
    return 1;  // nobody at standard input, and the provisioner is gone already
  }
  shell.out(script.disabled);
  return 0;
}

int change_addon(Shell& shell, const Target& target, AddonVerb verb) {
  const bool is_enabled = shell.with([&](DeviceState& state) { return is_addon_enabled(state, target.name); });
  if (is_enabled == (verb == AddonVerb::Enable)) {
    shell.out(fmt::format("Addon {}/{} is already {}\n", target.repository, target.name,
                          is_enabled ? "enabled" : "disabled"));
    return 0;
  }
  const int code = verb == AddonVerb::Enable ? enable_script(shell, target) : disable_script(shell, target);
  if (code == kKilled || !wait_for_api(shell)) return kKilled;
  return code;
}

int one_addon(Shell& shell, Target target, const std::vector<AddonKind>& addons, AddonVerb verb) {
  const bool is_known = is_available(addons, target.name);
  if (target.repository.empty()) {
    if (!is_known) {
      shell.err(fmt::format("Addon {} was not found in any repository\n", target.name));
      return 1;
    }
    target.repository = "core";
    shell.err(fmt::format("Infer repository core for addon {}\n", target.name));
  } else if (target.repository != "core" || !is_known) {
    shell.out(fmt::format("Addon {}/{} not found\n", target.repository, target.name));
    return 0;
  }
  return change_addon(shell, target, verb);
}

/// Empty: goes on.
std::optional<int> refuse_by_state(Shell& shell) {
  const Kubernetes kubernetes = shell.with([](DeviceState& state) { return state.kubernetes; });
  if (kubernetes.is_worker) {
    shell.out("This MicroK8s deployment is acting as a node in a cluster.\nPlease use the master node.\n");
    return 1;
  }
  if (!kubernetes.is_stopped) return std::nullopt;
  shell.err(kStoppedText);
  return 1;
}

}  // namespace

int run_addon(Shell& shell, Words words, AddonVerb verb) {
  if (const std::optional<int> code = refuse_by_state(shell)) return *code;
  const std::string_view name = verb == AddonVerb::Enable ? "enable" : "disable";
  if (words.empty()) {
    shell.err(
        fmt::format("Usage: microk8s {0} [OPTIONS] ADDONS...\nTry 'microk8s {0} --help' for help.\n\n"
                    "Error: Missing argument 'ADDONS...'.\n",
                    name));
    return kUsage;
  }
  const std::optional<bool> is_up = wait_for_api(shell);
  if (!is_up) return kKilled;
  if (!*is_up) return die_without_api(shell, verb);
  AddonLock lock(shell.cell());
  if (!lock.take(shell)) return kKilled;
  const std::vector<AddonKind> addons = shell.with([](DeviceState& state) { return core_addons(state); });
  const std::vector<Target> targets = targets_of(words, addons);
  if (targets.size() > 1) {
    shell.out(
        "WARNING: Do not enable or disable multiple addons in one command.\n"
        "         This form of chained operations on addons will be DEPRECATED in the future.\n"
        "         Please, enable one addon at a time: 'microk8s enable <addon>'\n");
  }
  for (const Target& target : targets) {
    if (const int code = one_addon(shell, target, addons, verb); code != 0) return code;
  }
  return 0;
}

int run_addons_listing(Shell& shell, Words words) {
  const bool is_list = words.size() >= 2 && words[0] == "repo" && words[1] == "list";
  if (!is_list) {
    shell.err("Usage: microk8s addons repo list [--format [table|json]]\n");
    return kUsage;
  }
  const std::size_t count = shell.with([](DeviceState& state) { return core_addons(state).size(); });
  Json repositories;
  repositories.append(Json::Object{{"name", "core"},
                                   {"addons", count},
                                   {"source", "(built-in)"},
                                   {"description", "List of all addons included in Microk8s."}});
  shell.out(repositories.dump() + "\n");
  return 0;
}

}  // namespace kelpie::sim
