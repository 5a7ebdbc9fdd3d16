// Objects as the API server answers them: what was stored plus what the controllers say about it.
#include <algorithm>

#include <fmt/core.h>

#include "proto/base/digest.h"
#include "tools/sim/microk8s/kube.h"
#include "tools/sim/microk8s/parts.h"

namespace kelpie::sim {
namespace {

constexpr Duration kObservedAfter{1'000};  // chosen: a controller that is behind, so that the next kubectl sees it
constexpr std::int64_t kProgressDeadlineS = 600;  // Kubernetes' default

Json condition(std::string_view type, bool is_true, std::string_view reason, SteadyTime since) {
  return Json::Object{{"lastTransitionTime", wall_text(since)},
                      {"reason", reason},
                      {"status", is_true ? "True" : "False"},
                      {"type", type}};
}

bool is_ready(const KubeObject& object, SteadyTime now) {
  return object.ready_at && *object.ready_at <= now;
}

void add_count(Json& status, std::string_view key, std::int64_t count) {
  if (count != 0) status[key] = count;  // omitted means 0
}

Json deployment_status(const KubeObject& object, const Json& spec, SteadyTime now) {
  const std::int64_t wanted = object.replicas;
  const bool is_up = is_ready(object, now);
  const std::int64_t updated = is_up || object.old_ready == 0 ? wanted : std::min<std::int64_t>(1, wanted);
  const std::int64_t serving = is_up ? wanted : object.old_ready;
  Json status = Json::Object{{"observedGeneration", object.generation}};
  add_count(status, "replicas", is_up ? wanted : object.old_ready + updated);
  add_count(status, "updatedReplicas", updated);
  add_count(status, "readyReplicas", serving);
  add_count(status, "availableReplicas", serving);
  add_count(status, "unavailableReplicas", is_up ? 0 : updated);
  const bool is_available = serving >= wanted;
  Json conditions;
  conditions.append(condition("Available", is_available,
                              is_available ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
                              object.rolled_at));
  const Duration deadline = std::chrono::seconds(spec.at("progressDeadlineSeconds").number(kProgressDeadlineS));
  const bool is_late = !is_up && now - object.rolled_at > deadline;
  conditions.append(
      condition("Progressing", !is_late,
                is_late ? "ProgressDeadlineExceeded" : (is_up ? "NewReplicaSetAvailable" : "ReplicaSetUpdated"),
                object.rolled_at));
  status["conditions"] = std::move(conditions);
  return status;
}

Json daemon_set_status(const KubeObject& object, SteadyTime now) {
  const std::int64_t up = is_ready(object, now) ? 1 : 0;
  Json status = Json::Object{{"currentNumberScheduled", 1},
                             {"desiredNumberScheduled", 1},
                             {"numberMisscheduled", 0},
                             {"numberReady", up},
                             {"observedGeneration", object.generation},
                             {"updatedNumberScheduled", 1}};
  add_count(status, "numberAvailable", up);
  add_count(status, "numberUnavailable", 1 - up);
  return status;
}

std::string revision_name(const KubeObject& object) {
  return fmt::format("{}-{}", object.name,
                     blake2b_128(fmt::format("{}/{}", object.uid, object.revision)).hex().substr(0, 10));
}

Json stateful_set_status(const KubeObject& object, SteadyTime now) {
  const std::int64_t up = is_ready(object, now) ? object.replicas : 0;
  Json status = Json::Object{{"currentRevision", revision_name(object)},
                             {"observedGeneration", object.generation},
                             {"replicas", object.replicas},
                             {"updateRevision", revision_name(object)}};
  add_count(status, "readyReplicas", up);
  add_count(status, "availableReplicas", up);
  add_count(status, "currentReplicas", object.replicas);
  add_count(status, "updatedReplicas", object.replicas);
  return status;
}

Json job_status(const KubeObject& object, SteadyTime now) {
  if (!is_ready(object, now)) return Json::Object{{"active", 1}};
  Json conditions;
  conditions.append(condition("Complete", true, "CompletionsReached", *object.ready_at));
  return Json::Object{{"conditions", std::move(conditions)}, {"succeeded", 1}};
}

Json service_status(const DeviceState& state, const Json& spec) {
  Json balancer = Json::Object{};
  if (spec.at("type").text() == "LoadBalancer" && state.addons.contains("metallb")) {
    Json ingress;
    ingress.append(Json::Object{{"ip", state.kubernetes.address}});
    balancer["ingress"] = std::move(ingress);
  }
  return Json::Object{{"loadBalancer", std::move(balancer)}};
}

Json status_of(const DeviceState& state, const KubeObject& object, const Json& spec, SteadyTime now) {
  if (is_workload(object.kind) && now - object.rolled_at < kObservedAfter) {
    // No controller has looked yet: what it said about the generation before still stands.
    if (object.generation == 1) return Json::Object{};
    return Json::Object{{"observedGeneration", object.generation - 1},
                        {"replicas", object.replicas},
                        {"updatedReplicas", object.replicas},
                        {"readyReplicas", object.replicas},
                        {"availableReplicas", object.replicas}};
  }
  if (object.kind == "Deployment") return deployment_status(object, spec, now);
  if (object.kind == "DaemonSet") return daemon_set_status(object, now);
  if (object.kind == "StatefulSet") return stateful_set_status(object, now);
  if (object.kind == "Job") return job_status(object, now);
  if (object.kind == "Service") return service_status(state, spec);
  if (object.kind == "Namespace") return Json::Object{{"phase", "Active"}};
  if (object.kind == "PersistentVolumeClaim")
    return Json::Object{{"phase", state.addons.contains("hostpath-storage") ? "Bound" : "Pending"}};
  if (object.kind == "APIService" || object.kind == "CustomResourceDefinition") {
    const bool is_api = object.kind == "APIService";
    Json conditions;
    conditions.append(condition(is_api ? "Available" : "Established", true, is_api ? "Passed" : "InitialNamesAccepted",
                                object.created_at));
    return Json::Object{{"conditions", std::move(conditions)}};
  }
  return {};
}

std::string pod_suffix(const KubeObject& object, std::int64_t index, std::int64_t revision) {
  return blake2b_128(fmt::format("{}/{}/{}", object.uid, revision, index)).hex().substr(0, 5);
}

struct PodWish {
  std::int64_t index = 0;
  std::int64_t revision = 1;
  bool is_old = false;  // of the template before, still serving
};

Json container_status(const DeviceState& state, const KubeObject& object, const Container& container, bool is_up,
                      SteadyTime now) {
  Json status = Json::Object{{"image", full_reference(container.image)},
                             {"name", container.name},
                             {"ready", is_up},
                             {"restartCount", object.restarts},
                             {"started", is_up}};
  if (const Image* const image = find_image(state, container.image); image != nullptr)
    status["imageID"] = fmt::format("{}@{}", repository_of(full_reference(container.image)), image->digest);
  if (is_up) {
    status["state"] = Json::Object{{"running", Json::Object{{"startedAt", wall_text(object.ready_at.value_or(now))}}}};
    return status;
  }
  Json waiting = Json::Object{{"reason", object.trouble.empty() ? "ContainerCreating" : object.trouble}};
  // Of a sandbox that cannot be made kubelet speaks in events only.
  if (!object.trouble_message.empty() && object.trouble != "ContainerCreating")
    waiting["message"] = object.trouble_message;
  status["state"] = Json::Object{{"waiting", std::move(waiting)}};
  if (object.is_crashing) {
    status["lastState"] = Json::Object{
        {"terminated", Json::Object{{"exitCode", 1}, {"reason", "Error"}, {"finishedAt", wall_text(now)}}}};
  }
  return status;
}

Json pod_status(const DeviceState& state, const KubeObject& object, const PodWish& wish, SteadyTime now) {
  const bool is_up = wish.is_old || is_ready(object, now);
  const bool is_unscheduled = !is_up && state.kubernetes.is_cordoned && object.kind != "DaemonSet";
  Json conditions;
  if (is_unscheduled) {
    Json refused = condition("PodScheduled", false, "Unschedulable", object.rolled_at);
    refused["message"] = "0/1 nodes are available: 1 node(s) were unschedulable.";
    conditions.append(std::move(refused));
    return Json::Object{{"conditions", std::move(conditions)}, {"phase", "Pending"}};
  }
  conditions.append(condition("PodScheduled", true, "", object.rolled_at));
  conditions.append(condition("Ready", is_up, is_up ? "" : "ContainersNotReady", object.rolled_at));
  if (object.kind == "Job" && is_up) return Json::Object{{"conditions", std::move(conditions)}, {"phase", "Succeeded"}};
  Json statuses = Json::Array{};
  for (const Container& container : object.containers) {
    if (!container.is_init) statuses.append(container_status(state, object, container, is_up, now));
  }
  const bool has_started = is_up || object.is_crashing;
  return Json::Object{{"conditions", std::move(conditions)},
                      {"containerStatuses", std::move(statuses)},
                      {"hostIP", state.kubernetes.address},
                      {"phase", has_started ? "Running" : "Pending"},
                      {"startTime", wall_text(object.rolled_at)}};
}

Json owner_of(const KubeObject& object) {
  const bool has_set = object.kind == "Deployment";
  Json owners;
  owners.append(Json::Object{{"apiVersion", object.kind == "Job" ? "batch/v1" : "apps/v1"},
                             {"controller", true},
                             {"kind", has_set ? "ReplicaSet" : object.kind},
                             {"name", has_set ? revision_name(object) : object.name},
                             {"uid", object.uid}});
  return owners;
}

/// As the controllers mark their pods.
Json pod_labels(const KubeObject& object, const Json& stored, std::int64_t revision) {
  Json labels = stored.at({"spec", "template", "metadata", "labels"});
  const std::string hash = blake2b_128(fmt::format("{}/{}", object.uid, revision)).hex().substr(0, 10);
  if (object.kind == "Deployment") labels["pod-template-hash"] = hash;
  if (object.kind == "Job") labels["job-name"] = object.name;
  if (object.kind == "DaemonSet" || object.kind == "StatefulSet") labels["controller-revision-hash"] = hash;
  return labels;
}

Json pod_of(const DeviceState& state, const KubeObject& object, const Json& stored, const PodWish& wish,
            SteadyTime now) {
  std::string name = fmt::format("{}-{}", object.kind == "Deployment" ? revision_name(object) : object.name,
                                 pod_suffix(object, wish.index, wish.revision));
  if (object.kind == "StatefulSet") name = fmt::format("{}-{}", object.name, wish.index);
  Json metadata = Json::Object{{"creationTimestamp", wall_text(wish.is_old ? object.created_at : object.rolled_at)},
                               {"labels", pod_labels(object, stored, wish.revision)},
                               {"name", name},
                               {"namespace", object.name_space},
                               {"ownerReferences", owner_of(object)},
                               {"uid", blake2b_128(object.uid + name).hex()}};
  Json spec = stored.at({"spec", "template", "spec"});
  spec["nodeName"] = state.kubernetes.name;
  return Json::Object{{"apiVersion", "v1"},
                      {"kind", "Pod"},
                      {"metadata", std::move(metadata)},
                      {"spec", std::move(spec)},
                      {"status", pod_status(state, object, wish, now)}};
}

void append_pods(const DeviceState& state, const KubeObject& object, SteadyTime now, std::vector<Json>& pods) {
  if (!is_workload(object.kind)) return;
  const Json stored = Json::parse(object.json).value_or(Json());
  const bool is_rolling = object.old_ready > 0 && !is_ready(object, now);
  for (std::int64_t i = 0; is_rolling && i < object.old_ready; ++i)
    pods.push_back(pod_of(state, object, stored, {.index = i, .revision = object.revision - 1, .is_old = true}, now));
  const std::int64_t fresh = is_rolling ? std::min<std::int64_t>(1, object.replicas) : object.replicas;
  for (std::int64_t i = 0; i < fresh; ++i)
    pods.push_back(pod_of(state, object, stored, {.index = i, .revision = object.revision, .is_old = false}, now));
}

bool is_selected(const Json& selector, const Json& labels) {
  if (selector.members().empty()) return false;
  return std::all_of(selector.members().begin(), selector.members().end(),
                     [&](const auto& entry) { return labels.at(entry.first) == entry.second; });
}

Json replica_set_of(const KubeObject& object, const Json& stored, SteadyTime now) {
  const std::int64_t up = is_ready(object, now) ? object.replicas : 0;
  Json owners;
  owners.append(Json::Object{{"kind", "Deployment"}, {"name", object.name}, {"uid", object.uid}});
  return Json::Object{{"apiVersion", "apps/v1"},
                      {"kind", "ReplicaSet"},
                      {"metadata", Json::Object{{"name", revision_name(object)},
                                                {"namespace", object.name_space},
                                                {"labels", stored.at({"spec", "template", "metadata", "labels"})},
                                                {"ownerReferences", std::move(owners)}}},
                      {"spec", Json::Object{{"replicas", object.replicas}}},
                      {"status", Json::Object{{"replicas", object.replicas}, {"readyReplicas", up}}}};
}

/// Kubernetes keeps them for five minutes; here only those of trouble that goes on.
void append_events(const KubeObject& object, SteadyTime now, std::vector<Json>& events) {
  if (!is_workload(object.kind) || is_ready(object, now) || object.trouble_message.empty()) return;
  const bool is_sandbox = object.trouble == "ContainerCreating";
  const bool is_crash = object.trouble == "CrashLoopBackOff";
  const std::string_view reason = is_sandbox ? "FailedCreatePodSandBox" : (is_crash ? "BackOff" : "Failed");
  events.push_back(Json::Object{
      {"apiVersion", "v1"},
      {"kind", "Event"},
      {"count", object.attempts + object.restarts + 1},
      {"involvedObject",
       Json::Object{{"kind", "Pod"},
                    {"name", fmt::format("{}-{}", revision_name(object), pod_suffix(object, 0, object.revision))},
                    {"namespace", object.name_space}}},
      {"lastTimestamp", wall_text(now)},
      {"message", object.trouble_message},
      {"metadata", Json::Object{{"name", fmt::format("{}.{}", object.name, object.uid.substr(0, 8))},
                                {"namespace", object.name_space}}},
      {"reason", reason},
      {"type", "Warning"}});
}

}  // namespace

Json rendered(const DeviceState& state, const KubeObject& object, SteadyTime now) {
  Json json = Json::parse(object.json).value_or(Json());
  Json& metadata = json["metadata"];
  metadata["uid"] = object.uid;
  metadata["creationTimestamp"] = wall_text(object.created_at);
  metadata["resourceVersion"] = fmt::format("{}", object.version);
  if (!json.at("spec").is_null()) metadata["generation"] = object.generation;
  if (object.kind == "Deployment") {
    metadata["annotations"]["deployment.kubernetes.io/revision"] = fmt::format("{}", object.revision);
    if (json.at({"spec", "replicas"}).is_null()) json["spec"]["replicas"] = object.replicas;
  }
  Json status = status_of(state, object, json.at("spec"), now);
  if (!status.is_null()) json["status"] = std::move(status);
  return json;
}

Json rendered_node(const DeviceState& state, SteadyTime now) {
  const Kubernetes& kubernetes = state.kubernetes;
  const bool is_up = is_node_ready(state, now);
  Json conditions;
  for (const std::string_view pressure : {"MemoryPressure", "DiskPressure", "PIDPressure"})
    conditions.append(condition(pressure, false, "KubeletHasNo" + std::string(pressure), kubernetes.api_at));
  Json ready = condition("Ready", is_up, is_up ? "KubeletReady" : "KubeletNotReady", kubernetes.ready_at);
  ready["message"] = is_up ? "kubelet is posting ready status"
                           : "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady "
                             "message:Network plugin returns error: cni plugin not initialized";
  conditions.append(std::move(ready));
  Json images = Json::Array{};
  constexpr std::size_t kNodeImagesMax = 50;
  for (const auto& [ref, image] : state.images) {
    if (images.items().size() >= kNodeImagesMax) break;
    Json names;
    names.append(fmt::format("{}@{}", repository_of(ref), image.digest));
    names.append(ref);
    images.append(Json::Object{{"names", std::move(names)}, {"sizeBytes", image.bytes}});
  }
  Json addresses;
  addresses.append(Json::Object{{"address", kubernetes.address}, {"type", "InternalIP"}});
  addresses.append(Json::Object{{"address", kubernetes.name}, {"type", "Hostname"}});
  Json spec = Json::Object{};
  if (kubernetes.is_cordoned) spec["unschedulable"] = true;
  return Json::Object{
      {"apiVersion", "v1"},
      {"kind", "Node"},
      {"metadata", Json::Object{{"name", kubernetes.name},
                                {"labels", Json::Object{{"kubernetes.io/arch", state.architecture},
                                                        {"kubernetes.io/hostname", kubernetes.name},
                                                        {"microk8s.io/cluster", "true"}}}}},
      {"spec", std::move(spec)},
      {"status", Json::Object{{"addresses", std::move(addresses)},
                              {"conditions", std::move(conditions)},
                              {"images", std::move(images)},
                              {"nodeInfo", Json::Object{{"architecture", state.architecture},
                                                        {"containerRuntimeVersion", "containerd://1.7.29"},
                                                        {"kubeletVersion", state.snap.now.version}}}}}};
}

std::vector<Json> rendered_pods(const DeviceState& state, SteadyTime now) {
  std::vector<Json> pods;
  for (const auto& [key, object] : state.objects) append_pods(state, object, now, pods);
  return pods;
}

std::vector<Json> rendered_all(const DeviceState& state, const KubeKind& kind, SteadyTime now) {
  if (kind.kind == "Pod") return rendered_pods(state, now);
  if (kind.kind == "Node") return {rendered_node(state, now)};
  std::vector<Json> all;
  for (const auto& [key, object] : state.objects) {
    if (kind.kind == "Event") append_events(object, now, all);
    if (kind.kind == "ReplicaSet" && object.kind == "Deployment")
      all.push_back(replica_set_of(object, Json::parse(object.json).value_or(Json()), now));
    if (object.kind == kind.kind) all.push_back(rendered(state, object, now));
  }
  return all;
}

bool has_ready_endpoint(const DeviceState& state, const KubeObject& service, SteadyTime now) {
  const Json selector = Json::parse(service.json).value_or(Json()).at({"spec", "selector"});
  return std::any_of(state.objects.begin(), state.objects.end(), [&](const auto& entry) {
    const KubeObject& object = entry.second;
    if (!is_workload(object.kind) || object.name_space != service.name_space) return false;
    if (!is_ready(object, now) && object.old_ready == 0) return false;
    const Json stored = Json::parse(object.json).value_or(Json());
    return is_selected(selector, stored.at({"spec", "template", "metadata", "labels"}));
  });
}

}  // namespace kelpie::sim
