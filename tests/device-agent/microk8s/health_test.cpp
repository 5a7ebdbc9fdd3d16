// The verdict on workloads, as a table of what the API server says (facts, microk8s 7.4).
#include "device-agent/microk8s/health.h"

#include <fstream>
#include <iterator>
#include <set>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "device-agent/microk8s/work.h"
#include "tests/device-agent/microk8s/scripted_host.h"

namespace kelpie::agent {
namespace {

Json parsed(const std::string& text) {
  Result<Json> json = Json::parse(text);
  EXPECT_TRUE(json) << text;
  return json ? *json : Json();
}

struct Judged {
  const char* name;
  const char* kind;
  const char* spec;
  const char* status;
  bool is_ready;
  bool is_hopeless = false;
};
class Verdicts : public testing::TestWithParam<Judged> {};

TEST_P(Verdicts, FollowTheTable) {
  const Judged& row = GetParam();
  const Json object = parsed(fmt::format(
      R"({{"kind":"{}","metadata":{{"name":"x","namespace":"default","generation":2}},"spec":{},"status":{}}})",
      row.kind, row.spec, row.status));
  const Health health = judge(object, {});
  EXPECT_EQ(health.is_ready, row.is_ready);
  EXPECT_EQ(health.is_hopeless, row.is_hopeless);
}

constexpr const char* kTwo = R"({"replicas":2})";

INSTANTIATE_TEST_SUITE_P(
    Health, Verdicts,
    testing::Values(
        Judged{"DeploymentReady", "Deployment", kTwo,
               R"({"observedGeneration":2,"replicas":2,"updatedReplicas":2,"availableReplicas":2})", true},
        Judged{"DeploymentNotObserved", "Deployment", kTwo,
               R"({"observedGeneration":1,"replicas":2,"updatedReplicas":2,"availableReplicas":2})", false},
        Judged{"DeploymentOldPodsLeft", "Deployment", kTwo,
               R"({"observedGeneration":2,"replicas":3,"updatedReplicas":2,"availableReplicas":2})", false},
        Judged{
            "DeploymentUnavailable", "Deployment", kTwo,
            R"({"observedGeneration":2,"replicas":2,"updatedReplicas":2,"availableReplicas":1,"unavailableReplicas":1})",
            false},
        Judged{"DeploymentOmittedMeansZero", "Deployment", kTwo, R"({"observedGeneration":2})", false},
        Judged{"DeploymentOfNone", "Deployment", R"({"replicas":0})", R"({"observedGeneration":2})", true},
        Judged{"DeploymentLate", "Deployment", kTwo,
               R"({"observedGeneration":2,"conditions":[{"type":"Progressing","reason":"ProgressDeadlineExceeded"}]})",
               false, true},
        Judged{"DaemonSetReady", "DaemonSet", "{}",
               R"({"observedGeneration":2,"desiredNumberScheduled":1,"updatedNumberScheduled":1,"numberAvailable":1})",
               true},
        Judged{"DaemonSetOfNoNode", "DaemonSet", "{}",
               R"({"observedGeneration":2,"desiredNumberScheduled":0,"updatedNumberScheduled":0,"numberAvailable":0})",
               false},
        Judged{"StatefulSetReady", "StatefulSet", kTwo,
               R"({"observedGeneration":2,"replicas":2,"readyReplicas":2,"currentRevision":"a","updateRevision":"a"})",
               true},
        Judged{"StatefulSetHalfWay", "StatefulSet", kTwo,
               R"({"observedGeneration":2,"replicas":2,"readyReplicas":2,"currentRevision":"a","updateRevision":"b"})",
               false},
        Judged{"JobComplete", "Job", "{}", R"({"succeeded":1,"conditions":[{"type":"Complete","status":"True"}]})",
               true},
        Judged{"JobFailed", "Job", "{}",
               R"({"conditions":[{"type":"Failed","status":"True","message":"BackoffLimitExceeded"}]})", false, true},
        Judged{"PodReady", "Pod", "{}", R"({"phase":"Running","conditions":[{"type":"Ready","status":"True"}]})", true},
        Judged{"PodPending", "Pod", "{}", R"({"phase":"Pending"})", false}),
    [](const auto& row) { return row.param.name; });

struct Failing {
  const char* word;
  int restarts;
  Reason reason;
  bool is_hopeless;
};
class FailingContainers : public testing::TestWithParam<Failing> {};

TEST_P(FailingContainers, AreNamedByTheirReason) {
  const Json object = parsed(test::workload_json({.ready = 0}));
  const Json pod = parsed(test::pod_json({.reason = GetParam().word, .restarts = GetParam().restarts}));
  const Health health = judge(object, {pod});
  ASSERT_TRUE(health.trouble);
  EXPECT_EQ(health.trouble->reason, GetParam().reason);
  EXPECT_EQ(health.is_hopeless, GetParam().is_hopeless);
  EXPECT_EQ(health.word, GetParam().word);
  EXPECT_EQ(health.failing.container, "main");
}

INSTANTIATE_TEST_SUITE_P(Health, FailingContainers,
                         testing::Values(Failing{"InvalidImageName", 0, Reason::WorkloadImage, true},
                                         Failing{"ErrImageNeverPull", 0, Reason::WorkloadImage, true},
                                         Failing{"ErrImagePull", 0, Reason::WorkloadImage, false},
                                         Failing{"ImagePullBackOff", 0, Reason::WorkloadImage, false},
                                         Failing{"CreateContainerConfigError", 0, Reason::WorkloadConfig, true},
                                         Failing{"CrashLoopBackOff", 1, Reason::WorkloadCrashing, false},
                                         Failing{"CrashLoopBackOff", 3, Reason::WorkloadCrashing, true}),
                         [](const auto& row) { return fmt::format("{}{}", row.param.word, row.param.restarts); });

// A release that cures a crash loop must not be failed by the pods it replaces.
TEST(Health, PodsOfTheTemplateBeforeDoNotCount) {
  Json object = parsed(test::workload_json({.ready = 0}));
  Json old_pod = parsed(test::pod_json({.reason = "CrashLoopBackOff", .restarts = 9}));
  old_pod["metadata"]["labels"]["pod-template-hash"] = "1";
  Json new_pod = parsed(test::pod_json({.reason = "ContainerCreating"}));
  new_pod["metadata"]["labels"]["pod-template-hash"] = "2";
  new_pod["metadata"]["creationTimestamp"] = "2026-01-01T00:05:00Z";
  EXPECT_FALSE(judge(object, {old_pod, new_pod}).is_hopeless);
  object["status"]["updatedReplicas"] = 0;
  EXPECT_FALSE(judge(object, {old_pod}).is_hopeless) << "nor before the first new pod is made";
}

TEST(Health, ADaemonSetThatFitsNoNodeIsNamed) {
  const Json object =
      parsed(R"({"kind":"DaemonSet","metadata":{"name":"x","namespace":"default","generation":1},"spec":{},"status":)"
             R"({"observedGeneration":1,"desiredNumberScheduled":0}})");
  const Health health = judge(object, {});
  ASSERT_TRUE(health.trouble);
  EXPECT_EQ(health.trouble->reason, Reason::WorkloadUnschedulable);
  EXPECT_EQ(health.trouble->detail, "daemonSet/x fits no node: its selector or a taint keeps it off this one");
}

TEST(Health, AFullNodeIsNamed) {
  const Json object = parsed(test::workload_json({.ready = 0}));
  const Json pod = parsed(
      R"({"kind":"Pod","metadata":{"name":"coredns-1","namespace":"kube-system","labels":{"app":"coredns"}},"status":)"
      R"({"phase":"Pending","conditions":[{"type":"PodScheduled","status":"False","reason":"Unschedulable",)"
      R"("message":"0/1 nodes are available: 1 Insufficient memory."}]}})");
  const Health health = judge(object, {pod});
  ASSERT_TRUE(health.trouble);
  EXPECT_EQ(health.trouble->reason, Reason::WorkloadUnschedulable);
  EXPECT_EQ(health.trouble->detail, "pod coredns-1 finds no room: 0/1 nodes are available: 1 Insufficient memory.");
}

TEST(Reasons, HaveOneRowEachWithAWordAndASentence) {
  std::set<std::string_view> words;
  for (const ReasonRow& row : all_reasons()) {
    EXPECT_EQ(&row_of(row.reason), &row);
    EXPECT_TRUE(words.insert(row.word).second) << row.word;
    EXPECT_LE(row.word.size(), 63U) << "report.proto";
    EXPECT_EQ(row.word.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-"), std::string_view::npos) << row.word;
    EXPECT_GT(row.sentence.size(), 10U) << row.word;
  }
  EXPECT_EQ(all_reasons().back().reason, Reason::RestoreUnknown) << "the last of the enum";
}

TEST(Reasons, AreAllInTheReadme) {
  std::ifstream in(KELPIE_SOURCE_DIR "/device-agent/microk8s/README.md");
  const std::string readme{std::istreambuf_iterator<char>(in), {}};
  for (const ReasonRow& row : all_reasons()) {
    const std::string written = std::string(row.word) + (row.is_transient ? "*" : "");
    const bool is_listed = readme.find(written + ",") != std::string::npos ||
                           readme.find(written + " ·") != std::string::npos ||
                           readme.find(written + "\n") != std::string::npos;
    EXPECT_TRUE(is_listed) << written;
  }
}

TEST(Reports, CarryTextWhateverProgramsPrint) {
  EXPECT_EQ(plain_text("\x1b[31mred\x1b[0m\ttab\r\n\x07"), "red\ttab\n");
  EXPECT_EQ(plain_text("caf\xc3\xa9 \xe2\x9c\x93"), "caf\xc3\xa9 \xe2\x9c\x93");
  const std::string broken = "\xff\xc3-\xed\xa0\x80\xf4\x90\x80\x80";  // a stray byte, a surrogate, above U+10FFFF
  EXPECT_EQ(plain_text(broken), std::string(2, '?') + "-" + std::string(7, '?'));
  const CallResult result = failed({.reason = Reason::SnapChangeFailed,
                                    .detail = "first\nsecond " + std::string(3'000, 'x'),
                                    .output = std::string(5'000, 'y') + "the end"});
  EXPECT_EQ(result.summary.substr(0, 12), "first second");
  EXPECT_EQ(result.summary.size(), 512U);
  EXPECT_EQ(result.detail.size(), 2'048U);
  EXPECT_TRUE(result.output_tail.ends_with("the end"));
  EXPECT_EQ(result.output_tail.size(), 2'048U);
}

TEST(Json, ReadsWhatItWroteAndRefusesTheRest) {
  const std::string text = R"({"a":[1,-2,1.5,true,null,"x\"\n"],"b":{"c":{}}})";
  EXPECT_EQ(parsed(text).dump(), text);
  EXPECT_FALSE(Json::parse("{\"a\":1"));
  EXPECT_FALSE(Json::parse(""));
  EXPECT_FALSE(Json::parse(std::string(100, '[') + std::string(100, ']'))) << "nested too deep";
  EXPECT_EQ(Json(std::string("\xff")).dump(), "\"\xEF\xBF\xBD\"") << "a container may say anything";
}

}  // namespace
}  // namespace kelpie::agent
