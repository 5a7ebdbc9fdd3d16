#include "device-agent/microk8s/readiness.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/core.h>

#include "device-agent/microk8s/commands.h"
#include "device-agent/microk8s/node.h"
#include "device-agent/microk8s/objects.h"
#include "device-agent/microk8s/settled.h"

namespace kelpie::agent {
namespace {

using std::chrono::seconds;

constexpr Duration kLookEvery = seconds(3);          // chosen: one kubectl costs a Pi a second of CPU
constexpr Duration kTrapEvery = seconds(15);         // events of a sandbox come with the first pod
constexpr Duration kExplainLimit = seconds(10);      // beyond the limit of the call: an end without a why helps nobody
constexpr Duration kSoak = seconds(30);              // facts, microk8s 7.4: 30 to 60 s
constexpr Duration kSoakLook = seconds(10);          // chosen: three looks
constexpr Duration kTroublePatience = seconds(180);  // chosen: kubelet has tried five times by then

struct Seen {
  std::map<std::string, Json> objects;
  Json::Array pods;
};

Tried<Seen> read_namespaces(const Work& work, const Json::Array& objects) {
  std::set<std::string> spaces;
  for (const Json& object : objects) {
    if (has_health(object.text("kind"))) spaces.insert(object.at({"metadata", "namespace"}).text());
  }
  Seen seen;
  for (const std::string& space : spaces) {
    KELPIE_TRY(const Json::Array found,
               get_objects(work, {"deployments,daemonsets,statefulsets,jobs,pods", "-n", space}));
    for (const Json& one : found) {
      if (one.text("kind") == "Pod") seen.pods.push_back(one);
      seen.objects.insert_or_assign(name_of(one), one);
    }
  }
  return seen;
}

void add(Readiness& all, const Json& object, const Seen& seen) {
  const auto at = seen.objects.find(name_of(object));
  Health health;
  if (at == seen.objects.end()) {
    health.trouble = Trouble{
        .reason = Reason::WorkloadMissing, .detail = fmt::format("{} is not there", name_of(object)), .output = {}};
  } else {
    health = judge(at->second, seen.pods);
  }
  all.is_ready = all.is_ready && health.is_ready;
  all.ready += health.ready;
  all.wanted += health.wanted;
  all.restarts += health.restarts;
  all.is_hopeless = all.is_hopeless || health.is_hopeless;
  if (all.trouble || health.is_ready || !health.trouble) return;
  all.trouble = std::move(health.trouble);
  all.failing = std::move(health.failing);
}

bool has_kind(const Json::Array& objects, std::string_view kind) {
  return std::any_of(objects.begin(), objects.end(), [&](const Json& one) { return one.text("kind") == kind; });
}

Tried<void> add_settling(const Work& work, const Json::Array& objects, const Json::Array& pods, Readiness& all) {
  Json::Array settling;
  std::copy_if(objects.begin(), objects.end(), std::back_inserter(settling), has_to_settle);
  if (settling.empty()) return {};
  KELPIE_TRY(const Json::Array live, live_objects(work, settling));
  Surroundings around{.storage_classes = {}, .ingress_classes = {}, .pods = pods};
  if (has_kind(live, "PersistentVolumeClaim")) {
    KELPIE_TRY(around.storage_classes, get_objects(work, {"storageclasses"}));
  }
  if (has_kind(live, "Ingress")) {
    KELPIE_TRY(around.ingress_classes, get_objects(work, {"ingressclasses"}));
  }
  for (const Json& object : live) {
    std::optional<Trouble> why = has_to_settle(object) ? unsettled(object, around) : std::nullopt;
    all.is_ready = all.is_ready && !why;
    if (!why || all.trouble) continue;
    all.trouble = std::move(why);
    all.failing = {.name_space = object.at({"metadata", "namespace"}).text(), .pod = {}, .container = {}};
  }
  return {};
}

/// What it said last, of the run before if there was one. Bounded by the caller's report.
std::string last_words(const Work& work, const FailingContainer& failing) {
  if (!failing.has_run) return {};
  std::vector<std::string> arguments{"logs",      "-n",        failing.name_space, failing.pod, "-c", failing.container,
                                     "--tail=20", "--previous"};
  const Tried<Exit> before = run_kubectl(work, arguments);
  if (before && before->code == 0 && !before->out.empty()) return before->out;
  arguments.pop_back();
  const Tried<Exit> now = run_kubectl(work, arguments);
  return now && now->code == 0 ? now->out : "";
}

/// The newest warnings of its namespace: they live five minutes, then nobody knows.
std::string last_warnings(const Work& work, const std::string& name_space) {
  Tried<Json::Array> events = get_objects(work, {"events", "-n", name_space, "--field-selector=type=Warning"});
  if (!events) return {};
  std::stable_sort(events->begin(), events->end(),
                   [](const Json& a, const Json& b) { return a.text("lastTimestamp") < b.text("lastTimestamp"); });
  std::string text;
  constexpr std::size_t kWarnings = 5;
  const std::size_t from = events->size() - std::min(events->size(), kWarnings);
  for (std::size_t i = from; i < events->size(); ++i) {
    text += fmt::format("{}: {}\n", (*events)[i].text("reason"), (*events)[i].text("message"));
  }
  return text;
}

/// Before the limit of the call: what was there last is worth more than "no time left".
tl::unexpected<Trouble> give_up(const Work& work, const Readiness& last, Duration waited) {
  if (!last.trouble) {
    return trouble(Reason::WorkloadNotReady, fmt::format("not ready after {}: {}", in_seconds(waited), last.text()));
  }
  Trouble why = *last.trouble;
  if (last.failing.name_space.empty()) return fail(std::move(why));
  const Work moment(work.host(), kExplainLimit);
  why.output += last_warnings(moment, last.failing.name_space) + last_words(moment, last.failing);
  return fail(std::move(why));
}

bool is_passing(const Trouble& why) {
  return why.reason == Reason::ApiNotReady || why.reason == Reason::CommandTimeout;
}

}  // namespace

std::string Readiness::text() const {
  return fmt::format("{}/{} pods ready", ready, wanted);
}

Tried<Readiness> look_at(const Work& work, const Json::Array& objects) {
  KELPIE_TRY(const Seen seen, read_namespaces(work, objects));
  Readiness all;
  for (const Json& object : objects) {
    if (has_health(object.text("kind"))) add(all, object, seen);
  }
  KELPIE_TRY(add_settling(work, objects, seen.pods, all));
  return all;
}

Tried<Readiness> await_ready(const Work& work, const Json::Array& objects) {
  const SteadyTime since = work.now();
  SteadyTime look_for_trap = since + kTrapEvery;
  std::optional<SteadyTime> troubled_since;
  Readiness last;
  while (true) {
    Tried<Readiness> now = look_at(work, objects);
    if (!now && !is_passing(now.error())) return fail(now.error());
    if (now) {
      last = *now;
      if (last.is_ready) return last;
      if (last.is_hopeless) return give_up(work, last, work.now() - since);
      if (!last.trouble || last.trouble->reason == Reason::WorkloadMissing)
        troubled_since.reset();
      else if (!troubled_since)
        troubled_since = work.now();
    }
    if (troubled_since && work.now() - *troubled_since >= kTroublePatience)
      return give_up(work, last, work.now() - since);
    if (work.now() >= look_for_trap) {
      if (std::optional<Trouble> trap = find_sandbox_trap(work)) return fail(std::move(*trap));
      look_for_trap = work.now() + kTrapEvery;
    }
    if (work.is_over()) return give_up(work, last, work.now() - since);
    work.say(fmt::format("waiting for workloads, {}: {}{}", in_seconds(work.now() - since), last.text(),
                         last.trouble ? ", " + last.trouble->detail : ""));
    KELPIE_TRY(work.wait(kLookEvery));
  }
}

Tried<Readiness> soak(const Work& work, const Json::Array& objects) {
  const SteadyTime since = work.now();
  KELPIE_TRY(Readiness last, look_at(work, objects));
  const std::int64_t restarts = last.restarts;
  if (last.wanted == 0) return last;
  while (last.is_ready && work.now() - since < kSoak) {
    work.say(fmt::format("watching that they stay ready, {}", in_seconds(work.now() - since)));
    KELPIE_TRY(work.wait(kSoakLook));
    Tried<Readiness> now = look_at(work, objects);
    if (!now && is_passing(now.error()) && !work.is_over()) continue;
    KELPIE_TRY(last, std::move(now));
    if (last.restarts > restarts) {
      return trouble(Reason::WorkloadCrashing,
                     fmt::format("containers started again {} times within {} of being ready", last.restarts - restarts,
                                 in_seconds(work.now() - since)),
                     last_warnings(work, objects.front().at({"metadata", "namespace"}).text()));
    }
    if (work.is_over()) return last;
  }
  if (!last.is_ready) return give_up(work, last, work.now() - since);
  return last;
}

}  // namespace kelpie::agent
