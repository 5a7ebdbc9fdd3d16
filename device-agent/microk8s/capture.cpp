#include "device-agent/microk8s/capture.h"

#include <algorithm>
#include <set>

#include <fmt/core.h>

#include "device-agent/microk8s/commands.h"
#include "device-agent/microk8s/health.h"
#include "device-agent/microk8s/node.h"
#include "device-agent/microk8s/objects.h"
#include "device-agent/microk8s/power.h"
#include "device-agent/microk8s/readiness.h"

namespace kelpie::agent {
namespace {

constexpr Duration kApiPatience = std::chrono::seconds(120);  // facts, microk8s 5.6: it restarts now and then

Json names_of(const Json::Array& objects) {
  Json names{Json::Array{}};
  for (const Json& object : objects) names.append(name_of(object));
  return names;
}

std::set<std::string> texts_of(const Json& list) {
  std::set<std::string> texts;
  for (const Json& one : list.items()) texts.insert(one.text());
  return texts;
}

/// Those of the objects whose pods are all ready now.
Tried<Json::Array> ready_ones(const Work& work, const Json::Array& objects) {
  Json::Array ready;
  for (const Json& object : objects) {
    if (!has_health(object.text("kind"))) continue;
    KELPIE_TRY(const Readiness readiness, look_at(work, {object}));
    if (readiness.is_ready) ready.push_back(object);
  }
  return ready;
}

/// A stateful set replaces its pods in order: one that never got ready keeps it from going back by itself.
Tried<Json::Array> stuck_pods(const Work& work, const Json& set) {
  const std::string& space = set.at({"metadata", "namespace"}).text();
  KELPIE_TRY(const Json live, get_object(work, {"statefulsets", set.at({"metadata", "name"}).text(), "-n", space}));
  KELPIE_TRY(Json::Array pods, get_objects(work, {"pods", "-n", space}));
  std::erase_if(pods, [&](const Json& pod) {
    const std::string& revision = pod.at({"metadata", "labels"}).text("controller-revision-hash");
    return !is_pod_of(live, pod) || is_pod_ready(pod) || revision == live.at({"status", "updateRevision"}).text();
  });
  return pods;
}

Tried<void> free_stateful_sets(const Work& work, const Json::Array& before) {
  constexpr Duration kControllerLooks = std::chrono::seconds(3);
  for (const Json& object : before) {
    if (object.text("kind") != "StatefulSet") continue;
    KELPIE_TRY(work.wait(kControllerLooks));
    KELPIE_TRY(const Json::Array stuck, stuck_pods(work, object));
    KELPIE_TRY(delete_objects(work, stuck));
  }
  return {};
}

/// Of the namespaces that were missing those that a deploy made: between PREPARE and the way back somebody else, or an
/// add-on, may have made one, and with it goes everything that is in it.
Tried<Json::Array> own_spaces(const Work& work, const Json& missing) {
  const std::set<std::string> names = texts_of(missing);
  if (names.empty()) return Json::Array{};
  KELPIE_TRY(Json::Array spaces, get_objects(work, {"namespaces"}));
  std::erase_if(spaces, [&](const Json& space) {
    return !is_own(space) || !names.contains(space.at({"metadata", "name"}).text());
  });
  return spaces;
}

}  // namespace

Tried<Reach> read_reach(const Work& work) {
  KELPIE_TRY(const Power power, read_power(work));
  if (power == Power::Absent) return Reach::NothingThere;
  if (power == Power::Stopped) return Reach::Stopped;
  Tried<void> answers = await_api(work.part(kApiPatience));
  if (answers) return Reach::Answers;
  // A certs step in the same release renews them first: to read a way back before that is as impossible as on a
  // stopped node.
  if (answers.error().reason == Reason::CertificatesExpired) return Reach::Stopped;
  return fail(std::move(answers.error()));
}

Json empty_capture() {
  return Json(Json::Object{{"known", true}, {"objects", Json::Array{}}});
}

Json unknown_capture() {
  return Json(Json::Object{{"known", false}});
}

Tried<Json> capture(const Work& work, const Json::Array& live, const std::vector<std::string>& missing_spaces) {
  KELPIE_TRY(const Json::Array ready, ready_ones(work, live));
  Json objects{Json::Array{}};
  for (const Json& object : live) {
    // Made again, a job that is done would run again.
    if (object.text("kind") != "Job" || !judge(object, {}).is_ready) objects.append(without_server_fields(object));
  }
  Json spaces{Json::Array{}};
  for (const std::string& space : missing_spaces) spaces.append(space);
  return Json(Json::Object{
      {"kept", names_of(live)}, {"known", true}, {"objects", objects}, {"ready", names_of(ready)}, {"spaces", spaces}});
}

Json::Array merged(Json::Array a, const Json::Array& b) {
  std::set<std::string> seen;
  for (const Json& object : a) seen.insert(name_of(object));
  for (const Json& object : b) {
    if (seen.insert(name_of(object)).second) a.push_back(object);
  }
  return a;
}

Tried<void> put_back(const Work& work, const std::string& restore_text, const Json::Array& now) {
  const Result<Json> restore = Json::parse(restore_text);
  if (!restore || !restore->at("known").is_true()) {
    return trouble(Reason::RestoreUnknown,
                   "MicroK8s did not answer when the release was prepared, so what was there "
                   "before is not known");
  }
  const Json::Array& before = restore->at("objects").items();
  // Somebody may own a field by now; what was there before wins.
  KELPIE_TRY(apply(work, before, Force::Yes));
  const std::set<std::string> kept = texts_of(restore->at("kept"));
  Json::Array added;
  std::copy_if(now.begin(), now.end(), std::back_inserter(added),
               [&](const Json& object) { return is_own(object) && !kept.contains(name_of(object)); });
  KELPIE_TRY(delete_objects(work, added));
  KELPIE_TRY(const Json::Array spaces, own_spaces(work, restore->at("spaces")));
  KELPIE_TRY(delete_objects(work, spaces));
  KELPIE_TRY(free_stateful_sets(work, before));
  const std::set<std::string> were_ready = texts_of(restore->at("ready"));
  Json::Array awaited;
  std::copy_if(before.begin(), before.end(), std::back_inserter(awaited),
               [&](const Json& object) { return were_ready.contains(name_of(object)); });
  KELPIE_TRY(await_ready(work, awaited));
  return {};
}

}  // namespace kelpie::agent
