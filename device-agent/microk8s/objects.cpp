#include "device-agent/microk8s/objects.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include <fmt/core.h>

#include "device-agent/microk8s/commands.h"
#include "proto/base/digest.h"

namespace kelpie::agent {
namespace {

constexpr std::string_view kPrunedKinds =
    "deployments,daemonsets,statefulsets,jobs,cronjobs,pods,services,configmaps,secrets,ingresses,serviceaccounts,"
    "roles,rolebindings,networkpolicies,horizontalpodautoscalers,poddisruptionbudgets";

constexpr std::string_view kKeptKinds = "persistentvolumeclaims,namespaces,customresourcedefinitions";

constexpr Duration kApplyLimit = std::chrono::seconds(180);  // chosen: 32 workloads, a second each on a Pi

Json identity_of(const Json& object) {
  Json out(Json::Object{{"apiVersion", object.at("apiVersion")}, {"kind", object.at("kind")}});
  out["metadata"]["name"] = object.at({"metadata", "name"});
  if (object.at("metadata").has("namespace")) out["metadata"]["namespace"] = object.at({"metadata", "namespace"});
  return out;
}

bool is_kind_unknown(std::string_view err) {
  return has_any(err, {"no matches for kind", "resource mapping not found"});
}

Tried<void> judge_apply(const Exit& exit, std::string_view doing) {
  if (exit.code == 0) return {};
  const std::string why = last_line(exit.err);
  if (has_any(exit.err, {"Apply failed with"})) {
    const std::size_t at = exit.err.find("Apply failed with");
    return trouble(Reason::WorkloadConflict,
                   fmt::format("{}: {}", doing, lines_of(std::string_view(exit.err).substr(at)).front()), exit.err);
  }
  if (has_any(exit.err, {"no space left on device", "database or disk is full"})) {
    return trouble(Reason::DiskFull, fmt::format("{}: {}", doing, why), exit.err);
  }
  return trouble(Reason::ManifestRefused, fmt::format("{}: {}", doing, why), exit.err);
}

Tried<void> run_apply(const Work& work, const Json::Array& objects, std::vector<std::string> flags,
                      std::string_view doing) {
  if (objects.empty()) return {};
  std::vector<std::string> arguments{"apply", "--server-side", "--field-manager=kelpie"};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  arguments.insert(arguments.end(), {"-f", "-"});
  KELPIE_TRY(const Exit exit, run_kubectl(work, std::move(arguments), as_list(objects), kApplyLimit));
  return judge_apply(exit, doing);
}

std::vector<std::string> flags_of(Force force, std::vector<std::string> flags) {
  if (force == Force::Yes) flags.emplace_back("--force-conflicts");
  return flags;
}

bool holds_secret(const Json& item) {
  return item.text("kind") == "Secret" && (item.has("data") || item.has("stringData"));
}

/// A job's own marks are made anew with each job; handing old ones in is refused.
void strip_job(Json& job) {
  job["spec"].erase("selector");
  Json& labels = job["spec"]["template"]["metadata"]["labels"];
  for (const std::string_view mark :
       {"controller-uid", "job-name", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name"}) {
    labels.erase(mark);
  }
}

Tried<Json::Array> with_own_labels(const Work& work, std::string kinds, const std::string& workload) {
  std::string selector = fmt::format("{}={}", kOwnerLabel, kOwner);
  selector += workload.empty() ? fmt::format(",{}", kWorkloadLabel) : fmt::format(",{}={}", kWorkloadLabel, workload);
  return get_objects(work, {std::move(kinds), "-A", "-l", selector});
}

}  // namespace

std::string name_of(const Json& object) {
  return fmt::format("{}/{}/{}", object.text("kind"), object.at({"metadata", "namespace"}).text(),
                     object.at({"metadata", "name"}).text());
}

bool is_own(const Json& object) {
  return object.at({"metadata", "labels"}).text(kOwnerLabel) == kOwner;
}

std::string manifest_hash(const Workload& workload) {
  return blake2b_128(workload.manifest).hex();
}

bool is_of_cluster(std::string_view kind) {
  constexpr std::array<std::string_view, 11> kKinds{"Namespace",
                                                    "ClusterRole",
                                                    "ClusterRoleBinding",
                                                    "CustomResourceDefinition",
                                                    "StorageClass",
                                                    "IngressClass",
                                                    "PersistentVolume",
                                                    "PriorityClass",
                                                    "APIService",
                                                    "RuntimeClass",
                                                    "ValidatingWebhookConfiguration"};
  return std::find(kKinds.begin(), kKinds.end(), kind) != kKinds.end();
}

Tried<Json::Array> labelled_items(const Workload& workload) {
  const Result<Json> list = Json::parse(workload.manifest);
  if (!list || list->at("items").items().empty()) {
    return trouble(Reason::ManifestRefused, fmt::format("the manifest of {} is no list of objects", workload.name));
  }
  const std::string hash = manifest_hash(workload);
  Json::Array items = list->at("items").items();
  for (Json& item : items) {
    if (item.text("kind").empty() || item.at({"metadata", "name"}).text().empty()) {
      return trouble(Reason::ManifestRefused,
                     fmt::format("the manifest of {} has an object without kind or name", workload.name));
    }
    if (holds_secret(item)) {
      return trouble(
          Reason::ManifestRefused,
          fmt::format("Secret {} holds data, which everybody who can read the release could read: make it on "
                      "the device and refer to it",
                      item.at({"metadata", "name"}).text()));
    }
    Json& metadata = item["metadata"];
    if (!metadata.has("namespace") && !is_of_cluster(item.text("kind"))) metadata["namespace"] = workload.name_space;
    Json& labels = metadata["labels"];
    labels[kOwnerLabel] = kOwner;
    labels[kWorkloadLabel] = workload.name;
    labels[kManifestLabel] = hash;
  }
  return items;
}

std::string as_list(const Json::Array& objects) {
  return Json(Json::Object{{"apiVersion", "v1"}, {"items", objects}, {"kind", "List"}}).dump();
}

Tried<Json::Array> own_objects(const Work& work, const std::string& workload) {
  return with_own_labels(work, std::string(kPrunedKinds), workload);
}

Tried<Json::Array> labelled_objects(const Work& work, const std::string& workload) {
  return with_own_labels(work, fmt::format("{},{}", kPrunedKinds, kKeptKinds), workload);
}

Tried<Json::Array> live_objects(const Work& work, const Json::Array& items) {
  if (items.empty()) return Json::Array{};
  KELPIE_TRY(const Exit exit,
             run_kubectl(work, {"get", "-f", "-", "-o", "json", "--ignore-not-found", "--request-timeout=20s"},
                         as_list(items)));
  // A kind that an add-on of the same release will bring has no objects yet; the others are printed all the same.
  if (exit.code != 0 && !is_kind_unknown(exit.err)) return fail(kubectl_trouble(exit, "reading the live objects"));
  if (exit.out.find_first_not_of(" \t\r\n") == std::string::npos) return Json::Array{};
  const Result<Json> answer = Json::parse(exit.out);
  if (!answer) return trouble(Reason::AnswerUnreadable, fmt::format("kubectl get: {}", answer.error().message));
  if (!answer->has("items")) return answer->has("kind") ? Json::Array{*answer} : Json::Array{};
  return answer->at("items").items();
}

Json without_server_fields(Json object) {
  object.erase("status");
  Json& metadata = object["metadata"];
  for (const std::string_view field :
       {"managedFields", "uid", "resourceVersion", "generation", "creationTimestamp", "selfLink"}) {
    metadata.erase(field);
  }
  if (metadata.has("annotations")) {
    metadata["annotations"].erase("deployment.kubernetes.io/revision");
    metadata["annotations"].erase("kubectl.kubernetes.io/last-applied-configuration");
  }
  if (object.text("kind") == "Job") strip_job(object);
  return object;
}

Tried<void> dry_run(const Work& work, const Json::Array& objects, Force force) {
  return run_apply(work, objects, flags_of(force, {"--dry-run=server"}), "the API server would refuse the manifests");
}

Tried<void> apply(const Work& work, const Json::Array& objects, Force force) {
  return run_apply(work, objects, flags_of(force, {}), "applying");
}

Tried<bool> differs(const Work& work, const Json::Array& objects) {
  KELPIE_TRY(const Exit exit,
             run_kubectl(work, {"diff", "--server-side", "--force-conflicts", "--field-manager=kelpie", "-f", "-"},
                         as_list(objects), kApplyLimit));
  // 0 the same, 1 different, more: refused, or no program named diff.
  return exit.code == 1 && !exit.out.empty();
}

Tried<void> delete_objects(const Work& work, const Json::Array& objects) {
  if (objects.empty()) return {};
  constexpr Duration kDeleteLimit = std::chrono::seconds(90);  // above --timeout
  Json::Array identities;
  identities.reserve(objects.size());
  for (const Json& object : objects) identities.push_back(identity_of(object));
  KELPIE_TRY(const Exit exit, run_kubectl(work, {"delete", "-f", "-", "--ignore-not-found", "--wait", "--timeout=60s"},
                                          as_list(identities), kDeleteLimit));
  if (exit.code == 0 || is_kind_unknown(exit.err)) return {};
  if (has_any(exit.err, {"timed out waiting for the condition"})) {
    return trouble(Reason::WorkloadStillThere, fmt::format("deleting: {}", last_line(exit.err)), exit.err);
  }
  return fail(kubectl_trouble(exit, "deleting"));
}

Tried<std::vector<std::string>> missing_namespaces(const Work& work, const std::vector<std::string>& names) {
  if (names.empty()) return std::vector<std::string>{};
  KELPIE_TRY(const Json::Array there, get_objects(work, {"namespaces"}));
  std::set<std::string> known;
  for (const Json& one : there) known.insert(one.at({"metadata", "name"}).text());
  std::vector<std::string> missing;
  std::copy_if(names.begin(), names.end(), std::back_inserter(missing),
               [&](const std::string& name) { return !known.contains(name); });
  return missing;
}

Tried<void> create_namespaces(const Work& work, const std::vector<std::string>& names) {
  Json::Array objects;
  for (const std::string& name : names) {
    Json space(Json::Object{{"apiVersion", "v1"}, {"kind", "Namespace"}});
    space["metadata"]["name"] = name;
    space["metadata"]["labels"][kOwnerLabel] = kOwner;
    objects.push_back(std::move(space));
  }
  return apply(work, objects, Force::No);
}

}  // namespace kelpie::agent
