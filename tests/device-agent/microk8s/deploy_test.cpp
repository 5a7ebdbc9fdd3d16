// deploy, remove, workload checks: what is applied, what is proved, what is put back.
#include <gtest/gtest.h>

#include "device-agent/microk8s/json.h"
#include "device-agent/microk8s/objects.h"
#include "tests/device-agent/microk8s/scripted_host.h"

namespace kelpie::agent {
namespace {

using test::Deployed;
using test::list_of;
using test::node_list;
using test::pod_json;
using test::ScriptedHost;
using test::set_up_running;
using test::workload_json;

constexpr const char* kManifest =
    R"({"apiVersion":"v1","items":[{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"kiosk"},)"
    R"("spec":{"replicas":1,"selector":{"matchLabels":{"app":"kiosk"}},"template":{"metadata":{"labels":)"
    R"({"app":"kiosk"}},"spec":{"containers":[{"image":"docker.io/library/kiosk:1.4","name":"kiosk"}]}}}}],"kind":"List"})";

DeployStep kiosk(bool prune = false) {
  return {.workloads = {{.name = "kiosk", .name_space = "default", .manifest = kManifest}}, .prune = prune};
}

std::string own_labels(const std::string& workload = "kiosk", const std::string& hash = {}) {
  const std::string applied = hash.empty() ? manifest_hash(kiosk().workloads[0]) : hash;
  return R"({"app.kubernetes.io/managed-by":"kelpie","kelpie.dev/workload":")" + workload +
         R"(","kelpie.dev/manifest":")" + applied + "\"}";
}
Deployed live(int ready = 1) {
  return {.name_space = "default", .name = "kiosk", .wanted = 1, .ready = ready, .labels = own_labels()};
}

constexpr const char* kLive = "kubectl get -f -";
constexpr const char* kSeen = "kubectl get deployments,daemonsets,statefulsets,jobs,pods -n default";
constexpr const char* kOwn = "kubectl get deployments,daemonsets,statefulsets,jobs,cronjobs,pods,services";

/// Objects in namespace default as all three listings show them.
void has_objects(ScriptedHost& host, const std::vector<std::string>& objects,
                 const std::vector<std::string>& pods = {}) {
  std::vector<std::string> seen = objects;
  seen.insert(seen.end(), pods.begin(), pods.end());
  host.on(kLive).out(objects.empty() ? "" : list_of(objects));
  host.on(kSeen).out(list_of(seen));
  std::vector<std::string> own;
  for (const std::string& one : objects) {
    if (one.find("managed-by") != std::string::npos) own.push_back(one);
  }
  host.on(kOwn).out(list_of(own));
}

ScriptedHost with_default_namespace() {
  ScriptedHost host;
  set_up_running(host);
  host.on("kubectl get namespaces").out(list_of({R"({"kind":"Namespace","metadata":{"name":"default"}})"}));
  host.on("kubectl diff").out("", 0);
  host.on("kubectl apply").out("deployment.apps/kiosk serverside-applied\n");
  has_objects(host, {});
  return host;
}

TEST(Deploy, AppliesOnTheServerWithLabelsAfterATry) {
  ScriptedHost host = with_default_namespace();
  EXPECT_EQ(host.step(Phase::Observe, kiosk()).reason, "workload-missing");
  host.on("kubectl apply --server-side --field-manager=kelpie -f -").out("x\n").does([&host] {
    has_objects(host, {workload_json(live())});
  });
  const CallResult ran = host.step(Phase::Run, kiosk());
  EXPECT_EQ(ran.verdict, Verdict::Satisfied) << ran.detail;
  EXPECT_EQ(ran.summary, "1 objects applied, 1/1 pods ready, 0 old ones removed");
  const auto tried = std::find(host.asked.begin(), host.asked.end(),
                               "kubectl apply --server-side --field-manager=kelpie --dry-run=server -f -");
  const auto applied =
      std::find(host.asked.begin(), host.asked.end(), "kubectl apply --server-side --field-manager=kelpie -f -");
  EXPECT_TRUE(tried < applied);
  const Result<Json> sent = Json::parse(host.input_of("kubectl apply --server-side --field-manager=kelpie -f -"));
  ASSERT_TRUE(sent);
  const Json& metadata = sent->at("items").items().at(0).at("metadata");
  EXPECT_EQ(metadata.text("namespace"), "default");
  EXPECT_EQ(metadata.at("labels").text("app.kubernetes.io/managed-by"), "kelpie");
  EXPECT_EQ(metadata.at("labels").text("kelpie.dev/workload"), "kiosk");
  EXPECT_FALSE(sent->at("items").items().at(0).at({"spec", "template", "metadata", "labels"}).has(kOwnerLabel))
      << "or every release would restart every pod";
  EXPECT_EQ(host.step(Phase::Verify, kiosk()).summary, "1 workload as signed, 1/1 pods ready");
}

// An add-on before it may have restarted the API server: no reason to fail a release.
TEST(Deploy, AnApiServerThatIsAwayForAMomentIsWaitedFor) {
  ScriptedHost host = with_default_namespace();
  has_objects(host, {workload_json(live())});
  host.on("kubectl get --raw /readyz").err("The connection to the server 127.0.0.1:16443 was refused\n").out("ok");
  EXPECT_EQ(host.step(Phase::Observe, kiosk()).verdict, Verdict::Satisfied);
}

TEST(Deploy, AnOlderManifestIsOutdated) {
  ScriptedHost host = with_default_namespace();
  Deployed old = live();
  old.labels = own_labels("kiosk", "0123");
  has_objects(host, {workload_json(old)});
  EXPECT_EQ(host.step(Phase::Observe, kiosk()).reason, "workload-outdated");
}

// A deployment scaled to nothing carries the right label and is "ready".
TEST(Deploy, WhatSomebodyChangedSinceIsSeen) {
  ScriptedHost host = with_default_namespace();
  has_objects(host, {workload_json(live())});
  EXPECT_EQ(host.step(Phase::Observe, kiosk()).verdict, Verdict::Satisfied);
  host.on("kubectl diff").out("diff -u -N /tmp/LIVE/x /tmp/MERGED/x\n", 1);
  EXPECT_EQ(host.step(Phase::Observe, kiosk()).reason, "workload-drifted");
  host.on("kubectl diff").err("error: executable file not found in $PATH\n", 2);
  EXPECT_EQ(host.step(Phase::Observe, kiosk()).verdict, Verdict::Satisfied) << "no diff program, no verdict";
}

TEST(Deploy, FieldsOfOursAreTakenBackThoseOfOthersAreAConflict) {
  ScriptedHost host = with_default_namespace();
  has_objects(host, {workload_json(live())});
  EXPECT_EQ(host.step(Phase::Run, kiosk()).verdict, Verdict::Satisfied);
  EXPECT_TRUE(host.was_asked("kubectl apply --server-side --field-manager=kelpie --force-conflicts -f -"));

  Deployed by_hand = live();
  by_hand.labels = "{}";
  has_objects(host, {workload_json(by_hand)});
  host.on("kubectl apply --server-side --field-manager=kelpie --dry-run=server")
      .err(
          "error: Apply failed with 1 conflict: conflict with \"kubectl-create\" using apps/v1: .spec.replicas\n"
          "Please review the fields above--they currently have other managers.\n");
  const CallResult result = host.step(Phase::Prepare, kiosk());
  EXPECT_EQ(result.reason, "workload-conflict");
  EXPECT_EQ(result.detail,
            "the API server would refuse the manifests: Apply failed with 1 conflict: conflict with "
            "\"kubectl-create\" using apps/v1: .spec.replicas");
}

// Platform 3.3: the other documents are applied all the same, so it is tried first.
TEST(Deploy, AManifestTheServerRefusesIsSaidBeforeGo) {
  ScriptedHost host = with_default_namespace();
  host.on("kubectl apply --server-side --field-manager=kelpie --dry-run=server")
      .err(
          "failed to create typed patch object (default/kiosk; apps/v1, Kind=Deployment): .spec.replicaz: field not "
          "declared in schema\n");
  const CallResult result = host.step(Phase::Prepare, kiosk());
  EXPECT_EQ(result.reason, "manifest-refused");
  EXPECT_FALSE(result.is_transient);
}

// A definition and an object of its kind in one manifest: kubectl knows the kind a moment later.
TEST(Deploy, AKindThatTheManifestBringsIsAppliedTwice) {
  ScriptedHost host = with_default_namespace();
  const char* const unknown = "error: resource mapping not found for name: \"x\": no matches for kind \"Thing\"\n";
  host.on("kubectl apply --server-side --field-manager=kelpie --dry-run=server").err(unknown);
  host.on("kubectl apply --server-side --field-manager=kelpie -f -").err(unknown).out("x\n").does([&host] {
    has_objects(host, {workload_json(live())});
  });
  EXPECT_EQ(host.step(Phase::Prepare, kiosk()).verdict, Verdict::Satisfied);
  EXPECT_EQ(host.step(Phase::Run, kiosk()).verdict, Verdict::Satisfied);
  EXPECT_EQ(host.times_asked("kubectl apply --server-side --field-manager=kelpie -f -"), 2U);
}

TEST(Deploy, ABrokenImageFailsWithItsReasonAndTheNewestEvents) {
  ScriptedHost host = with_default_namespace();
  has_objects(host, {workload_json(live(0))},
              {pod_json({.workload = "kiosk",
                         .name_space = "default",
                         .reason = "ErrImageNeverPull",
                         .message = "Container image is not present with pull policy of Never"})});
  host.on("kubectl get events -n default")
      .out(list_of({R"({"reason":"ErrImageNeverPull","message":"newest","lastTimestamp":"2026-01-01T00:00:02Z"})",
                    R"({"reason":"Failed","message":"older","lastTimestamp":"2026-01-01T00:00:01Z"})"}));
  const CallResult result = host.step(Phase::Run, kiosk());
  EXPECT_EQ(result.reason, "workload-image");
  EXPECT_EQ(result.detail,
            "container main of pod kiosk-5d8f: ErrImageNeverPull (Container image is not present with "
            "pull policy of Never)");
  EXPECT_EQ(result.output_tail, "Failed: older\nErrImageNeverPull: newest\n");
  EXPECT_LT(host.now_ms, 10'000) << "waiting would change nothing";
}

TEST(Deploy, ACrashLoopFailsWithTheLastLines) {
  ScriptedHost host = with_default_namespace();
  has_objects(host, {workload_json(live(0))},
              {pod_json({.workload = "kiosk",
                         .name_space = "default",
                         .reason = "CrashLoopBackOff",
                         .message = "back-off 40s",
                         .restarts = 3})});
  host.on("kubectl get events -n default").out(list_of({}));
  host.on("kubectl logs -n default kiosk-5d8f -c main --tail=20 --previous").out("cannot open /data: denied\n");
  const CallResult result = host.step(Phase::Run, kiosk());
  EXPECT_EQ(result.reason, "workload-crashing");
  EXPECT_EQ(result.output_tail, "cannot open /data: denied\n");
}

/// A manifest of one object.
std::string one_object(const std::string& kind, const std::string& name, const std::string& rest) {
  return R"({"apiVersion":"v1","items":[{"apiVersion":"v1","kind":")" + kind + R"(","metadata":{"name":")" + name +
         "\"}" + rest + R"(}],"kind":"List"})";
}

struct Settling {
  const char* name;
  const char* kind;
  const char* spec;    // of the manifest and of the live object
  const char* status;  // of the live object
  const char* detail;  // empty: all is well
};
class Settles : public testing::TestWithParam<Settling> {};

// Facts, microk8s 7.4: there, and yet of no use.
TEST_P(Settles, OrSaysWhatItWaitsFor) {
  ScriptedHost host = with_default_namespace();
  const std::string manifest = one_object(GetParam().kind, "x", GetParam().spec);
  const DeployStep step{.workloads = {{.name = "site", .name_space = "default", .manifest = manifest}}, .prune = false};
  const std::string labels = own_labels("site", manifest_hash(step.workloads[0]));
  const std::string space = is_of_cluster(GetParam().kind) ? "" : R"("namespace":"default",)";
  has_objects(host, {std::string(R"({"apiVersion":"v1","kind":")") + GetParam().kind + R"(","metadata":{"name":"x",)" +
                     space + R"("labels":)" + labels + "}" + GetParam().spec + GetParam().status + "}"});
  host.on("kubectl get storageclasses")
      .out(list_of({R"({"kind":"StorageClass","metadata":{"name":"microk8s-hostpath"},)"
                    R"("volumeBindingMode":"WaitForFirstConsumer"})"}));
  host.on("kubectl get ingressclasses").out(list_of({R"({"kind":"IngressClass","metadata":{"name":"public"}})"}));
  const CallResult result = host.step(Phase::Verify, step);
  EXPECT_EQ(result.detail, GetParam().detail);
  EXPECT_EQ(result.verdict, GetParam().detail[0] == '\0' ? Verdict::Satisfied : Verdict::Unmet);
}

INSTANTIATE_TEST_SUITE_P(
    Deploy, Settles,
    testing::Values(
        Settling{"ConfigMap", "ConfigMap", R"(,"data":{"a":"b"})", "", ""},
        Settling{"ServiceInside", "Service", R"(,"spec":{"type":"ClusterIP"})", "", ""},
        Settling{"LoadBalancer", "Service", R"(,"spec":{"type":"LoadBalancer"})",
                 R"(,"status":{"loadBalancer":{"ingress":[{"ip":"10.0.0.10"}]}})", ""},
        Settling{"LoadBalancerWithoutMetallb", "Service", R"(,"spec":{"type":"LoadBalancer"})", "",
                 "service x waits for an address, which nothing on the device gives out: add-on metallb with a range "
                 "does, or expose: NodePort"},
        Settling{"ClaimBound", "PersistentVolumeClaim", R"(,"spec":{})", R"(,"status":{"phase":"Bound"})", ""},
        Settling{"ClaimThatWaitsForItsFirstPod", "PersistentVolumeClaim",
                 R"(,"spec":{"storageClassName":"microk8s-hostpath"})", R"(,"status":{"phase":"Pending"})", ""},
        Settling{"ClaimWithoutAClass", "PersistentVolumeClaim", R"(,"spec":{"storageClassName":"fast"})",
                 R"(,"status":{"phase":"Pending"})",
                 "claim x gets no volume: the device has no storage class fast; add-on hostpath-storage brings "
                 "microk8s-hostpath"},
        Settling{"ClaimOfAVolumeMadeByHand", "PersistentVolumeClaim", R"(,"spec":{"storageClassName":""})",
                 R"(,"status":{"phase":"Pending"})",
                 "claim x asks for a volume that somebody has made, and there is none"},
        Settling{"IngressWithAnAddress", "Ingress", R"(,"spec":{"ingressClassName":"nginx"})",
                 R"(,"status":{"loadBalancer":{"ingress":[{"ip":"127.0.0.1"}]}})", ""},
        Settling{"IngressServed", "Ingress", R"(,"spec":{"ingressClassName":"public"})", "", ""},
        Settling{"IngressOfNobody", "Ingress", R"(,"spec":{"ingressClassName":"nginx"})", "",
                 "Ingress x is served by nobody: the device has no ingress class nginx; add-on ingress brings public"},
        Settling{"DefinitionServed", "CustomResourceDefinition", R"(,"spec":{})",
                 R"(,"status":{"conditions":[{"type":"Established","status":"True"}]})", ""},
        Settling{"DefinitionNotYet", "CustomResourceDefinition", R"(,"spec":{})", "",
                 "definition x is not served yet"}),
    [](const auto& row) { return row.param.name; });

// Events live five minutes: whoever asks later finds none.
TEST(Deploy, WhatWaitsInVainIsToldWithTheNewestEvents) {
  ScriptedHost host = with_default_namespace();
  const std::string manifest = one_object("Service", "x", R"(,"spec":{"type":"LoadBalancer"})");
  const DeployStep step{.workloads = {{.name = "site", .name_space = "default", .manifest = manifest}}, .prune = false};
  has_objects(host, {R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"x","namespace":"default","labels":)" +
                     own_labels("site") + R"(},"spec":{"type":"LoadBalancer"}})"});
  host.on("kubectl get events -n default").out(list_of({R"({"reason":"AllocationFailed","message":"no pool"})"}));
  const CallResult result = host.step(Phase::Run, step);
  EXPECT_EQ(result.reason, "workload-not-ready");
  EXPECT_EQ(result.output_tail, "AllocationFailed: no pool\n");
  EXPECT_LT(host.now_ms, 200'000) << "three minutes, as for pods";
}

// Kubernetes chooses the port: nobody could know it before, and everybody asks for it afterwards.
TEST(Deploy, SaysWhereTheWorkloadIsReached) {
  ScriptedHost host = with_default_namespace();
  const std::string manifest = one_object("Service", "kiosk", R"(,"spec":{"type":"NodePort","ports":[{"port":8080}]})");
  const DeployStep step{.workloads = {{.name = "site", .name_space = "default", .manifest = manifest}}, .prune = false};
  const std::string labels = own_labels("site", manifest_hash(step.workloads[0]));
  has_objects(host,
              {R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"kiosk","namespace":"default","labels":)" +
               labels + R"(},"spec":{"type":"NodePort","ports":[{"port":8080,"nodePort":31234}]}})"});
  std::string node = node_list("True");
  node.replace(node.find(R"("nodeInfo")"), 0, R"("addresses":[{"type":"InternalIP","address":"192.168.7.2"}],)");
  host.on("kubectl get nodes").out(node);
  EXPECT_EQ(host.step(Phase::Verify, step).summary,
            "1 workload as signed, 0/0 pods ready, kiosk at http://192.168.7.2:31234");
}

// Signed and stored in plain text, whoever made the release.
TEST(Deploy, ASecretWithDataIsRefused) {
  ScriptedHost host = with_default_namespace();
  for (const char* const data : {R"(,"data":{"password":"aHVudGVyMg=="})", R"(,"stringData":{"password":"hunter2"})"}) {
    const std::string manifest = one_object("Secret", "site", data);
    const DeployStep step{.workloads = {{.name = "site", .name_space = "default", .manifest = manifest}},
                          .prune = false};
    const CallResult result = host.step(Phase::Prepare, step);
    EXPECT_EQ(result.reason, "manifest-refused");
    EXPECT_EQ(result.detail.find("hunter2"), std::string::npos);
    EXPECT_EQ(host.step(Phase::Run, step).reason, "manifest-refused");
  }
  EXPECT_FALSE(host.was_asked("kubectl apply"));
}

// Ready for a moment between two crashes is not well: what was there before is not taken away yet.
TEST(Deploy, IsWatchedForAWhileBeforeTheOldIsTakenAway) {
  ScriptedHost host = with_default_namespace();
  const auto pod = [](int restarts) {
    std::string text = pod_json({.workload = "kiosk", .name_space = "default", .reason = "x", .restarts = restarts});
    const std::string waiting = R"("waiting":{"reason":"x","message":"Back-off pulling image"})";
    return text.replace(text.find(waiting), waiting.size(), R"("running":{})");
  };
  const std::string ready = workload_json(live());
  Deployed before = live();
  before.name = "kiosk-before";
  has_objects(host, {ready, workload_json(before)});
  host.on("kubectl delete").out("deployment.apps \"kiosk-before\" deleted\n");
  host.on(kSeen).out(list_of({ready, pod(0)})).out(list_of({ready, pod(0)})).out(list_of({ready, pod(1)}));
  host.on("kubectl get events -n default").out(list_of({R"({"reason":"BackOff","message":"restarting"})"}));
  const CallResult result = host.step(Phase::Run, kiosk());
  EXPECT_EQ(result.reason, "workload-crashing");
  EXPECT_EQ(result.detail, "containers started again 1 times within 10 s of being ready");
  EXPECT_EQ(result.output_tail, "BackOff: restarting\n");
  EXPECT_FALSE(host.was_asked("kubectl delete"));

  host.on(kSeen).out(list_of({ready, pod(1)}));
  const std::int64_t since = host.now_ms;
  EXPECT_EQ(host.step(Phase::Run, kiosk()).verdict, Verdict::Satisfied);
  EXPECT_EQ(host.now_ms - since, 30'000);
}

TEST(Deploy, WhatNoWaitingCuresIsNamed) {
  const std::string evicted =
      R"({"kind":"Pod","metadata":{"name":"kiosk-5d8f","namespace":"default","labels":{"app":"kiosk"}},)"
      R"("status":{"phase":"Failed","reason":"Evicted","message":"the node was low on disk"}})";
  const std::string misconfigured =
      pod_json({.workload = "kiosk", .name_space = "default", .reason = "CreateContainerConfigError"});
  for (const auto& [pod, word] :
       {std::pair(evicted, "workload-unschedulable"), std::pair(misconfigured, "workload-config")}) {
    ScriptedHost host = with_default_namespace();
    has_objects(host, {workload_json(live(0))}, {pod});
    host.on("kubectl get events -n default").out(list_of({}));
    EXPECT_EQ(host.step(Phase::Run, kiosk()).reason, word);
  }
}

TEST(Deploy, AJobThatGaveUpFails) {
  ScriptedHost host = with_default_namespace();
  has_objects(host, {R"({"kind":"Job","metadata":{"name":"kiosk","namespace":"default","labels":)" + own_labels() +
                     R"(},"spec":{"completions":1},)"
                     R"("status":{"conditions":[{"type":"Failed","status":"True","message":"gave up"}]}})"});
  host.on("kubectl get events -n default").out(list_of({}));
  EXPECT_EQ(host.checks({WorkloadReadyCheck{.workload = "kiosk", .within_s = 60}}).reason, "workload-failed");
}

TEST(Deploy, APullThatKeepsFailingIsGivenThreeMinutes) {
  ScriptedHost host = with_default_namespace();
  has_objects(host, {workload_json(live(0))}, {pod_json({.workload = "kiosk", .name_space = "default"})});
  host.on("kubectl get events -n default").out(list_of({}));
  EXPECT_EQ(host.step(Phase::Run, kiosk()).reason, "workload-image");
  EXPECT_GE(host.now_ms, 180'000);
  EXPECT_LT(host.now_ms, 200'000);
}

TEST(Deploy, OldObjectsGoOnlyAfterTheNewAreWell) {
  ScriptedHost host = with_default_namespace();
  Deployed gone = live();
  gone.name = "menu";
  gone.labels = own_labels("menu");
  has_objects(host, {workload_json(live()), workload_json(gone)});
  EXPECT_EQ(host.step(Phase::Observe, kiosk(false)).verdict, Verdict::Satisfied) << "another release's business";
  EXPECT_EQ(host.step(Phase::Observe, kiosk(true)).reason, "workload-outdated");
  host.on("kubectl delete").out("deployment.apps \"menu\" deleted\n");
  EXPECT_EQ(host.step(Phase::Run, kiosk(true)).verdict, Verdict::Satisfied);
  const std::string deleted = host.input_of("kubectl delete -f - --ignore-not-found --wait --timeout=60s");
  EXPECT_NE(deleted.find("menu"), std::string::npos);
  EXPECT_EQ(deleted.find("kiosk"), std::string::npos);
}

TEST(Deploy, UndoAppliesWhatWasThereAndDeletesWhatWasNot) {
  ScriptedHost host = with_default_namespace();
  const std::string first = host.step(Phase::Prepare, kiosk()).restore;
  has_objects(host, {workload_json(live())});
  host.on("kubectl delete").out("x\n").does([&host] { has_objects(host, {}); });
  EXPECT_EQ(host.step(Phase::Undo, kiosk(), first).verdict, Verdict::Satisfied);
  EXPECT_NE(host.input_of("kubectl delete").find("kiosk"), std::string::npos) << "the first had nothing before it";

  Deployed by_hand = live();
  by_hand.labels = R"({"made":"by-hand"})";
  has_objects(host, {workload_json(by_hand)});
  const std::string second = host.step(Phase::Prepare, kiosk()).restore;
  const CallResult result = host.step(Phase::Undo, kiosk(), second);
  EXPECT_EQ(result.verdict, Verdict::Satisfied) << result.detail;
  const std::string put_back = host.input_of("kubectl apply --server-side --field-manager=kelpie --force-conflicts");
  EXPECT_NE(put_back.find("by-hand"), std::string::npos);
  EXPECT_EQ(put_back.find("resourceVersion"), std::string::npos);
  EXPECT_EQ(put_back.find("status"), std::string::npos);
}

TEST(Deploy, UndoIsProvedByHealthIfThereWasHealth) {
  ScriptedHost host = with_default_namespace();
  has_objects(host, {workload_json(live())});
  const std::string restore = host.step(Phase::Prepare, kiosk()).restore;
  has_objects(host, {workload_json(live(0))});
  host.limit = std::chrono::minutes(1);
  EXPECT_EQ(host.step(Phase::Undo, kiosk(), restore).reason, "workload-not-ready");
}

TEST(Deploy, WithoutARestorePointThereIsNoWayBack) {
  ScriptedHost host = with_default_namespace();
  host.files["/var/snap/microk8s/current/var/lock/stopped.lock"] = "";
  const CallResult prepared = host.step(Phase::Prepare, kiosk());
  EXPECT_EQ(prepared.verdict, Verdict::Satisfied) << "a start step may come before it";
  host.files.clear();
  EXPECT_EQ(host.step(Phase::Undo, kiosk(), prepared.restore).reason, "restore-unknown");
}

TEST(Deploy, UndoDeletesOnlyNamespacesThatItMade) {
  ScriptedHost host = with_default_namespace();
  DeployStep step = kiosk();
  step.workloads[0].name_space = "site";
  const std::string restore = host.step(Phase::Prepare, step).restore;
  // Prepared long before GO: meanwhile somebody made that namespace, with a database in it.
  host.on("kubectl get namespaces").out(list_of({R"({"kind":"Namespace","metadata":{"name":"site"}})"}));
  EXPECT_EQ(host.step(Phase::Undo, step, restore).verdict, Verdict::Satisfied);
  EXPECT_FALSE(host.was_asked("kubectl delete"));
  host.on("kubectl get namespaces")
      .out(list_of({R"({"kind":"Namespace","metadata":{"name":"site","labels":)"
                    R"({"app.kubernetes.io/managed-by":"kelpie"}}})",
                    R"({"kind":"Namespace","metadata":{"name":"other","labels":)"
                    R"({"app.kubernetes.io/managed-by":"kelpie"}}})"}));
  host.on("kubectl delete").out("namespace \"site\" deleted\n");
  EXPECT_EQ(host.step(Phase::Undo, step, restore).verdict, Verdict::Satisfied);
  const std::string deleted = host.input_of("kubectl delete");
  EXPECT_NE(deleted.find("site"), std::string::npos);
  EXPECT_EQ(deleted.find("other"), std::string::npos);
}

TEST(Deploy, MoreThanCanBeKeptIsRefusedBeforeGo) {
  ScriptedHost host = with_default_namespace();
  Deployed large = live();
  large.labels = R"({"note":")" + std::string(100'000, 'x') + "\"}";
  has_objects(host, {workload_json(large)});
  EXPECT_EQ(host.step(Phase::Prepare, kiosk()).reason, "restore-too-large");
}

TEST(Deploy, ANamespaceThatIsMissingIsMadeFirst) {
  ScriptedHost host = with_default_namespace();
  DeployStep step = kiosk();
  step.workloads[0].name_space = "site";
  Deployed there = live();
  there.name_space = "site";
  EXPECT_EQ(host.step(Phase::Prepare, step).verdict, Verdict::Satisfied);
  EXPECT_FALSE(host.was_asked("kubectl apply")) << "a dry run cannot see a namespace that is not there";
  host.on("kubectl apply").out("x\n").does([&] {
    host.on("kubectl get deployments,daemonsets,statefulsets,jobs,pods -n site").out(list_of({workload_json(there)}));
  });
  EXPECT_EQ(host.step(Phase::Run, step).verdict, Verdict::Satisfied);
  const auto first = std::find_if(host.asked.begin(), host.asked.end(),
                                  [](const std::string& one) { return one.starts_with("kubectl apply"); });
  const std::string& input = host.inputs[static_cast<std::size_t>(first - host.asked.begin())];
  EXPECT_NE(input.find(R"("kind":"Namespace")"), std::string::npos);
}

TEST(Remove, TakesOnlyOwnObjects) {
  ScriptedHost host = with_default_namespace();
  has_objects(host, {workload_json(live())});
  const RemoveStep step{{"kiosk"}};
  const std::string restore = host.step(Phase::Prepare, step).restore;
  EXPECT_EQ(host.step(Phase::Observe, step).reason, "workload-still-there");
  EXPECT_TRUE(
      host.was_asked("kubectl get deployments,daemonsets,statefulsets,jobs,cronjobs,pods,services,configmaps,"
                     "secrets,ingresses,serviceaccounts,roles,rolebindings,networkpolicies,horizontalpodautoscalers,"
                     "poddisruptionbudgets -A -l "
                     "app.kubernetes.io/managed-by=kelpie,kelpie.dev/workload=kiosk"));
  host.on("kubectl delete").out("x\n").does([&host] { has_objects(host, {}); });
  EXPECT_EQ(host.step(Phase::Run, step).verdict, Verdict::Satisfied);
  EXPECT_EQ(host.step(Phase::Verify, step).summary, "none is there: kiosk");
  host.on("kubectl apply").out("x\n").does([&host] { has_objects(host, {workload_json(live())}); });
  EXPECT_EQ(host.step(Phase::Undo, step, restore).verdict, Verdict::Satisfied);
}

TEST(Remove, ANamespaceThatHangsInTerminatingIsSaid) {
  ScriptedHost host = with_default_namespace();
  has_objects(host, {workload_json(live())});
  host.on("kubectl delete").err("error: timed out waiting for the condition on deployments/kiosk\n");
  EXPECT_EQ(host.step(Phase::Run, RemoveStep{{"kiosk"}}).reason, "workload-still-there");
}

TEST(Checks, AWorkloadIsWaitedForAsLongAsTheCheckSays) {
  ScriptedHost host = with_default_namespace();
  has_objects(host, {workload_json(live(0))});
  const CallResult late = host.checks({NodeReadyCheck{}, WorkloadReadyCheck{.workload = "kiosk", .within_s = 60}});
  EXPECT_EQ(late.verdict, Verdict::Unmet);
  EXPECT_EQ(late.reason, "workload-not-ready");
  EXPECT_EQ(host.now_ms, 61'000);
  host.on(kSeen).out(list_of({workload_json(live(0))})).out(list_of({workload_json(live())}));
  const CallResult well = host.checks({NodeReadyCheck{}, WorkloadReadyCheck{.workload = "kiosk", .within_s = 60}});
  EXPECT_EQ(well.verdict, Verdict::Satisfied);
  EXPECT_EQ(well.summary, "node pi-01 Ready; kiosk: 1/1 pods ready");
}

// Configuration alone is a workload too: there is nothing to wait for.
TEST(Checks, AWorkloadWithoutPodsIsReadyWhenItIsThere) {
  ScriptedHost host = with_default_namespace();
  host.on(kOwn).out(list_of(
      {R"({"kind":"ConfigMap","metadata":{"name":"kiosk","namespace":"default","labels":)" + own_labels() + "}}"}));
  EXPECT_EQ(host.checks({WorkloadReadyCheck{.workload = "kiosk", .within_s = 60}}).verdict, Verdict::Satisfied);
}

TEST(Checks, AWorkloadThatIsNotThereIsMissing) {
  ScriptedHost host = with_default_namespace();
  EXPECT_EQ(host.checks({WorkloadReadyCheck{.workload = "kiosk", .within_s = 60}}).reason, "workload-missing");
}

TEST(Checks, AnApiServerThatIsAwayIsToldApart) {
  ScriptedHost host = with_default_namespace();
  host.on("kubectl get --raw /readyz")
      .err("The connection to the server 127.0.0.1:16443 was refused - did you specify the right host or port?\n");
  const CallResult result = host.checks({NodeReadyCheck{}});
  EXPECT_EQ(result.reason, "api-not-ready");
  EXPECT_TRUE(result.is_transient);
  EXPECT_LE(host.now_ms, 1'000 + 125'000);
}

}  // namespace
}  // namespace kelpie::agent
