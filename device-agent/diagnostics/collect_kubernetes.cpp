// What the API server knows, field by field: an environment, a config map or a secret is never even asked for.
#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "device-agent/diagnostics/collect.h"
#include "device-agent/microk8s/commands.h"
#include "device-agent/microk8s/json.h"

namespace kelpie::agent {
namespace {

Json named(const Json& object) {
  Json out = Json::Object{{"kind", object.at("kind")}, {"name", object.at({"metadata", "name"})}};
  const auto add = [&](std::string_view key, const Json& value) {
    if (!value.is_null()) out[key] = value;
  };
  add("namespace", object.at({"metadata", "namespace"}));
  add("created", object.at({"metadata", "creationTimestamp"}));
  add("deleted", object.at({"metadata", "deletionTimestamp"}));
  return out;
}

Json images_of(const Json& pod_spec) {
  Json out = Json::Array{};
  for (const std::string_view list : {"initContainers", "containers"}) {
    for (const Json& one : pod_spec.at(list).items()) out.append(one.at("image"));
  }
  return out;
}

Json node_line(const Json& object) {
  Json out = named(object);
  out["labels"] = object.at({"metadata", "labels"});
  out["taints"] = object.at({"spec", "taints"});
  out["unschedulable"] = object.at({"spec", "unschedulable"}).is_true();
  Json status = object.at("status");
  status.erase("images");  // a file of their own has them
  out["status"] = std::move(status);
  return out;
}

Json pod_line(const Json& object) {
  Json out = named(object);
  out["node"] = object.at({"spec", "nodeName"});
  out["images"] = images_of(object.at("spec"));
  out["status"] = object.at("status");
  return out;
}

Json workload_line(const Json& object) {
  Json out = named(object);
  out["replicas"] = object.at({"spec", "replicas"});
  out["images"] = images_of(object.at({"spec", "template", "spec"}));
  out["status"] = object.at("status");
  return out;
}

Json storage_line(const Json& object) {
  Json out = named(object);
  out["class"] = object.at({"spec", "storageClassName"});
  out["volume"] = object.at({"spec", "volumeName"});
  out["status"] = object.at("status");
  return out;
}

Json service_line(const Json& object) {
  Json out = named(object);
  out["type"] = object.at({"spec", "type"});
  out["ports"] = object.at({"spec", "ports"});
  out["selector"] = object.at({"spec", "selector"});
  return out;
}

Json event_line(const Json& object) {
  Json out = Json::Object{{"last", object.at("lastTimestamp")},
                          {"first", object.at("firstTimestamp")},
                          {"count", object.at("count")},
                          {"type", object.at("type")},
                          {"reason", object.at("reason")},
                          {"message", object.at("message")},
                          {"kind", object.at({"involvedObject", "kind"})}};
  out["object"] = fmt::format("{}/{}", object.at({"involvedObject", "namespace"}).text(),
                              object.at({"involvedObject", "name"}).text());
  return out;
}

struct Listing {
  std::string_view file;
  std::string_view kinds;
  Json (*line)(const Json& object);
};

constexpr std::array kListings{
    Listing{"kubernetes/nodes.jsonl", "nodes", node_line},
    Listing{"kubernetes/events.jsonl", "events", event_line},
    Listing{"kubernetes/pods.jsonl", "pods", pod_line},
    Listing{"kubernetes/workloads.jsonl", "deployments,daemonsets,statefulsets,jobs", workload_line},
    Listing{"kubernetes/services.jsonl", "services", service_line},
    Listing{"kubernetes/volumes.jsonl", "persistentvolumeclaims", storage_line},
};

/// False: the API server is away, and will be for the rest.
bool put_listing(const Work& work, Bundle& bundle, const Listing& listing) {
  std::vector<std::string> words{std::string(listing.kinds)};
  if (listing.kinds != "nodes") words.emplace_back("-A");
  const Tried<Json::Array> objects = get_objects(work, std::move(words));
  if (!objects) {
    bundle.lacks(listing.file, objects.error().detail);
    return objects.error().reason == Reason::KubectlFailed || objects.error().reason == Reason::AnswerUnreadable;
  }
  std::vector<Json> shown;
  for (const Json& one : *objects) shown.push_back(listing.line(one));
  std::ranges::stable_sort(shown, {}, [](const Json& one) { return one.text("last"); });  // of events
  std::string lines;
  for (const Json& one : shown) lines += one.dump() + "\n";
  bundle.put(listing.file, lines, Keep::Tail);
  return true;
}

}  // namespace

void collect_kubernetes(const Work& work, Bundle& bundle) {
  bool is_answering = true;
  for (const Listing& listing : kListings) {
    if (!is_answering) {
      bundle.lacks(listing.file, "not asked for after the failure above");
    } else {
      is_answering = put_listing(work, bundle, listing);
    }
  }
}

}  // namespace kelpie::agent
