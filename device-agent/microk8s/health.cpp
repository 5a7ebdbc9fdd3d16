#include "device-agent/microk8s/health.h"

#include <algorithm>
#include <array>

#include <fmt/core.h>

namespace kelpie::agent {
namespace {

constexpr std::int64_t kRestartsHopeless = 3;  // facts, microk8s 7.4: on BackOff reasons only after N restarts

struct WaitingRow {
  std::string_view word;
  Reason reason;
  bool is_hopeless;
};
constexpr std::array kWaiting{
    WaitingRow{"InvalidImageName", Reason::WorkloadImage, true},
    WaitingRow{"ErrImageNeverPull", Reason::WorkloadImage, true},
    WaitingRow{"ErrImagePull", Reason::WorkloadImage, false},
    WaitingRow{"ImagePullBackOff", Reason::WorkloadImage, false},
    WaitingRow{"CreateContainerConfigError", Reason::WorkloadConfig, true},
    WaitingRow{"CreateContainerError", Reason::WorkloadConfig, false},
    WaitingRow{"RunContainerError", Reason::WorkloadConfig, false},
    WaitingRow{"CrashLoopBackOff", Reason::WorkloadCrashing, false},
};

struct PodTrouble {
  std::string word;
  Trouble trouble;
  bool is_hopeless = false;
  FailingContainer failing;
};

const Json& condition(const Json& object, std::string_view type) {
  for (const Json& one : object.at({"status", "conditions"}).items()) {
    if (one.text("type") == type) return one;
  }
  static const Json none;
  return none;
}

std::string exit_of(const Json& status) {
  const Json& now = status.at({"state", "terminated"});
  const Json& ended = now.is_null() ? status.at({"lastState", "terminated"}) : now;
  if (ended.is_null()) return {};
  return fmt::format(", last exit {} ({})", ended.number("exitCode", 0), ended.text("reason"));
}

FailingContainer failing_of(const Json& pod, const Json& status) {
  return {.name_space = pod.at({"metadata", "namespace"}).text(),
          .pod = pod.at({"metadata", "name"}).text(),
          .container = status.text("name"),
          .has_run = status.number("restartCount", 0) > 0 || status.at("state").has("terminated")};
}

std::optional<PodTrouble> container_trouble(const Json& pod, const Json& status) {
  const Json& waiting = status.at({"state", "waiting"});
  const std::string& word = waiting.text("reason");
  const auto row =
      std::find_if(kWaiting.begin(), kWaiting.end(), [&](const WaitingRow& one) { return one.word == word; });
  const std::string where =
      fmt::format("container {} of pod {}", status.text("name"), pod.at({"metadata", "name"}).text());
  if (row != kWaiting.end()) {
    const bool has_tried = status.number("restartCount", 0) >= kRestartsHopeless;
    return PodTrouble{
        .word = word,
        .trouble = {.reason = row->reason,
                    .detail = fmt::format("{}: {} ({}){}", where, word, waiting.text("message"), exit_of(status)),
                    .output = {}},
        .is_hopeless = row->is_hopeless || (row->reason == Reason::WorkloadCrashing && has_tried),
        .failing = failing_of(pod, status)};
  }
  const Json& ended = status.at({"state", "terminated"});
  if (ended.number("exitCode", 0) == 0) return std::nullopt;
  return PodTrouble{.word = ended.text("reason"),
                    .trouble = {.reason = Reason::WorkloadCrashing,
                                .detail = fmt::format("{}{}", where, exit_of(status)),
                                .output = ended.text("message")},
                    .is_hopeless = false,
                    .failing = failing_of(pod, status)};
}

std::optional<PodTrouble> pod_trouble(const Json& pod) {
  for (const std::string_view list : {"initContainerStatuses", "containerStatuses"}) {
    for (const Json& status : pod.at({"status", list}).items()) {
      if (std::optional<PodTrouble> found = container_trouble(pod, status)) return found;
    }
  }
  const Json& scheduled = condition(pod, "PodScheduled");
  const std::string name = pod.at({"metadata", "name"}).text();
  if (scheduled.text("status") == "False") {
    return PodTrouble{.word = scheduled.text("reason"),
                      .trouble = {.reason = Reason::WorkloadUnschedulable,
                                  .detail = fmt::format("pod {} finds no room: {}", name, scheduled.text("message")),
                                  .output = {}},
                      .is_hopeless = false,
                      .failing = failing_of(pod, {})};
  }
  const std::string& word = pod.at({"status", "reason"}).text();
  if (word.empty()) return std::nullopt;
  const bool has_room = word != "Evicted" && word != "NodeAffinity";
  return PodTrouble{
      .word = word,
      .trouble = {.reason = has_room ? Reason::WorkloadCrashing : Reason::WorkloadUnschedulable,
                  .detail = fmt::format("pod {}: {} ({})", name, word, pod.at({"status", "message"}).text()),
                  .output = {}},
      .is_hopeless = false,
      .failing = failing_of(pod, {})};
}

/// Every key of the selector is on the pod. Expressions are rare on devices and match nothing here.
bool is_selected(const Json& pod, const Json::Object& selector) {
  const Json& labels = pod.at({"metadata", "labels"});
  return !selector.empty() && std::all_of(selector.begin(), selector.end(), [&](const auto& pair) {
    return labels.text(pair.first) == pair.second.text();
  });
}

bool is_observed(const Json& object) {
  return object.at({"status", "observedGeneration"}).number() >= object.at({"metadata", "generation"}).number();
}

/// Pods of the template before may be the very trouble that this one cures: they count only when none are newer.
bool has_new_pods(const Json& object) {
  const Json& status = object.at("status");
  const std::string& kind = object.text("kind");
  if (kind == "Deployment") return is_observed(object) && status.number("updatedReplicas", 0) > 0;
  if (kind == "DaemonSet") return is_observed(object) && status.number("updatedNumberScheduled", 0) > 0;
  if (kind == "StatefulSet") {
    const bool is_one_revision = status.text("currentRevision") == status.text("updateRevision");
    return is_observed(object) && (is_one_revision || status.number("updatedReplicas", 0) > 0);
  }
  return true;
}

std::string template_of(const Json& pod) {
  const Json& labels = pod.at({"metadata", "labels"});
  const std::string& of_deployment = labels.text("pod-template-hash");
  return of_deployment.empty() ? labels.text("controller-revision-hash") : of_deployment;
}

std::optional<PodTrouble> first_trouble(const Json& object, const Json::Array& pods) {
  if (!has_new_pods(object)) return std::nullopt;
  std::vector<const Json*> own;
  for (const Json& pod : pods) {
    if (is_pod_of(object, pod)) own.push_back(&pod);
  }
  const auto born = [](const Json* pod) { return pod->at({"metadata", "creationTimestamp"}).text(); };
  const auto newest =
      std::max_element(own.begin(), own.end(), [&](const Json* a, const Json* b) { return born(a) < born(b); });
  for (const Json* pod : own) {
    if (template_of(*pod) != template_of(**newest)) continue;
    if (std::optional<PodTrouble> found = pod_trouble(*pod)) return found;
  }
  return std::nullopt;
}

std::string name_of(const Json& object) {
  std::string name = object.text("kind") + "/" + object.at({"metadata", "name"}).text();
  std::transform(name.begin(), name.begin() + 1, name.begin(), [](char c) { return static_cast<char>(c | 0x20); });
  return name;
}

void give_up(Health& health, const Json& object, Reason reason, std::string_view why) {
  health.is_hopeless = true;
  health.trouble = Trouble{.reason = reason, .detail = fmt::format("{}: {}", name_of(object), why), .output = {}};
}

Health judge_deployment(const Json& object) {
  const Json& status = object.at("status");
  Health health;
  health.wanted = object.at({"spec", "replicas"}).number(1);
  health.ready = status.number("availableReplicas", 0);
  health.is_ready = is_observed(object) && status.number("updatedReplicas", 0) == health.wanted &&
                    status.number("replicas", 0) == health.wanted && health.ready == health.wanted &&
                    status.number("unavailableReplicas", 0) == 0;
  const Json& progressing = condition(object, "Progressing");
  if (is_observed(object) && progressing.text("reason") == "ProgressDeadlineExceeded") {
    give_up(health, object, Reason::WorkloadNotReady, progressing.text("message"));
  }
  return health;
}

Health judge_daemon_set(const Json& object) {
  const Json& status = object.at("status");
  Health health;
  health.wanted = status.number("desiredNumberScheduled", 0);
  health.ready = status.number("numberAvailable", 0);
  health.is_ready = is_observed(object) && health.wanted >= 1 && health.ready == health.wanted &&
                    status.number("updatedNumberScheduled", 0) == health.wanted;
  if (is_observed(object) && health.wanted == 0) {  // a device is one node: none that fits is nobody to run it
    health.trouble = Trouble{
        .reason = Reason::WorkloadUnschedulable,
        .detail = fmt::format("{} fits no node: its selector or a taint keeps it off this one", name_of(object)),
        .output = {}};
  }
  return health;
}

Health judge_stateful_set(const Json& object) {
  const Json& status = object.at("status");
  Health health;
  health.wanted = object.at({"spec", "replicas"}).number(1);
  health.ready = status.number("readyReplicas", 0);
  const bool is_partitioned = object.at({"spec", "updateStrategy", "rollingUpdate", "partition"}).number() > 0;
  health.is_ready = is_observed(object) && health.ready == health.wanted &&
                    status.number("replicas", 0) == health.wanted &&
                    (is_partitioned || status.text("currentRevision") == status.text("updateRevision"));
  return health;
}

Health judge_job(const Json& object) {
  Health health;
  health.wanted = object.at({"spec", "completions"}).number(1);
  health.ready = object.at({"status", "succeeded"}).number();
  health.is_ready = condition(object, "Complete").text("status") == "True";
  const Json& ended = condition(object, "Failed");
  if (ended.text("status") == "True") give_up(health, object, Reason::WorkloadFailed, ended.text("message"));
  return health;
}

Health judge_pod(const Json& object) {
  Health health;
  health.wanted = 1;
  const bool is_over = object.at({"status", "phase"}).text() == "Succeeded";
  health.is_ready = is_over || is_pod_ready(object);
  health.ready = health.is_ready ? 1 : 0;
  return health;
}

std::int64_t restarts_of(const Json& object, const Json::Array& pods) {
  std::int64_t restarts = 0;
  for (const Json& pod : pods) {
    if (!is_pod_of(object, pod)) continue;
    for (const Json& status : pod.at({"status", "containerStatuses"}).items()) {
      restarts += status.number("restartCount", 0);
    }
  }
  return restarts;
}

Health judge_object(const Json& object) {
  const std::string& kind = object.text("kind");
  if (kind == "Deployment") return judge_deployment(object);
  if (kind == "DaemonSet") return judge_daemon_set(object);
  if (kind == "StatefulSet") return judge_stateful_set(object);
  if (kind == "Job") return judge_job(object);
  return judge_pod(object);
}

}  // namespace

bool has_health(std::string_view kind) {
  constexpr std::array<std::string_view, 5> kKinds{"Deployment", "DaemonSet", "StatefulSet", "Job", "Pod"};
  return std::find(kKinds.begin(), kKinds.end(), kind) != kKinds.end();
}

bool is_pod_of(const Json& object, const Json& pod) {
  if (pod.at({"metadata", "namespace"}).text() != object.at({"metadata", "namespace"}).text()) return false;
  if (pod.at({"metadata"}).has("deletionTimestamp")) return false;  // on its way out: no verdict on the new ones
  if (object.text("kind") == "Pod") return pod.at({"metadata", "name"}) == object.at({"metadata", "name"});
  if (object.text("kind") == "Job") {
    return pod.at({"metadata", "labels"}).text("job-name") == object.at({"metadata", "name"}).text();
  }
  return is_selected(pod, object.at({"spec", "selector", "matchLabels"}).members());
}

bool is_pod_ready(const Json& pod) {
  return condition(pod, "Ready").text("status") == "True";
}

Health judge(const Json& object, const Json::Array& pods) {
  Health health = judge_object(object);
  health.restarts = restarts_of(object, pods);
  if (health.is_ready) return health;
  // A container's own reason says more than "did not progress".
  if (std::optional<PodTrouble> found = first_trouble(object, pods)) {
    health.is_hopeless = health.is_hopeless || found->is_hopeless;
    health.word = std::move(found->word);
    health.failing = std::move(found->failing);
    health.trouble = std::move(found->trouble);
  }
  return health;
}

}  // namespace kelpie::agent
