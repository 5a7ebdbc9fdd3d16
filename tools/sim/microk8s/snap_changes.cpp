// What snapd does with a request that it does not refuse: a change that goes on by itself, and what it leaves.
// Source: facts, microk8s 3.2, 3.3, 3.6.
#include <algorithm>

#include <fmt/core.h>

#include "proto/wire/tracks.h"
#include "tools/sim/microk8s/kube.h"
#include "tools/sim/microk8s/parts.h"
#include "tools/sim/microk8s/snapd.h"

namespace kelpie::sim {
namespace {

constexpr std::size_t kRevisionsKept = 2;  // refresh.retain on classic

SnapTask task(std::string_view kind, std::string summary, std::int64_t takes_s) {
  return {.kind = std::string(kind), .summary = std::move(summary), .takes = std::chrono::seconds(takes_s)};
}

/// Order as a real snapd 2.57.6 has it.
std::vector<SnapTask> link_tasks(const SnapRevision& goal, bool is_fetching, bool is_first) {
  const std::string what = fmt::format("snap \"microk8s\" ({})", goal.revision);
  std::vector<SnapTask> tasks;
  tasks.push_back(task("prerequisites", "Ensure prerequisites for \"microk8s\" are available", 1));
  if (is_fetching) {
    tasks.push_back(
        task("download-snap",
             fmt::format("Download snap \"microk8s\" ({}) from channel \"{}\"", goal.revision, goal.channel), 35));
    tasks.push_back(task("validate-snap", fmt::format("Fetch and check assertions for {}", what), 2));
  }
  tasks.push_back(task("prepare-snap", fmt::format("Prepare {}", what), 1));
  tasks.push_back(task("mount-snap", fmt::format("Mount {}", what), 2));
  tasks.push_back(task("copy-snap-data", fmt::format("Copy {} data", what), is_first ? 1 : 10));
  tasks.push_back(task("setup-profiles", fmt::format("Setup {} security profiles", what), 5));
  tasks.push_back(task("link-snap", fmt::format("Make {} available to the system", what), 2));
  tasks.push_back(task("auto-connect", fmt::format("Automatically connect eligible plugs and slots of {}", what), 1));
  tasks.push_back(task("set-auto-aliases", fmt::format("Set automatic aliases for {}", what), 1));
  tasks.push_back(task("setup-aliases", fmt::format("Setup {} aliases", what), 1));
  if (is_first) tasks.push_back(task("run-hook[install]", "Run install hook of \"microk8s\" snap if present", 25));
  tasks.push_back(task("start-snap-services", fmt::format("Start {} services", what), 10));
  tasks.push_back(task("run-hook[configure]", "Run configure hook of \"microk8s\" snap if present", 15));
  tasks.push_back(task("run-hook[check-health]", "Run health check of \"microk8s\" snap", 1));
  return tasks;
}

std::vector<SnapTask> base_tasks(const SnapPackage& package) {
  const std::string what = fmt::format("snap \"{}\" ({})", package.name, package.revision);
  return {task("prerequisites", fmt::format("Ensure prerequisites for \"{}\" are available", package.name), 1),
          task("prepare-snap", fmt::format("Prepare {}", what), 1),
          task("mount-snap", fmt::format("Mount {}", what), 2),
          task("link-snap", fmt::format("Make {} available to the system", what), 1)};
}

std::vector<SnapTask> removal_tasks() {
  return {task("run-hook[remove]", "Run remove hook of \"microk8s\" snap if present", 20),
          task("unlink-snap", "Make snap \"microk8s\" unavailable to the system", 2),
          task("clear-snap", "Remove data for snap \"microk8s\"", 5),
          task("discard-snap", "Remove snap \"microk8s\" from the system", 2)};
}

std::vector<SnapTask> tasks_of(const DeviceState& state, const SnapWish& wish, const SnapRevision& goal) {
  if (wish.action == "install") return link_tasks(goal, true, true);
  if (wish.action == "refresh" && goal.revision != state.snap.now.revision) return link_tasks(goal, true, false);
  if (wish.action == "revert") return link_tasks(goal, false, false);
  if (wish.action == "sideload" && wish.package.name != "microk8s") return base_tasks(wish.package);
  if (wish.action == "sideload") return link_tasks(goal, false, !state.snap.is_installed);
  if (wish.action == "remove") {
    std::vector<SnapTask> tasks{task("stop-snap-services", "Stop snap \"microk8s\" services", 15)};
    // Slow, large, and what fails on a full disk.
    if (!wish.is_purging)
      tasks.push_back(task("save-snapshot", "Save data of snap \"microk8s\" in automatic snapshot", 120));
    for (SnapTask& one : removal_tasks()) tasks.push_back(std::move(one));
    return tasks;
  }
  return {task(wish.action + "-snap", fmt::format("{} snap \"microk8s\"", wish.action), 2)};
}

std::string summary_of(const SnapWish& wish, const SnapRevision& goal) {
  if (wish.action == "install") return fmt::format("Install \"microk8s\" snap from \"{}\" channel", goal.channel);
  if (wish.action == "refresh") return fmt::format("Refresh \"microk8s\" snap from \"{}\" channel", goal.channel);
  if (wish.action == "revert") return "Revert \"microk8s\" snap";
  if (wish.action == "sideload")
    return fmt::format("Install \"{}\" snap from file \"{}\"", wish.package.name, wish.file_name);
  if (wish.action == "remove") return "Remove \"microk8s\" snap";
  return fmt::format("{} of \"microk8s\" snap", wish.action);
}

SnapRevision goal_of(const DeviceState& state, const World& world, const SnapWish& wish) {
  if (wish.action == "install" || wish.action == "refresh" || wish.action == "switch") {
    const std::string& channel = wish.channel.empty() ? state.snap.now.channel : wish.channel;
    SnapRevision goal = world.channels.at(channel);
    goal.channel = channel;
    return goal;
  }
  if (wish.action == "revert") return state.snap.before.back();
  if (wish.action == "sideload") {
    // It follows what was followed before; nothing, the first time.
    return {.channel = state.snap.now.channel,
            .revision = wish.package.revision,
            .version = wish.package.version,
            .confinement = wish.package.confinement};
  }
  SnapRevision goal = state.snap.now;
  if (wish.action == "hold" || wish.action == "hold-system") goal.channel = wish.hold_until;
  if (wish.action == "start" || wish.action == "stop") goal.channel = wish.is_enabling ? "boot" : "";
  return goal;
}

void remove_everything(DeviceState& state) {
  state.snap = {};
  Kubernetes gone;
  gone.name = state.kubernetes.name;
  gone.address = state.kubernetes.address;
  gone.is_low_memory = state.kubernetes.is_low_memory;
  state.kubernetes = gone;
  state.addons.clear();
  state.addon_args.clear();
  for (const auto& [ref, image] : state.images) state.disk.free_bytes += image.bytes;
  state.images.clear();
  state.objects.clear();
  state.copies.clear();
  state.settings.clear();
  state.certificates.clear();
  state.certificates_copy.clear();
  state.snapshots.clear();
  state.reports.clear();
  state.disk.free_bytes = std::min(state.disk.total_bytes, state.disk.free_bytes + kSnapBytes);
}

void use_revision(DeviceState& state, const SnapRevision& goal, SteadyTime now) {
  const bool was_active = state.kubernetes.are_services_active;
  stop_services(state);
  state.snap.now = goal;
  if (was_active) start_services(state, now);
}

void refresh(DeviceState& state, const SnapRevision& goal, SteadyTime now) {
  if (state.snap.now.revision == goal.revision) {
    state.snap.now.channel = goal.channel;
    return;
  }
  const std::string& old = state.snap.now.revision;
  state.copies[old] = {.addons = state.addons,
                       .addon_args = state.addon_args,
                       .objects = state.objects,
                       .settings = state.settings,
                       .certificates = state.certificates};
  state.snap.before.push_back(state.snap.now);
  if (state.snap.before.size() >= kRevisionsKept) {
    state.copies.erase(state.snap.before.front().revision);
    state.snap.before.erase(state.snap.before.begin());
  }
  // Skipping a minor version, or going back by a refresh, breaks the cluster. Source: facts, microk8s 0.17.
  const int before = minor_of(state);
  use_revision(state, goal, now);
  const int after = minor_of(state);
  if (after > before + 1 || after < before) state.kubernetes.is_never_ready = true;
}

/// With the old data: objects made since are lost. The channel that is followed stays the newer one.
void revert(DeviceState& state, SnapRevision goal, SteadyTime now) {
  std::erase_if(state.snap.before, [&](const SnapRevision& one) { return one.revision == goal.revision; });
  if (const auto copy = state.copies.find(goal.revision); copy != state.copies.end()) {
    state.addons = std::move(copy->second.addons);
    state.addon_args = std::move(copy->second.addon_args);
    state.objects = std::move(copy->second.objects);
    state.settings = std::move(copy->second.settings);
    state.certificates = std::move(copy->second.certificates);
    state.copies.erase(copy);
  }
  goal.channel = state.snap.now.channel;
  use_revision(state, goal, now);
}

void install(DeviceState& state, const SnapRevision& goal, SteadyTime now) {
  state.snap = {.is_installed = true, .is_active = true, .now = goal, .before = {}, .hold = {}};
  ship_settings(state);
  state.disk.free_bytes -= std::min(state.disk.free_bytes, kSnapBytes);
  state.kubernetes.are_services_enabled = true;
  state.kubernetes.has_launch_pending = true;
  start_services(state, now);
  add_first_objects(state, state.kubernetes.api_at);
  // Prerequisites, which snapd fetches by itself.
  state.bases.try_emplace("snapd", "23545");
  state.bases.try_emplace(std::string(wire::base_of_track(minor_of(state))), "2434");
}

void apply_change(DeviceState& state, const SnapChange& change, SteadyTime now) {
  const SnapRevision& goal = change.goal;
  if (change.snap != "microk8s") {
    state.bases[change.snap] = goal.revision;
    add_effect(state, fmt::format("installed {} ({}) from a file", change.snap, goal.revision));
  } else if (change.action == "install" || (change.action == "sideload" && !state.snap.is_installed)) {
    install(state, goal, now);
    add_effect(state, fmt::format("installed microk8s {} ({})", goal.channel.empty() ? "from a file" : goal.channel,
                                  goal.revision));
  } else if (change.action == "sideload") {
    refresh(state, goal, now);
    add_effect(state, fmt::format("refreshed microk8s from a file ({})", goal.revision));
  } else if (change.action == "refresh") {
    refresh(state, goal, now);
    add_effect(state, fmt::format("refreshed microk8s to {} ({})", goal.channel, goal.revision));
  } else if (change.action == "revert") {
    revert(state, goal, now);
    add_effect(state, fmt::format("reverted microk8s to {} ({})", goal.version, goal.revision));
  } else if (change.action == "remove") {
    remove_everything(state);
    add_effect(state, "removed microk8s");
  } else if (change.action == "switch") {
    state.snap.now.channel = goal.channel;
    add_effect(state, fmt::format("switched microk8s to {}", goal.channel));
  } else if (change.action == "hold" || change.action == "unhold") {
    state.snap.hold = change.action == "hold" ? goal.channel : "";
    add_effect(state, fmt::format("{} refreshes of microk8s", change.action == "hold" ? "held" : "let go"));
  } else if (change.action == "hold-system") {
    state.system_hold = goal.channel;
    add_effect(state, goal.channel.empty() ? "let go refreshes of every snap" : "held refreshes of every snap");
  } else if (change.action == "start" || change.action == "restart") {
    if (change.action == "restart") stop_services(state);
    state.kubernetes.are_services_enabled = state.kubernetes.are_services_enabled || !goal.channel.empty();
    state.kubernetes.is_stopped = false;  // kubelite's launcher removes it
    start_services(state, now);
    add_effect(state, "snapd started microk8s");
  } else if (change.action == "stop") {
    // Containers run on and no lock is written. Source: facts, microk8s 2.3.
    if (!goal.channel.empty()) state.kubernetes.are_services_enabled = false;
    stop_services(state);
    add_effect(state, "snapd stopped microk8s");
  } else if (change.action == "enable" || change.action == "disable") {
    state.snap.is_active = change.action == "enable";
    if (!state.snap.is_active) stop_services(state);
    if (state.snap.is_active && state.kubernetes.are_services_enabled) start_services(state, now);
    add_effect(state, fmt::format("{}d the microk8s snap", change.action));
  }
}

/// A hook that fails does so by its time limit: 5 minutes of configure, 10 of the others.
std::string failure_of(std::string_view task_kind) {
  if (!task_kind.starts_with("run-hook[")) return "unexpected EOF";
  const std::string_view hook = task_kind.substr(9, task_kind.size() - 10);
  return fmt::format("run hook \"{}\": <exceeded maximum runtime of {}>", hook, hook == "configure" ? "5m0s" : "10m0s");
}

bool lacks_base(const DeviceState& state, const SnapWish& wish) {
  return !wish.package.base.empty() && !state.bases.contains(wish.package.base);
}

Duration until_failure(const SnapChange& change) {
  Duration sum{};
  for (const SnapTask& one : change.tasks) {
    sum += one.takes;
    if (one.kind == change.failing_task) break;
  }
  return sum;
}

std::string task_status(const SnapChange& change, Duration begins, Duration takes, Duration spent) {
  if (change.status == "Doing") {
    if (spent >= begins + takes) return "Done";
    return spent >= begins ? "Doing" : "Do";
  }
  if (change.status == "Done") return "Done";
  const Duration failed_at = until_failure(change);
  if (begins + takes < failed_at) return "Undone";
  return begins < failed_at ? "Error" : "Hold";
}

}  // namespace

SnapAnswer begin_change(DeviceState& state, const World& world, const SnapWish& wish, SteadyTime now) {
  if (SnapRefusal refusal = refusal_of(state, world, wish); refusal.status != 0) return {.refusal = std::move(refusal)};
  SnapChange change;
  change.id = fmt::format("{}", 40 + ++state.changes_made);
  change.action = wish.action;
  change.kind = wish.action == "start" || wish.action == "stop" || wish.action == "restart"
                    ? "service-control"
                    : fmt::format("{}-snap", wish.action == "sideload" ? "install" : wish.action);
  if (!wish.package.name.empty()) change.snap = wish.package.name;
  change.goal = goal_of(state, world, wish);
  change.summary = summary_of(wish, change.goal);
  change.begun_at = now;
  change.tasks = tasks_of(state, wish, change.goal);
  for (SnapTask& one : change.tasks) {
    one.takes = paced(state, one.takes);
    if (!change.failing_task.empty() || !strikes(state, FaultKind::SnapChangeFails, one.kind)) continue;
    change.failing_task = one.kind;
    change.failure = failure_of(one.kind);
  }
  if (lacks_base(state, wish) && strikes(state, FaultKind::SnapStoreUnreachable)) {
    change.failing_task = "prerequisites";
    change.failure = fmt::format(
        "cannot install snap base \"{}\": Post "
        "\"https://api.snapcraft.io/v2/snaps/refresh\": dial tcp: lookup api.snapcraft.io: no "
        "such host",
        wish.package.base);
  }
  const std::string id = change.id;
  state.changes[id] = std::move(change);
  if (state.changes.size() > kChangesKept) {
    state.changes.erase(std::min_element(state.changes.begin(), state.changes.end(), [](const auto& a, const auto& b) {
      return a.second.begun_at < b.second.begun_at;
    }));
  }
  return {.refusal = {}, .change = id};
}

void settle_changes(DeviceState& state, SteadyTime now) {
  for (auto& entry : state.changes) {
    SnapChange& change = entry.second;  // a structured binding cannot be captured below
    if (change.status != "Doing") continue;
    const Duration takes = until_failure(change);
    if (now < change.begun_at + takes) continue;
    if (change.failing_task.empty()) {
      change.status = "Done";
      apply_change(state, change, change.begun_at + takes);
      continue;
    }
    const auto failed = std::find_if(change.tasks.begin(), change.tasks.end(),
                                     [&](const SnapTask& one) { return one.kind == change.failing_task; });
    change.status = "Error";
    change.err = fmt::format("cannot perform the following tasks:\n- {} ({})", failed->summary, change.failure);
    add_effect(state, fmt::format("failed to {} microk8s: {}", change.action, change.failing_task));
  }
}

Json change_json(const SnapChange& change, SteadyTime now) {
  Json tasks = Json::Array{};
  const Duration spent = now - change.begun_at;
  Duration begins{};
  int number = 0;
  for (const SnapTask& one : change.tasks) {
    const std::string status = task_status(change, begins, one.takes, spent);
    const std::int64_t total = one.kind == "download-snap" ? static_cast<std::int64_t>(kSnapBytes) : 1;
    std::int64_t done = status == "Done" ? total : 0;
    if (status == "Doing" && one.takes.count() > 0) done = total * (spent - begins).count() / one.takes.count();
    Json json = Json::Object{
        {"id", fmt::format("{}{}", change.id, ++number)},
        {"kind", one.kind.substr(0, one.kind.find('['))},
        {"summary", one.summary},
        {"status", status},
        {"progress",
         Json::Object{{"label", one.kind == "download-snap" ? "microk8s" : ""}, {"done", done}, {"total", total}}}};
    if (status == "Error") json["log"] = Json::Array{Json(fmt::format("ERROR {}", change.failure))};
    tasks.append(std::move(json));
    begins += one.takes;
  }
  Json json = Json::Object{{"id", change.id},
                           {"kind", change.kind},
                           {"summary", change.summary},
                           {"status", change.status},
                           {"ready", change.status != "Doing"},
                           {"tasks", std::move(tasks)}};
  if (!change.err.empty()) json["err"] = change.err;
  return json;
}

}  // namespace kelpie::sim
