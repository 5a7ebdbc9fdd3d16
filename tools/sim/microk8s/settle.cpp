// What happens by itself: changes of snapd go on, services come up, kubelet pulls and starts pods. Worked out when
// somebody looks, from the times at which it would have happened.
#include <algorithm>

#include <fmt/core.h>

#include "proto/base/digest.h"
#include "tools/sim/microk8s/kube.h"
#include "tools/sim/microk8s/parts.h"
#include "tools/sim/microk8s/sim_microk8s.h"
#include "tools/sim/microk8s/snapd.h"

namespace kelpie::sim {
namespace {

constexpr Duration kContainerStart{4'000};  // chosen: node-red on a Pi 4 takes longer to serve than to start
constexpr Duration kCrashAfter{3'000};      // chosen
constexpr Duration kBackOffFirst{10'000};   // kubelet: 10 s, doubled to 5 minutes
constexpr Duration kBackOffMax{300'000};
constexpr Duration kSandboxRetry{15'000};  // chosen: kubelet's own pace is 10–20 s
constexpr Duration kJobTakes{10'000};      // chosen
constexpr int kStepsMax = 1'000;           // of one workload in one look; a month of back-off has less
constexpr std::size_t kMessageBytesMax = 400;

Duration back_off(std::int64_t attempts) {
  Duration pause = kBackOffFirst;
  for (std::int64_t i = 1; i < attempts && pause < kBackOffMax; ++i) pause *= 2;
  return std::min(pause, kBackOffMax);
}

void wait_with(KubeObject& object, std::string trouble, std::string_view message, Duration pause) {
  object.trouble = std::move(trouble);
  object.trouble_message = message.substr(0, kMessageBytesMax);
  object.try_at = object.try_at + pause;
}

void keep_image(DeviceState& state, const std::string& name, const RegistryImage& found) {
  Image& image = state.images[name];
  image = {.digest = found.digest,
           .bytes = found.bytes,
           .platform = platform_of(state),
           .is_complete = true,
           .labels = {{"io.cri-containerd.image", "managed"}}};
}

/// What kubelet pulls stands in the list under three names. Source: facts, microk8s 6.1.
void keep_pulled(DeviceState& state, const World& world, const std::string& ref) {
  const std::optional<RegistryImage> found = find_in_registry(world, ref);
  if (!found) return;
  state.disk.free_bytes -= std::min(state.disk.free_bytes, found->bytes);
  keep_image(state, ref, *found);
  keep_image(state, fmt::format("{}@{}", repository_of(ref), found->digest), *found);
  keep_image(state, fmt::format("sha256:{}", blake2b_256("config of " + found->digest).hex()), *found);
}

/// The pause image, without which no pod gets a sandbox. False: not yet.
bool have_sandbox(DeviceState& state, const World& world, KubeObject& object) {
  const std::string pause = sandbox_image(state);
  if (find_image(state, pause) != nullptr) return true;
  const Pull pull = try_pull(state, world, pause, kMirrorsFolder);
  if (pull.end == PullEnd::Done) {
    keep_pulled(state, world, pause);
    return true;
  }
  wait_with(object, "ContainerCreating",
            fmt::format("Failed to create pod sandbox: rpc error: code = Unknown desc = failed to get sandbox image "
                        "\"{0}\": failed to pull image \"{0}\": failed to resolve reference \"{0}\": {1}",
                        pause, pull_error(pull, pause)),
            kSandboxRetry);
  return false;
}

enum class Fetch { Present, UnderWay, Refused };

Fetch fetch_image(DeviceState& state, const World& world, KubeObject& object, const Container& container) {
  if (find_image(state, container.image) != nullptr) return Fetch::Present;
  if (container.pull_policy == "Never") {
    wait_with(object, "ErrImageNeverPull",
              fmt::format("Container image \"{}\" is not present with pull policy of Never", container.image),
              kBackOffFirst);
    return Fetch::Refused;
  }
  const std::string ref = full_reference(container.image);
  const Pull pull = try_pull(state, world, ref, kMirrorsFolder);
  if (pull.end == PullEnd::Done) {
    object.pulled.push_back(ref);
    object.trouble = "ContainerCreating";
    object.trouble_message.clear();
    object.try_at = object.try_at + paced(state, pull.takes);
    return Fetch::UnderWay;
  }
  ++object.attempts;
  wait_with(object, object.attempts == 1 ? "ErrImagePull" : "ImagePullBackOff",
            fmt::format("failed to pull and unpack image \"{0}\": failed to resolve reference \"{0}\": {1}", ref,
                        pull_error(pull, ref)),
            back_off(object.attempts));
  return Fetch::Refused;
}

/// True when every image is there.
bool have_images(DeviceState& state, const World& world, KubeObject& object) {
  for (const std::string& ref : object.pulled) keep_pulled(state, world, ref);
  object.pulled.clear();
  for (const Container& container : object.containers) {
    if (fetch_image(state, world, object, container) != Fetch::Present) return false;
  }
  return true;
}

bool is_held_back(const KubeObject& object, const DeviceState& state) {
  return state.kubernetes.is_cordoned && object.kind != "DaemonSet";
}

void take_step(DeviceState& state, const World& world, KubeObject& object) {
  if (!have_sandbox(state, world, object) || !have_images(state, world, object)) return;
  if (object.is_crashing || strikes(state, FaultKind::CrashLoop, object.name)) {
    object.is_crashing = true;
    object.restarts += object.trouble == "CrashLoopBackOff" ? 1 : 0;
    wait_with(object, "CrashLoopBackOff",
              fmt::format("back-off {}s restarting failed container", back_off(object.restarts + 1).count() / 1'000),
              kCrashAfter + back_off(object.restarts + 1));
    return;
  }
  object.trouble.clear();
  object.trouble_message.clear();
  object.ready_at = object.try_at + paced(state, object.kind == "Job" ? kJobTakes : kContainerStart);
}

void settle_workload(DeviceState& state, const World& world, KubeObject& object, SteadyTime now) {
  if (object.ready_at) {
    if (now >= *object.ready_at) object.old_ready = 0;
    return;
  }
  if (is_held_back(object, state)) return;
  for (int i = 0; i < kStepsMax && !object.ready_at && object.try_at <= now; ++i) take_step(state, world, object);
}

void settle_cluster(DeviceState& state, const World& world, SteadyTime now) {
  if (!is_api_up(state, now) || state.kubernetes.is_never_ready) return;
  // The network plug-in comes first: without it kubelet starts nothing else.
  const auto calico = state.objects.find("DaemonSet/kube-system/calico-node");
  if (calico == state.objects.end()) return;
  settle_workload(state, world, calico->second, now);
  if (!calico->second.ready_at) return;
  for (auto& [key, object] : state.objects) {
    if (!is_workload(object.kind) || &object == &calico->second) continue;
    if (!object.ready_at) object.try_at = std::max(object.try_at, *calico->second.ready_at);
    settle_workload(state, world, object, now);
  }
}

}  // namespace

void settle(DeviceState& state, const World& world, SteadyTime now) {
  settle_changes(state, now);
  settle_cluster(state, world, now);
  if (state.kubernetes.has_launch_pending && is_node_ready(state, now)) {
    state.kubernetes.has_launch_pending = false;
    if (!state.addons.contains("dns")) {
      add_addon(state, "dns", {}, now);
      add_effect(state, "launch configuration enabled dns");
    }
  }
}

std::map<std::string, int> open_node_ports(const DeviceState& state, SteadyTime now) {
  std::map<std::string, int> open;
  if (!is_api_up(state, now)) return open;
  for (const auto& [key, object] : state.objects) {
    if (object.kind != "Service") continue;
    const int port = node_port_of(object);
    if (port != 0 && has_ready_endpoint(state, object, now))
      open[fmt::format("{}/{}", object.name_space, object.name)] = port;
  }
  return open;
}

}  // namespace kelpie::sim
