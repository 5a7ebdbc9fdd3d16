// `microk8s status`: the order of its decisions and its three formats. Source: facts, microk8s 2.1 and 10.
#include <charconv>
#include <optional>

#include <fmt/core.h>

#include "tools/sim/microk8s/kube.h"
#include "tools/sim/microk8s/parts.h"
#include "tools/sim/microk8s/shell.h"

namespace kelpie::sim {
namespace {

constexpr Duration kProbe{900};                                // chosen: two kubectl calls on a Pi
constexpr Duration kProbeOfNothing = std::chrono::seconds(3);  // the API server does not answer
constexpr Duration kBetweenProbes = std::chrono::seconds(2);   // facts, microk8s 2.1
constexpr std::string_view kUsageText =
    "usage: microk8s status [-h] [--format {pretty,yaml,short}] [-w] [-t TIMEOUT]\n"
    "                       [-a ADDON] [--yaml]\n";
constexpr std::string_view kNotReadyText = "microk8s is not running. Use microk8s inspect for a deeper inspection.";

struct StatusWords {
  std::string format = "pretty";
  bool is_waiting = false;
  std::int64_t timeout_s = 0;
  std::string addon;
  std::string wrong;
};

StatusWords parse_status(Words words) {
  StatusWords asked;
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::string word = words[i];
    std::optional<std::string> value;
    if (const auto equals = word.find('='); word.starts_with("--") && equals != std::string::npos) {
      value = word.substr(equals + 1);
      word.resize(equals);
    }
    const auto take = [&] {
      if (value) return *value;
      return i + 1 < words.size() ? words[++i] : std::string();
    };
    if (word == "--format") {
      asked.format = take();
      if (asked.format != "pretty" && asked.format != "yaml" && asked.format != "short") {
        asked.wrong = fmt::format("argument --format: invalid choice: '{}' (choose from 'pretty', 'yaml', 'short')",
                                  asked.format);
      }
    } else if (word == "--wait-ready" || word == "-w") {
      asked.is_waiting = true;
    } else if (word == "--timeout" || word == "-t") {
      const std::string text = take();
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), asked.timeout_s);
      if (error != std::errc() || end != text.data() + text.size())
        asked.wrong = fmt::format("argument -t/--timeout: invalid int value: '{}'", text);
    } else if (word == "--addon" || word == "-a") {
      asked.addon = take();
    } else if (word == "--yaml") {
      asked.format = "yaml";
    } else {
      asked.wrong = fmt::format("unrecognized arguments: {}", word);
    }
  }
  return asked;
}

/// Rows 2 to 4 of the table: decided before the arguments are looked at.
std::optional<int> decided_by_locks(Shell& shell) {
  const Kubernetes kubernetes = shell.with([](DeviceState& state) { return state.kubernetes; });
  if (kubernetes.is_worker) {
    shell.out(kWorkerText);
    return 0;
  }
  if (kubernetes.is_low_memory) {
    shell.out(kLowMemoryText);
    return 1;
  }
  if (kubernetes.is_stopped) {
    shell.out(kStoppedText);
    return 0;
  }
  return std::nullopt;
}

/// " Ready " with both blanks in a listing: a cordoned node is not that.
bool looks_ready(const DeviceState& state, SteadyTime now) {
  return is_node_ready(state, now) && !state.kubernetes.is_cordoned;
}

enum class Probe { Ready, NotReady, Killed };

Probe probe(Shell& shell, const StatusWords& asked) {
  const SteadyTime begun_at = shell.now();
  for (;;) {
    const bool is_up = shell.with([&](DeviceState& state) { return is_api_up(state, shell.now()); });
    if (!shell.spend(is_up ? kProbe : kProbeOfNothing)) return Probe::Killed;
    if (shell.with([&](DeviceState& state) { return looks_ready(state, shell.now()); })) return Probe::Ready;
    if (!asked.is_waiting) return Probe::NotReady;
    const bool has_end = asked.timeout_s > 0;
    if (has_end && shell.now() - begun_at > std::chrono::seconds(asked.timeout_s)) return Probe::NotReady;
    if (!shell.spend(kBetweenProbes)) return Probe::Killed;
  }
}

struct Listing {
  std::vector<AddonKind> enabled;
  std::vector<AddonKind> disabled;
};

