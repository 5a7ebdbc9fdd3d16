#include "device-agent/microk8s/node.h"

#include <algorithm>

#include <fmt/core.h>

#include "device-agent/microk8s/commands.h"
#include "device-agent/microk8s/containerd.h"

namespace kelpie::agent {
namespace {

using std::chrono::seconds;

constexpr Duration kLookEvery = seconds(3);          // chosen: one kubectl costs a Pi a second of CPU
constexpr Duration kLookForTrapAfter = seconds(15);  // events of a sandbox come with the first pod

Tried<void> judge_lock(Lock lock) {
  switch (lock) {
    case Lock::None: return {};
    case Lock::Worker:
      return trouble(Reason::WorkerNode, "the device is a worker of a cluster: its control plane is elsewhere");
    case Lock::LowMemory:
      return trouble(Reason::LowMemory,
                     "MicroK8s keeps its control plane off: the device has 512 MiB of memory or less");
    case Lock::Stopped:
      return trouble(Reason::NodeStopped, "MicroK8s is stopped: a start step is missing, or somebody stopped it");
  }
  return {};
}

const Json& condition(const Json& node, std::string_view type) {
  for (const Json& one : node.at({"status", "conditions"}).items()) {
    if (one.text("type") == type) return one;
  }
  static const Json none;
  return none;
}

std::string address_of(const Json& node) {
  for (const Json& one : node.at({"status", "addresses"}).items()) {
    if (one.text("type") == "InternalIP") return one.text("address");
  }
  return {};
}

std::vector<std::string> pressures_of(const Json& node) {
  std::vector<std::string> out;
  for (const char* const type : {"MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable"}) {
    if (condition(node, type).text("status") == "True") out.emplace_back(type);
  }
  return out;
}

Node node_of(const Json& in) {
  const Json& ready = condition(in, "Ready");
  return {.name = in.at({"metadata", "name"}).text(),
          .kubelet_version = in.at({"status", "nodeInfo", "kubeletVersion"}).text(),
          .address = address_of(in),
          .is_ready = ready.text("status") == "True",
          .is_cordoned = in.at({"spec", "unschedulable"}).is_true(),
          .why = ready.text("message").empty() ? ready.text("reason") : ready.text("message"),
          .pressures = pressures_of(in)};
}

/// The image between quotes behind the words of containerd's complaint.
std::string complained_image(std::string_view message) {
  constexpr std::string_view kComplaint = "failed to get sandbox image \"";
  const std::size_t at = message.find(kComplaint);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = message.substr(at + kComplaint.size());
  return std::string(rest.substr(0, rest.find('"')));
}

/// What containerd is told to make sandboxes of; it differs per track (facts, microk8s 0). Empty: cannot be read.
std::string sandbox_image(const Work& work) {
  const Result<std::string> text = work.host().files.read(work.paths().snap_data + "/args/containerd-template.toml");
  if (!text) return {};
  for (const std::string& line : lines_of(*text)) {
    const std::vector<std::string> words = words_of(line);
    // containerd 2 calls it sandbox. Question for a real device of 1.35: which of the two its template has.
    if (words.size() != 3 || (words[0] != "sandbox_image" && words[0] != "sandbox") || words[1] != "=") continue;
    std::string image = words[2];
    std::erase_if(image, [](char c) { return c == '"' || c == '\''; });
    return image;
  }
  return {};
}

std::string last_part(const std::string& ref) {
  return ref.substr(ref.rfind('/') + 1);
}

}  // namespace

Lock read_lock(const Work& work) {
  const std::string folder = work.paths().snap_data + "/var/lock/";
  DeviceFiles& files = work.host().files;
  if (files.exists(folder + "clustered.lock")) return Lock::Worker;
  if (files.exists(folder + "low-memory-guard.lock")) return Lock::LowMemory;
  if (files.exists(folder + "stopped.lock")) return Lock::Stopped;
  return Lock::None;
}

Tried<void> require_control_plane(const Work& work) {
  return judge_lock(read_lock(work));
}

Tried<void> require_startable(const Work& work) {
  const Lock lock = read_lock(work);
  return lock == Lock::Stopped ? Tried<void>{} : judge_lock(lock);
}

Tried<bool> is_api_ready(const Work& work) {
  const Tried<Exit> exit = run_kubectl(work, {"get", "--raw", "/readyz", "--request-timeout=10s"});
  if (exit) return exit->code == 0 && exit->out.starts_with("ok");
  if (exit.error().reason == Reason::ApiNotReady || exit.error().reason == Reason::CommandTimeout) return false;
  return fail(exit.error());
}

Tried<void> await_api(const Work& work) {
  while (true) {
    KELPIE_TRY(const bool is_ready, is_api_ready(work));
    if (is_ready) return {};
    if (work.is_over()) return trouble(Reason::ApiNotReady, "the API server does not answer /readyz");
    work.say(fmt::format("waiting for the API server, {} left", in_seconds(work.left())));
    KELPIE_TRY(work.wait(kLookEvery));
  }
}

Tried<std::string> read_server_version(const Work& work) {
  KELPIE_TRY(const Exit exit, run_kubectl(work, {"version", "-o", "json", "--request-timeout=10s"}));
  const Result<Json> answer = Json::parse(exit.out);
  // Without a server there is still a client part, and exit code 1.
  const std::string version = answer ? answer->at({"serverVersion", "gitVersion"}).text() : "";
  if (version.empty()) return trouble(Reason::ApiNotReady, "the API server does not say its version", exit.err);
  return version;
}

Tried<Node> read_node(const Work& work) {
  KELPIE_TRY(const Json::Array nodes, get_objects(work, {"nodes"}));
  if (nodes.empty()) return trouble(Reason::NodeNotReady, "the node has not registered with the API server");
  const Result<std::string> hostname = work.host().files.read("/proc/sys/kernel/hostname");
  const std::string own = hostname ? last_line(*hostname) : "";
  const auto mine = std::find_if(nodes.begin(), nodes.end(), [&](const Json& node) {
    return node.at({"metadata", "name"}).text() == own;
  });
  return node_of(mine == nodes.end() ? nodes.front() : *mine);
}

bool is_node_ready(const Work& work) {
  const Tried<Node> node = read_node(work);
  return node && node->is_ready;
}

std::string ready_text(const Node& node) {
  return fmt::format("node {} Ready, {}{}", node.name, node.kubelet_version, node.is_cordoned ? ", cordoned" : "");
}

Tried<Node> await_node(const Work& work) {
  const SteadyTime since = work.now();
  KELPIE_TRY(await_api(work));
  SteadyTime look_for_trap = since + kLookForTrapAfter;
  std::string why = "the node has not registered";
  while (true) {
    const Tried<Node> node = read_node(work);
    if (node && node->is_ready) return *node;
    if (node) why = node->why;
    if (!node && node.error().reason != Reason::ApiNotReady && node.error().reason != Reason::NodeNotReady &&
        node.error().reason != Reason::CommandTimeout) {
      return fail(node.error());
    }
    if (work.now() >= look_for_trap) {
      if (std::optional<Trouble> trap = find_sandbox_trap(work)) return fail(std::move(*trap));
      look_for_trap = work.now() + kLookForTrapAfter;
    }
    if (work.is_over()) {
      return trouble(Reason::NodeNotReady,
                     fmt::format("the node is not Ready after {}: {}", in_seconds(work.now() - since), why));
    }
    work.say(fmt::format("waiting for node Ready, {}: {}", in_seconds(work.now() - since), why));
    KELPIE_TRY(work.wait(kLookEvery));
  }
}

std::optional<Trouble> find_sandbox_trap(const Work& work) {
  const Tried<Json::Array> events =
      get_objects(work, {"events", "-A", "--field-selector=reason=FailedCreatePodSandBox"});
  if (!events || events->empty()) return std::nullopt;
  const std::string told = sandbox_image(work);
  std::string image;
  std::string message;
  for (const Json& event : *events) {
    // Newer containerds complain in other words; the image that it was told is in all of them.
    const bool is_named = !told.empty() && has_any(event.text("message"), {"\"" + told + "\""});
    const std::string named = is_named ? told : complained_image(event.text("message"));
    if (named.empty()) continue;
    image = named;
    message = event.text("message");
  }
  if (image.empty()) return std::nullopt;
  // Events live five minutes: by now somebody may have brought it.
  const Tried<ImageTable> table = read_images(work);
  if (table && table->contains(image)) return std::nullopt;
  return Trouble{.reason = Reason::SandboxImageUnavailable,
                 .detail = fmt::format("no pod can start: containerd cannot pull the sandbox image \"{0}\"; bring it "
                                       "with the release: images: [ {{ ref: {0}, from: MIRROR/{1} }} ]",
                                       image, last_part(image)),
                 .output = message};
}

}  // namespace kelpie::agent
