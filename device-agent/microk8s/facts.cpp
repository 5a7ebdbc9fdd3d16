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
#include "device-agent/microk8s/node.h"
#include "device-agent/microk8s/objects.h"
#include "device-agent/microk8s/preflight.h"
#include "device-agent/microk8s/steps.h"

namespace kelpie::agent {
namespace {

constexpr std::size_t kListMax = 64;   // report.proto
constexpr std::size_t kPortsMax = 16;  // report.proto

std::string read_line(const Work& work, const std::string& path) {
  const Result<std::string> text = work.host().files.read(path);
  if (!text) return {};
  // The device tree ends its strings with a zero.
  return last_line(std::string_view(*text).substr(0, text->find('\0')));
}

std::string os_of(const Work& work) {
  const Result<std::string> text = work.host().files.read("/etc/os-release");
  if (!text) return {};
  constexpr std::string_view kKey = "PRETTY_NAME=";
  for (const std::string& line : lines_of(*text)) {
    if (!line.starts_with(kKey)) continue;
    std::string name = line.substr(kKey.size());
    std::erase(name, '"');
    return name;
  }
  return {};
}

void add_machine(const Work& work, Facts& facts) {
  facts.hostname = read_line(work, "/proc/sys/kernel/hostname");
  facts.os = os_of(work);
  facts.model = read_line(work, "/proc/device-tree/model");
  if (facts.model.empty()) facts.model = read_line(work, "/sys/class/dmi/id/product_name");
  facts.memory_bytes = read_memory_bytes(work);
  const DeviceFiles::Space space = read_space(work);
  facts.disk_bytes = space.total_bytes;
  facts.disk_free_bytes = space.free_bytes;
}

Snap add_snap(const Work& work, Facts& facts) {
  if (const Tried<SnapdSystem> system = read_system(work)) {
    facts.snapd_version = system->version;
    facts.arch = system->architecture;
  }
  const Tried<Snap> snap = read_snap(work);
  if (!snap || !snap->is_installed) return {};
  facts.has_microk8s = true;
  facts.microk8s = {.channel = snap->channel,
                    .revision = snap->revision,
                    .version = snap->version,
                    .is_held = snap->is_held,
                    .is_active = snap->is_active};
  return *snap;
}

std::string state_before_asking(const Work& work, const Snap& snap) {
  if (!snap.is_installed) return "not-installed";
  switch (read_lock(work)) {
    case Lock::Worker: return "worker";
    case Lock::LowMemory: return "low-memory";
    case Lock::Stopped: return "stopped";
    case Lock::None: break;
  }
  return snap.is_running() ? "" : "stopped";
}

void add_node(const Work& work, Facts& facts) {
  facts.node_state = "not-ready";
  const Tried<Node> node = read_node(work);
  if (!node) return;
  facts.kubernetes_version = node->kubelet_version;
  facts.is_ready = node->is_ready;
  facts.is_cordoned = node->is_cordoned;
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
  for (const auto& [ref, row] : *table) {
    const bool is_asked = std::find(asked.begin(), asked.end(), ref) != asked.end();
    // Names of digests are kept for the way back; people know images by their tags.
    const bool is_shown = is_asked || (row.is_pinned() && !has_any(ref, {"@sha256:"}) && !ref.starts_with("sha256:"));
    if (!is_shown || facts.images.size() == kListMax) continue;
    facts.images.push_back({.ref = ref, .digest = row.digest, .is_pinned = row.is_pinned()});
  }
}

}  // namespace

Facts gather_facts(const FactsCall& call, const Work& work) {
  Facts facts;
  add_machine(work, facts);
  const Snap snap = add_snap(work, facts);
  facts.node_state = state_before_asking(work, snap);
  if (!facts.node_state.empty()) return facts;
  add_node(work, facts);
  add_images(work, call.images, facts);
  if (facts.kubernetes_version.empty()) return facts;
  const Tried<Json::Array> objects = get_objects(work, {"deployments,daemonsets,statefulsets,jobs,services", "-A"});
  if (!objects) return facts;
  AddonsSeen addons = see_addons(work, *objects, minor_of(snap.version));
  facts.addons = std::move(addons.ready);
  facts.addons_absent = std::move(addons.absent);
  add_workloads(work, *objects, facts);
  facts.has_objects = facts.workloads.size() < kListMax;
  return facts;
}

}  // namespace kelpie::agent
