// Words of trouble that no other story comes by: what the programs answer, and what it is called.
#include <gtest/gtest.h>

#include "device-agent/microk8s/health.h"
#include "tests/device-agent/microk8s/scripted_host.h"

namespace kelpie::agent {
namespace {

using test::Deployed;
using test::pod_json;
using test::ScriptedHost;
using test::set_up_running;
using test::Waiting;
using test::workload_json;

TEST(Reasons, OfAPodThatCannotStart) {
  const Json kiosk = *Json::parse(workload_json(Deployed{.name_space = "default", .name = "kiosk", .ready = 0}));
  const std::string waiting =
      pod_json(Waiting{.workload = "kiosk", .name_space = "default", .reason = "CreateContainerError"});
  const std::string evicted =
      R"({"kind":"Pod","metadata":{"name":"kiosk-5d8f","namespace":"default","labels":{"app":"kiosk"}},)"
      R"("status":{"phase":"Failed","reason":"Evicted","message":"the node was low on disk"}})";
  for (const auto& [pod, word] :
       {std::pair(waiting, "workload-config"), std::pair(evicted, "workload-unschedulable")}) {
    const Health health = judge(kiosk, {*Json::parse(pod)});
    ASSERT_TRUE(health.trouble) << pod;
    EXPECT_EQ(row_of(health.trouble->reason).word, word);
  }
}

TEST(Reasons, OfAJobThatGaveUp) {
  const Json job = *Json::parse(
      R"({"kind":"Job","metadata":{"name":"backup","namespace":"default"},"spec":{"completions":1},)"
      R"("status":{"conditions":[{"type":"Failed","status":"True","message":"back-off limit reached"}]}})");
  const Health health = judge(job, {});
  ASSERT_TRUE(health.trouble);
  EXPECT_EQ(row_of(health.trouble->reason).word, "workload-failed");
  EXPECT_TRUE(health.is_hopeless);
  EXPECT_NE(health.trouble->detail.find("back-off limit reached"), std::string::npos) << health.trouble->detail;
}

TEST(Reasons, OfAnswersThatMakeNoSense) {
  const Step start = StartStep{};
  const Step install = InstallStep{.channel = "1.32/stable", .hold = true};
  struct Row {
    std::string name;
    std::function<void(ScriptedHost&)> script;
    Step step;
    std::string reason;
  };
  for (const Row& row : std::vector<Row>{
           {"kubectl prints no JSON", [](ScriptedHost& host) { host.on("kubectl get nodes").out("not JSON"); }, start,
            "answer-unreadable"},
           {"kubectl fails for a reason of its own",
            [](ScriptedHost& host) { host.on("kubectl get nodes").err("error: unknown flag: --request-timeout"); },
            start, "kubectl-failed"},
           {"snapd answers half an object",
            [](ScriptedHost& host) { host.on_snapd("GET /v2/snaps/microk8s").out("{\"version\":", 200); }, install,
            "answer-unreadable"}}) {
    ScriptedHost host;
    set_up_running(host);
    row.script(host);
    const CallResult result = host.step(Phase::Observe, row.step);
    EXPECT_EQ(result.reason, row.reason) << row.name;
    EXPECT_NE(result.verdict, Verdict::Satisfied) << row.name;
  }
}

}  // namespace
}  // namespace kelpie::agent
