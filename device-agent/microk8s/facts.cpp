// What the device says about itself: cheap enough to be asked again and again, so one listing answers several
// questions.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/core.h>

#include "device-agent/microk8s/addon_proofs.h"
#include "device-agent/microk8s/channel.h"
#include "device-agent/microk8s/commands.h"
#include "device-agent/microk8s/containerd.h"
#include "device-agent/microk8s/health.h"
#include "device-agent/microk8s/machine.h"
#include "device-agent/microk8s/node.h"
#include "device-agent/microk8s/objects.h"
#include "device-agent/microk8s/steps.h"

namespace kelpie::agent {
namespace {

constexpr std::size_t kListMax = 64;      // report.proto
constexpr std::size_t kPortsMax = 16;     // report.proto
constexpr std::size_t kServicesMax = 16;  // report.proto
// Services that are enabled and do not run yet are still starting for so long; from then on somebody stopped them, with
// `snap stop`, which leaves no lock. Chosen: half an hour of a slow card's boot is no news, a stop is.
constexpr Duration kBootTime = std::chrono::minutes(10);

/// Empty: snapd does not say.
std::optional<Snap> add_snap(const Work& work, Facts& facts) {
  if (const Tried<SnapdSystem> system = read_system(work)) {
    facts.snapd_version = system->version;
    facts.arch = system->architecture;
  }
  const Tried<Snap> snap = read_snap(work);
  if (!snap) return std::nullopt;
  if (!snap->is_installed) return *snap;
  facts.has_microk8s = true;
  facts.microk8s = {.channel = snap->channel,
                    .revision = snap->revision,
                    .version = snap->version,
                    .is_held = snap->is_held,
                    .is_active = snap->is_active};
  facts.services = snap->services;
  std::sort(facts.services.begin(), facts.services.end());
  facts.services.resize(std::min(facts.services.size(), kServicesMax));
  return *snap;
}

/// A device that boots, and one whose snap is being refreshed, was not stopped by anybody.
bool is_on_its_way(const Work& work, const Snap& snap, const SnapChanges& changes) {
  if (changes.is_one_under_way) return true;
  const std::optional<Duration> uptime = read_uptime(work);
  return snap.is_active && snap.is_kubelite_enabled && uptime && *uptime < kBootTime;
}

/// Empty: Kubernetes itself must be asked.
std::string state_before_asking(const Work& work, const std::optional<Snap>& snap, const SnapChanges& changes) {
  if (!snap) return "unknown";
  if (!snap->is_installed) return "not-installed";
  switch (read_lock(work)) {
    case Lock::Worker: return "worker";
    case Lock::LowMemory: return "low-memory";
    case Lock::Stopped: return "stopped";
    case Lock::None: break;
  }
  if (snap->is_running()) return "";
  return is_on_its_way(work, *snap, changes) ? "starting" : "stopped";
}

void add_node(const Work& work, Facts& facts) {
  facts.node_state = "not-ready";
  const Tried<Node> node = read_node(work);
  if (!node) return;
  facts.kubernetes_version = node->kubelet_version;
  facts.is_ready = node->is_ready;
  facts.is_cordoned = node->is_cordoned;
  facts.pressures = node->pressures;
  if (!node->is_ready) facts.node_why = node->why;
  if (node->is_ready) facts.node_state = "running";
}

/// Node ports of the services that belong to the same workload of a release.
std::vector<std::uint32_t> node_ports(const Json::Array& objects, const std::string& workload) {
  std::set<std::uint32_t> ports;
  for (const Json& one : objects) {
    if (one.text("kind") != "Service") continue;
    if (one.at({"metadata", "labels"}).text(kWorkloadLabel) != workload) continue;
    for (const Json& port : one.at({"spec", "ports"}).items()) {
      const std::int64_t number = port.number("nodePort", 0);
      if (number > 0 && ports.size() < kPortsMax) ports.insert(static_cast<std::uint32_t>(number));
    }
  }
  return {ports.begin(), ports.end()};
}

Json::Array pods_of(const Work& work, const std::string& name_space) {
  Tried<Json::Array> pods = get_objects(work, {"pods", "-n", name_space});
  return pods ? std::move(*pods) : Json::Array{};
}

void add_workloads(const Work& work, const Json::Array& objects, Facts& facts) {
  std::map<std::string, Json::Array> pods;  // of namespaces where something is not well
  for (const Json& one : objects) {
    const std::string& workload = one.at({"metadata", "labels"}).text(kWorkloadLabel);
    if (workload.empty() || !has_health(one.text("kind")) || facts.workloads.size() == kListMax) continue;
    const std::string& space = one.at({"metadata", "namespace"}).text();
    Health health = judge(one, {});
    if (!health.is_ready) {
      if (!pods.contains(space)) pods[space] = pods_of(work, space);
      health = judge(one, pods[space]);
    }
    facts.workloads.push_back({.name = one.at({"metadata", "name"}).text(),
                               .name_space = space,
                               .kind = one.text("kind"),
                               .ready = static_cast<std::uint32_t>(std::max<std::int64_t>(health.ready, 0)),
                               .wanted = static_cast<std::uint32_t>(std::max<std::int64_t>(health.wanted, 0)),
                               .node_ports = node_ports(objects, workload),
                               .trouble = health.word});
  }
}

void add_images(const Work& work, const std::vector<std::string>& asked, Facts& facts) {
  const Tried<ImageTable> table = read_images(work);
  if (!table) return;
  facts.has_images = true;
  for (const auto& [ref, row] : *table) {
    const bool is_asked = std::find(asked.begin(), asked.end(), ref) != asked.end();
    // Names of digests are kept for the way back; people know images by their tags.
    const bool is_shown = is_asked || (row.is_pinned() && !has_any(ref, {"@sha256:"}) && !ref.starts_with("sha256:"));
    if (!is_shown) continue;
    if (facts.images.size() == kListMax) {
      facts.has_images = false;  // not all of them
      return;
    }
    facts.images.push_back({.ref = ref, .digest = row.digest, .is_pinned = row.is_pinned()});
  }
}

}  // namespace

Facts gather_facts(const FactsCall& call, const Work& work) {
  Facts facts;
  add_machine(work, facts);
  const std::optional<Snap> snap = add_snap(work, facts);
  const SnapChanges changes = snap && snap->is_installed ? read_changes(work).value_or(SnapChanges{}) : SnapChanges{};
  facts.snap_change = changes.newest;
  facts.node_state = state_before_asking(work, snap, changes);
  if (call.depth == Depth::Checkup) facts.checkup = look_deeper(call, work);
  if (!facts.node_state.empty()) return facts;
  add_node(work, facts);
  add_images(work, call.images, facts);
  if (facts.kubernetes_version.empty()) return facts;
  const Tried<Json::Array> objects = get_objects(work, {"deployments,daemonsets,statefulsets,jobs,services", "-A"});
  if (!objects) return facts;
  AddonsSeen addons = see_addons(work, *objects, minor_of(snap->version));
  facts.addons = std::move(addons.ready);
  facts.addons_absent = std::move(addons.absent);
  add_workloads(work, *objects, facts);
  facts.has_objects = facts.workloads.size() < kListMax;
  if (facts.checkup) look_at_objects(call, work, *facts.checkup);
  return facts;
}

}  // namespace kelpie::agent
