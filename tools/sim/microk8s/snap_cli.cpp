// `snap`, over the same changes as the socket. Source: facts, microk8s 3.1.
#include <algorithm>

#include <fmt/core.h>

#include "tools/sim/microk8s/parts.h"
#include "tools/sim/microk8s/shell.h"
#include "tools/sim/microk8s/snapd.h"

namespace kelpie::sim {
namespace {

constexpr int kRetryLater = 10;
constexpr int kUnknownFlag = 64;
constexpr Duration kChangeLook{500};

struct SnapWords {
  std::vector<std::string> names;
  SnapWish wish;
  bool is_waiting = true;
  std::string unknown;
};

SnapWords parse_snap(Words words) {
  SnapWords asked;
  for (const std::string& word : words) {
    const auto equals = word.find('=');
    const std::string value = equals == std::string::npos ? "" : word.substr(equals + 1);
    const std::string name = word.substr(0, equals);
    if (!word.starts_with("--")) {
      asked.names.push_back(word);
    } else if (name == "--channel") {
      asked.wish.channel = value;
    } else if (name == "--revision") {
      asked.wish.revision = value;
    } else if (name == "--classic") {
      asked.wish.is_classic = true;
    } else if (name == "--hold") {
      asked.wish.action = "hold";
      asked.wish.hold_until = value.empty() ? "forever" : value;
    } else if (name == "--unhold") {
      asked.wish.action = "unhold";
    } else if (name == "--no-wait") {
      asked.is_waiting = false;
    } else if (name == "--enable" || name == "--disable") {
      asked.wish.is_enabling = true;
    } else if (name == "--purge") {
      asked.wish.is_purging = true;
    } else {
      asked.unknown = name.substr(2);
    }
  }
  return asked;
}

int fail_snap(Shell& shell, std::string_view text, int code = 1) {
  shell.err(fmt::format("error: {}\n", text));
  return code;
}

int list_snaps(Shell& shell) {
  const DeviceState state = shell.with([](DeviceState& now) { return now; });
  if (!state.snap.is_installed) return fail_snap(shell, "no matching snaps installed");
  std::string notes = state.snap.now.confinement == "classic" ? "classic" : "";
  if (!state.snap.is_active) notes += notes.empty() ? "disabled" : ",disabled";
  if (!state.snap.hold.empty()) notes += notes.empty() ? "held" : ",held";
  const SnapRevision& now = state.snap.now;
  shell.out(
      fmt::format("Name      Version  Rev   Tracking     Publisher   Notes\n"
                  "microk8s  {:<7}  {:<4}  {:<11}  canonical✓  {}\n",
                  now.version, now.revision, now.channel, notes.empty() ? "-" : notes));
  return 0;
}

int list_changes(Shell& shell) {
  const std::map<std::string, SnapChange> changes = shell.with([](DeviceState& state) { return state.changes; });
  if (changes.empty()) {
    shell.err("no changes found\n");
    return 0;
  }
  shell.out("ID   Status  Spawn               Ready               Summary\n");
  for (const auto& [id, change] : changes) {
    shell.out(fmt::format("{:<4} {:<7} today at 00:42 UTC  {}  {}\n", id, change.status,
                          change.status == "Doing" ? "-                 " : "today at 00:43 UTC", change.summary));
  }
  return 0;
}

/// rc 0 with the message on standard error: nothing was done.
std::optional<int> nothing_to_do(Shell& shell, const SnapRefusal& refusal) {
  if (refusal.kind == "snap-already-installed") {
    shell.err("snap \"microk8s\" is already installed, see 'snap help refresh'\n");
    return 0;
  }
  if (refusal.kind == "snap-no-update-available") {
    shell.err("snap \"microk8s\" has no updates available\n");
    return 0;
  }
  return std::nullopt;
}

int refuse(Shell& shell, const SnapWish& wish, const SnapRefusal& refusal) {
  if (const std::optional<int> code = nothing_to_do(shell, refusal)) return *code;
  if (refusal.kind == "snap-not-installed" && wish.action == "remove") {
    shell.err("snap \"microk8s\" is not installed\n");
    return 0;
  }
  if (refusal.kind == "snap-change-conflict") return fail_snap(shell, refusal.message, kRetryLater);
  if (refusal.kind == "snap-needs-classic") {
    return fail_snap(shell,
                     "This revision of snap \"microk8s\" was published using classic confinement and thus may perform\n"
                     "arbitrary system changes outside of the security sandbox that snaps are usually confined to,\n"
                     "which may put your system at risk.\n\n"
                     "If you understand and want to proceed repeat the command including --classic.");
  }
  if (refusal.kind == "snap-channel-not-available") {
    return fail_snap(shell, fmt::format("snap \"microk8s\" is not available on {} but is available to install on the "
                                        "following channels:\n\n       1.32/stable  snap install --channel=1.32/stable "
                                        "microk8s",
                                        wish.channel));
  }
  if (refusal.message.find("no such host") != std::string::npos)
    return fail_snap(shell, "unable to contact snap store");
  return fail_snap(shell, refusal.message);
}

std::string success(const SnapWish& wish, const DeviceState& state) {
  const SnapRevision& now = state.snap.now;
  const std::string shown = now.channel == "latest/stable" ? "" : fmt::format(" ({})", now.channel);
  if (wish.action == "install") return fmt::format("microk8s{} {} from Canonical✓ installed\n", shown, now.version);
  if (wish.action == "refresh") return fmt::format("microk8s{} {} from Canonical✓ refreshed\n", shown, now.version);
  if (wish.action == "revert") return fmt::format("microk8s reverted to {}\n", now.version);
  if (wish.action == "remove")
    return wish.is_purging ? "microk8s removed\n" : "microk8s removed (snap data snapshot saved)\n";
  if (wish.action == "start") return "Started.\n";
  if (wish.action == "stop") return "Stopped.\n";
  if (wish.action == "unhold") return "Removed general refresh hold of \"microk8s\"\n";
  if (wish.action == "hold") {
    return wish.hold_until == "forever"
               ? "General refreshes of \"microk8s\" held indefinitely\n"
               : fmt::format("General refreshes of \"microk8s\" held until {}\n", wish.hold_until);
  }
  return fmt::format("microk8s {}d\n", wish.action);
}

int change_snap(Shell& shell, const SnapWords& asked) {
  const SnapAnswer answer =
      shell.with([&](DeviceState& state) { return begin_change(state, shell.world(), asked.wish, shell.now()); });
  if (answer.refusal.status != 0) return refuse(shell, asked.wish, answer.refusal);
  if (!asked.is_waiting) {
    shell.out(answer.change + "\n");
    return 0;
  }
  for (;;) {
    const SnapChange change = shell.with([&](DeviceState& state) { return state.changes.at(answer.change); });
    if (change.status == "Done") break;
    if (change.status != "Doing") return fail_snap(shell, change.err);
    if (!shell.spend(kChangeLook)) return kKilled;
  }
  shell.out(shell.with([&](DeviceState& state) { return success(asked.wish, state); }));
  return 0;
}

}  // namespace

int run_snap(Shell& shell, Words words) {
  if (words.empty()) return fail_snap(shell, "please specify one command", kUnknownFlag);
  const std::string& verb = words[0];
  SnapWords asked = parse_snap(words.subspan(1));
  if (!asked.unknown.empty()) return fail_snap(shell, fmt::format("unknown flag `{}'", asked.unknown), kUnknownFlag);
  if (verb == "list") return list_snaps(shell);
  if (verb == "changes") return list_changes(shell);
  if (verb == "version") {
    const std::string version = shell.with([](DeviceState& state) { return state.snapd_version; });
    shell.out(fmt::format("snap    {0}\nsnapd   {0}\nseries  16\n", version));
    return 0;
  }
  if (verb == "wait") return 0;
  const bool is_known = verb == "install" || verb == "refresh" || verb == "revert" || verb == "remove" ||
                        verb == "start" || verb == "stop" || verb == "enable" || verb == "disable" || verb == "switch";
  if (!is_known) return fail_snap(shell, fmt::format("unknown command \"{}\", see 'snap help'", verb), kUnknownFlag);
  if (asked.names != std::vector<std::string>{"microk8s"})
    return fail_snap(shell, fmt::format("snap \"{}\" not found", asked.names.empty() ? "" : asked.names[0]));
  const bool is_holding = asked.wish.action == "hold" || asked.wish.action == "unhold";
  const bool can_hold = shell.with([](DeviceState& state) { return state.snapd_version >= "2.58"; });
  if (is_holding && !can_hold)
    return fail_snap(shell, fmt::format("unknown flag `{}'", asked.wish.action), kUnknownFlag);
  if (asked.wish.action.empty()) asked.wish.action = verb;
  return change_snap(shell, asked);
}

}  // namespace kelpie::sim