Listing listing_of(const DeviceState& state) {
  Listing listing;
  for (const AddonKind& addon : core_addons(state))
    (is_addon_enabled(state, addon.name) ? listing.enabled : listing.disabled).push_back(addon);
  return listing;
}

std::string_view plain_name(std::string_view addon) {
  return addon.starts_with("core/") ? addon.substr(5) : addon;
}

void print_pretty(Shell& shell, const Listing& listing) {
  shell.out(
      "microk8s is running\nhigh-availability: no\n  datastore master nodes: 127.0.0.1:19001\n"
      "  datastore standby nodes: none\naddons:\n");
  for (const bool is_enabled : {true, false}) {
    const std::vector<AddonKind>& addons = is_enabled ? listing.enabled : listing.disabled;
    if (addons.empty()) continue;
    shell.out(is_enabled ? "  enabled:\n" : "  disabled:\n");
    for (const AddonKind& addon : addons)
      shell.out(fmt::format("    {:<20} # (core) {}\n", addon.name, addon.description));
  }
}

void print_short(Shell& shell, const Listing& listing) {
  shell.out("microk8s is running\naddons:\n");
  for (const AddonKind& addon : listing.enabled) shell.out(fmt::format("core/{}: enabled\n", addon.name));
  for (const AddonKind& addon : listing.disabled) shell.out(fmt::format("core/{}: disabled\n", addon.name));
}

void print_yaml_head(Shell& shell, std::string_view is_running) {
  shell.out(
      fmt::format("microk8s:\n  running: {}\nhigh-availability:\n  enabled: True\n  nodes:\n"
                  "    - address: 127.0.0.1:19001\n      role: voter\n",
                  is_running));
}

void print_yaml(Shell& shell, const Listing& listing) {
  print_yaml_head(shell, "True");
  shell.out("addons:\n");
  for (const bool is_enabled : {true, false}) {
    for (const AddonKind& addon : is_enabled ? listing.enabled : listing.disabled) {
      shell.out(fmt::format(
          "  - name: {}\n    repository: core\n    description: {}\n    version: {}\n    status: {}\n", addon.name,
          addon.description, addon.version.empty() ? " " : addon.version, is_enabled ? "enabled" : "disabled"));
    }
  }
}

int say_not_ready(Shell& shell, const StatusWords& asked) {
  if (!asked.addon.empty()) {
    shell.out("disabled\n");
  } else if (asked.format == "yaml") {
    print_yaml_head(shell, "False");
    shell.out(fmt::format("  message: {}\n", kNotReadyText));
  } else {
    shell.out(fmt::format("{}\n", kNotReadyText));
  }
  return 1;
}

int die_of_traceback(Shell& shell) {
  shell.err(
      "Traceback (most recent call last):\n"
      "  File \"/snap/microk8s/current/scripts/wrappers/status.py\", line 227, in <module>\n"
      "    enabled, disabled = get_status(available_addons, isReady)\n"
      "subprocess.CalledProcessError: Command '['/snap/microk8s/current/kubectl', "
      "'--kubeconfig=/var/snap/microk8s/current/credentials/client.config', 'get', 'all,ingress', "
      "'--all-namespaces']' returned non-zero exit status 1.\n");
  return 1;
}

}  // namespace

int run_status(Shell& shell, Words words) {
  if (const std::optional<int> code = decided_by_locks(shell)) return *code;
  const StatusWords asked = parse_status(words);
  if (!asked.wrong.empty()) {
    shell.err(fmt::format("{}microk8s status: error: {}\n", kUsageText, asked.wrong));
    return kUsage;
  }
  const Probe probed = probe(shell, asked);
  if (probed == Probe::Killed) return kKilled;
  if (probed == Probe::NotReady) return say_not_ready(shell, asked);
  if (shell.with([](DeviceState& state) { return strikes(state, FaultKind::Traceback); }))
    return die_of_traceback(shell);
  const Listing listing = shell.with([](DeviceState& state) { return listing_of(state); });
  if (!asked.addon.empty()) {
    const bool is_enabled =
        shell.with([&](DeviceState& state) { return is_addon_enabled(state, plain_name(asked.addon)); });
    shell.out(is_enabled ? "enabled\n" : "disabled\n");
  } else if (asked.format == "short") {
    print_short(shell, listing);
  } else if (asked.format == "yaml") {
    print_yaml(shell, listing);
  } else {
    print_pretty(shell, listing);
  }
  return 0;
}

}  // namespace kelpie::sim
