// deploy: the manifests of a release applied, healthy, and nothing of older manifests left (facts, microk8s 7.5).
#include <algorithm>
#include <set>

#include <fmt/core.h>

#include "device-agent/microk8s/capture.h"
#include "device-agent/microk8s/commands.h"
#include "device-agent/microk8s/node.h"
#include "device-agent/microk8s/objects.h"
#include "device-agent/microk8s/readiness.h"
#include "device-agent/microk8s/steps.h"

namespace kelpie::agent {
namespace {

constexpr Duration kApiBackLimit = std::chrono::seconds(120);  // an add-on before may have restarted it

/// What the step wants, sorted so that what others need comes first.
Tried<Json::Array> wanted_items(const DeployStep& step) {
  Json::Array all;
  for (const Workload& workload : step.workloads) {
    KELPIE_TRY(const Json::Array items, labelled_items(workload));
    all.insert(all.end(), items.begin(), items.end());
  }
  std::stable_partition(all.begin(), all.end(), [](const Json& item) {
    return item.text("kind") == "Namespace" || item.text("kind") == "CustomResourceDefinition";
  });
  return all;
}

bool is_space(const Json& item) {
  return item.text("kind") == "Namespace";
}

std::vector<std::string> spaces_of(const Json::Array& items) {
  std::set<std::string> names;
  for (const Json& item : items) {
    const std::string& name =
        is_space(item) ? item.at({"metadata", "name"}).text() : item.at({"metadata", "namespace"}).text();
    if (!name.empty()) names.insert(name);
  }
  return {names.begin(), names.end()};
}

bool is_of(const DeployStep& step, const Json& object) {
  const std::string& workload = object.at({"metadata", "labels"}).text(kWorkloadLabel);
  return std::any_of(step.workloads.begin(), step.workloads.end(),
                     [&](const Workload& one) { return one.name == workload; });
}

/// Own objects this step answers for: of its workloads, and with prune of all.
Tried<Json::Array> answered_for(const DeployStep& step, const Work& work) {
  KELPIE_TRY(Json::Array own, own_objects(work, ""));
  if (!step.prune) std::erase_if(own, [&](const Json& object) { return !is_of(step, object); });
  return own;
}

Json::Array stale(const Json::Array& own, const Json::Array& items) {
  std::set<std::string> wanted;
  for (const Json& item : items) wanted.insert(name_of(item));
  Json::Array out;
  std::copy_if(own.begin(), own.end(), std::back_inserter(out),
               [&](const Json& object) { return !wanted.contains(name_of(object)); });
  return out;
}

std::string names_text(const Json::Array& objects) {
  std::vector<std::string> names;
  for (const Json& object : objects) names.push_back(name_of(object));
  return joined(names);
}

/// What a release made is the release's: fields that somebody changed since are taken back. What others made is not
/// taken over in silence: a conflict names who owns the field.
struct Split {
  Json::Array ours;
  Json::Array others;
};
Split split_by_owner(const Json::Array& items, const Json::Array& live) {
  std::set<std::string> own;
  for (const Json& object : live) {
    if (is_own(object)) own.insert(name_of(object));
  }
  Split split;
  for (const Json& item : items) (own.contains(name_of(item)) ? split.ours : split.others).push_back(item);
  return split;
}

bool is_kind_unknown(const Trouble& why) {
  return has_any(why.output, {"no matches for kind", "resource mapping not found"});
}

Tried<void> try_manifests(const Work& work, const Split& split) {
  for (const auto& [objects, force] : {std::pair(split.others, Force::No), std::pair(split.ours, Force::Yes)}) {
    Tried<void> tried = dry_run(work, objects, force);
    // A kind that an add-on of the same release, or the manifest itself, brings cannot be tried before.
    if (!tried && !is_kind_unknown(tried.error())) return tried;
  }
  return {};
}

Tried<void> apply_split(const Work& work, const Split& split) {
  Tried<void> applied = apply(work, split.others, Force::No);
  if (!applied && is_kind_unknown(applied.error())) {
    constexpr Duration kDefinitionsSettle =
        std::chrono::seconds(5);  // a new kind is served a moment after its definition
    KELPIE_TRY(work.wait(kDefinitionsSettle));
    applied = apply(work, split.others, Force::No);
  }
  KELPIE_TRY(std::move(applied));
  return apply(work, split.ours, Force::Yes);
}

Tried<CallResult> prepare(const DeployStep& step, const Work& work) {
  KELPIE_TRY(const Json::Array items, wanted_items(step));
  KELPIE_TRY(const Reach reach, read_reach(work));
  if (reach == Reach::NothingThere) return prepared("no Kubernetes yet", empty_capture());
  if (reach == Reach::Stopped) return prepared("MicroK8s is stopped: no way back is known", unknown_capture());
  KELPIE_TRY(const std::vector<std::string> missing, missing_namespaces(work, spaces_of(items)));
  Json::Array triable;
  std::copy_if(items.begin(), items.end(), std::back_inserter(triable), [&](const Json& item) {
    const std::string& space = item.at({"metadata", "namespace"}).text();
    return std::find(missing.begin(), missing.end(), space) == missing.end();
  });
  KELPIE_TRY(const Json::Array live, live_objects(work, items));
  KELPIE_TRY(try_manifests(work, split_by_owner(triable, live)));
  KELPIE_TRY(const Json::Array own, answered_for(step, work));
  const Json::Array before = merged(live, own);
  KELPIE_TRY(const Json restore, capture(work, before, missing));
  return prepared(fmt::format("{} objects would be accepted, {} are there now", items.size(), before.size()), restore);
}

struct Opened {
  std::string name;
  std::string_view scheme;
  std::int64_t node_port = 0;
};
std::vector<Opened> opened_by(const Json::Array& live) {
  constexpr std::int64_t kHttps = 443;
  std::vector<Opened> out;
  for (const Json& one : live) {
    if (one.text("kind") != "Service") continue;
    for (const Json& port : one.at({"spec", "ports"}).items()) {
      if (port.number("nodePort", 0) == 0 || port.text("protocol") == "UDP") continue;
      const bool is_secure = port.number("port", 0) == kHttps || port.text("name") == "https";
      out.push_back({.name = one.at({"metadata", "name"}).text(),
                     .scheme = is_secure ? "https" : "http",
                     .node_port = port.number("nodePort", 0)});
    }
  }
  return out;
}

/// ", nodered at http://192.168.7.2:31234": the port is Kubernetes' own choice unless the manifest says one, so nobody
/// knows it before.
Tried<std::string> reachable_at(const Work& work, const Json::Array& live) {
  const std::vector<Opened> opened = opened_by(live);
  if (opened.empty()) return std::string();
  KELPIE_TRY(const Node node, read_node(work));
  std::string text;
  for (const Opened& one : opened) {
    text += fmt::format(", {} at {}://{}:{}", one.name, one.scheme, node.address.empty() ? node.name : node.address,
                        one.node_port);
  }
  return text;
}

struct Deployed {
  Readiness readiness;
  Json::Array live;
};
/// Trouble says what of the step is not so.
Tried<Deployed> require_deployed(const DeployStep& step, const Work& work) {
  KELPIE_TRY(const Json::Array items, wanted_items(step));
  KELPIE_TRY(const Json::Array live, live_objects(work, items));
  for (const Json& item : items) {
    const auto at =
        std::find_if(live.begin(), live.end(), [&](const Json& one) { return name_of(one) == name_of(item); });
    if (at == live.end()) return trouble(Reason::WorkloadMissing, name_of(item) + " is not there");
    if (at->at({"metadata", "labels", kManifestLabel}) != item.at({"metadata", "labels", kManifestLabel})) {
      return trouble(Reason::WorkloadOutdated, name_of(item) + " is of another manifest");
    }
  }
  KELPIE_TRY(const Json::Array own, answered_for(step, work));
  const Json::Array old = stale(own, items);
  if (!old.empty()) return trouble(Reason::WorkloadOutdated, "left of older manifests: " + names_text(old));
  KELPIE_TRY(const Readiness readiness, look_at(work, items));
  if (readiness.is_ready) return Deployed{.readiness = readiness, .live = live};
  if (readiness.trouble) return fail(*readiness.trouble);
  return trouble(Reason::WorkloadNotReady, readiness.text());
}

bool is_unreadable(Reason reason) {
  return reason == Reason::ApiNotReady || reason == Reason::KubectlFailed || reason == Reason::AnswerUnreadable ||
         reason == Reason::CommandTimeout || reason == Reason::Interrupted;
}

Tried<CallResult> prove(const DeployStep& step, const Work& work) {
  KELPIE_TRY(require_control_plane(work));
  KELPIE_TRY(await_api(work.part(kApiBackLimit)));
  Tried<Deployed> deployed = require_deployed(step, work);
  if (deployed) {
    KELPIE_TRY(const std::string where, reachable_at(work, deployed->live));
    return satisfied(fmt::format("{} workload{} as signed, {}{}", step.workloads.size(),
                                 step.workloads.size() == 1 ? "" : "s", deployed->readiness.text(), where));
  }
  if (is_unreadable(deployed.error().reason)) return fail(std::move(deployed.error()));
  return unmet(deployed.error());
}

Tried<CallResult> observe(const DeployStep& step, const Work& work) {
  KELPIE_TRY(CallResult seen, prove(step, work));
  if (seen.verdict != Verdict::Satisfied) return seen;
  // The labels say which manifest was applied, not what somebody changed since: scaled to nothing is ready too.
  KELPIE_TRY(const Json::Array items, wanted_items(step));
  KELPIE_TRY(const bool has_drifted, differs(work, items));
  if (!has_drifted) return seen;
  return unmet({.reason = Reason::WorkloadDrifted, .detail = {}, .output = {}});
}

Tried<CallResult> run(const DeployStep& step, const Work& work) {
  KELPIE_TRY(require_control_plane(work));
  KELPIE_TRY(const Json::Array items, wanted_items(step));
  KELPIE_TRY(await_api(work.part(kApiBackLimit)));
  KELPIE_TRY(const std::vector<std::string> missing, missing_namespaces(work, spaces_of(items)));
  KELPIE_TRY(create_namespaces(work, missing));
  work.say("asking the API server whether it takes the manifests");
  KELPIE_TRY(const Json::Array live, live_objects(work, items));
  const Split split = split_by_owner(items, live);
  KELPIE_TRY(try_manifests(work, split));
  work.say(fmt::format("applying {} objects", items.size()));
  KELPIE_TRY(apply_split(work, split));
  KELPIE_TRY(Readiness readiness, await_ready(work, items));
  KELPIE_TRY(const Json::Array own, answered_for(step, work));
  const Json::Array old = stale(own, items);
  if (!old.empty()) {
    // Ready between two crashes is not well, and only what is well is followed by taking the old away. With nothing to
    // take away the wave's own soak is enough.
    KELPIE_TRY(readiness, soak(work, items));
    work.say("removing " + names_text(old));
  }
  KELPIE_TRY(delete_objects(work, old));
  return satisfied(
      fmt::format("{} objects applied, {}, {} old ones removed", items.size(), readiness.text(), old.size()));
}

Tried<CallResult> undo(const DeployStep& step, const std::string& restore, const Work& work) {
  KELPIE_TRY(const Json::Array items, wanted_items(step));
  KELPIE_TRY(await_api(work.part(kApiBackLimit)));
  KELPIE_TRY(const Json::Array live, live_objects(work, items));
  KELPIE_TRY(const Json::Array own, answered_for(step, work));
  work.say("putting the workloads back as they were");
  KELPIE_TRY(put_back(work, restore, merged(live, own)));
  return satisfied("workloads as before");
}

}  // namespace

Tried<CallResult> carry_out_deploy(const DeployStep& step, const StepCall& call, const Work& work) {
  switch (call.phase) {
    case Phase::Prepare: return prepare(step, work);
    case Phase::Observe: return observe(step, work);
    case Phase::Verify: return prove(step, work);
    case Phase::Run: return run(step, work);
    case Phase::Undo: return undo(step, call.restore, work);
  }
  KELPIE_ASSERT(false);
}

}  // namespace kelpie::agent
