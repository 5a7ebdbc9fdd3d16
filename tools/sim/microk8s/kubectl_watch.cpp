// `kubectl rollout` and `kubectl wait`: what takes until something is so. Source: facts, microk8s 7.3.
#include <fmt/core.h>

#include "tools/sim/microk8s/kubectl.h"
#include "tools/sim/microk8s/parts.h"

namespace kelpie::sim {
namespace {

constexpr Duration kLook = std::chrono::seconds(1);

struct Named {
  const KubeKind* kind = nullptr;
  std::string name;
};

/// "deployment/x" or "deployment x".
Named named_in(const std::vector<std::string>& words) {
  if (words.empty()) return {};
  const auto slash = words[0].find('/');
  if (slash != std::string::npos) return {find_kind(words[0].substr(0, slash)), words[0].substr(slash + 1)};
  return {find_kind(words[0]), words.size() > 1 ? words[1] : ""};
}

enum class Roll { Done, Waiting, Late, Gone };

Roll look_at(const DeviceState& state, const std::string& key, SteadyTime now) {
  const auto found = state.objects.find(key);
  if (found == state.objects.end()) return Roll::Gone;
  const Json status = rendered(state, found->second, now).at("status");
  for (const Json& condition : status.at("conditions").items()) {
    if (condition.at("reason").text() == "ProgressDeadlineExceeded") return Roll::Late;
  }
  const KubeObject& object = found->second;
  const bool is_observed = status.at("observedGeneration").number() >= object.generation;
  return is_observed && object.ready_at && *object.ready_at <= now ? Roll::Done : Roll::Waiting;
}

std::string words_for(const KubeKind& kind) {
  if (kind.kind == "DaemonSet") return "daemon set";
  return kind.kind == "StatefulSet" ? "statefulset" : "deployment";
}

int rollout_status(Shell& shell, const KubectlWords& words, const Named& what) {
  const std::string key = object_key(what.kind->kind, words.name_space, what.name);
  const SteadyTime until = shell.now() + words.timeout;
  bool has_said = false;
  for (;;) {
    const Roll roll = shell.with([&](DeviceState& state) { return look_at(state, key, shell.now()); });
    if (roll == Roll::Gone) return not_found(shell, *what.kind, what.name);
    if (roll == Roll::Late)
      return fail_kubectl(shell, fmt::format("deployment \"{}\" exceeded its progress deadline", what.name));
    if (roll == Roll::Done) {
      shell.out(fmt::format("{} \"{}\" successfully rolled out\n", words_for(*what.kind), what.name));
      return 0;
    }
    if (!has_said && what.kind->kind == "Deployment") {
      shell.out(fmt::format(
          "Waiting for deployment \"{}\" rollout to finish: 0 of 1 updated replicas are available...\n", what.name));
    }
    has_said = true;
    if (words.timeout > Duration{} && shell.now() >= until)
      return fail_kubectl(shell, "timed out waiting for the condition");
    if (!shell.spend(kLook)) return kKilled;
  }
}

int rollout_undo(Shell& shell, const KubectlWords& words, const Named& what) {
  enum class End { Done, NoRevision, Gone };
  const End end = shell.with([&](DeviceState& state) {
    const auto found = state.objects.find(object_key(what.kind->kind, words.name_space, what.name));
    if (found == state.objects.end()) return End::Gone;
    const Result<Json> before = Json::parse(found->second.template_before);
    if (found->second.template_before.empty() || !before) return End::NoRevision;
    Json object = Json::parse(found->second.json).value_or(Json());
    object["spec"]["template"] = *before;
    store_object(state, *what.kind, words.name_space, object, found->second.manager, shell.now());
    add_effect(state, fmt::format("rolled back {}/{}", singular_of(*what.kind), what.name));
    return End::Done;
  });
  if (end == End::Gone) return not_found(shell, *what.kind, what.name);
  if (end == End::NoRevision) return fail_kubectl(shell, "no last revision to roll back to");
  shell.out(fmt::format("{}/{} rolled back\n", singular_of(*what.kind), what.name));
  return 0;
}

bool is_condition_met(const DeviceState& state, const Named& what, const KubectlWords& words, SteadyTime now) {
  const std::string type = words.wanted_condition.substr(words.wanted_condition.find('=') + 1);
  for (const Json& object : rendered_all(state, *what.kind, now)) {
    const Json& metadata = object.at("metadata");
    if (metadata.at("name").text() != what.name) continue;
    if (what.kind->is_namespaced && metadata.at("namespace").text() != words.name_space) continue;
    for (const Json& condition : object.at({"status", "conditions"}).items()) {
      if (condition.at("type").text() == type) return condition.at("status").text() == "True";
    }
  }
  return false;
}

bool is_there(const DeviceState& state, const Named& what, const KubectlWords& words) {
  if (what.kind->kind == "Node") return what.name == state.kubernetes.name;
  return state.objects.contains(
      object_key(what.kind->kind, what.kind->is_namespaced ? words.name_space : "", what.name));
}

}  // namespace

int kubectl_rollout(Shell& shell, const KubectlWords& words) {
  const std::string verb = words.names.empty() ? "" : words.names[0];
  const Named what = named_in({words.names.begin() + (words.names.empty() ? 0 : 1), words.names.end()});
  if (what.kind == nullptr || !is_workload(what.kind->kind))
    return fail_kubectl(shell, "required resource not specified");
  if (verb == "status") return rollout_status(shell, words, what);
  if (verb == "undo") return rollout_undo(shell, words, what);
  return fail_kubectl(shell, fmt::format("this model of a device does not have rollout {}", verb));
}

int kubectl_wait(Shell& shell, const KubectlWords& words) {
  const Named what = named_in(words.names);
  if (what.kind == nullptr) return fail_kubectl(shell, "no matching resources found");
  if (!shell.with([&](DeviceState& state) { return is_there(state, what, words); }))
    return not_found(shell, *what.kind, what.name);
  constexpr Duration kUsualTimeout = std::chrono::seconds(30);
  const SteadyTime until = shell.now() + (words.timeout > Duration{} ? words.timeout : kUsualTimeout);
  while (!shell.with([&](DeviceState& state) { return is_condition_met(state, what, words, shell.now()); })) {
    if (shell.now() >= until) {
      return fail_kubectl(shell,
                          fmt::format("timed out waiting for the condition on {}/{}", what.kind->plural, what.name));
    }
    if (!shell.spend(kLook)) return kKilled;
  }
  shell.out(fmt::format("{}/{} condition met\n", singular_of(*what.kind), what.name));
  return 0;
}

}  // namespace kelpie::sim
