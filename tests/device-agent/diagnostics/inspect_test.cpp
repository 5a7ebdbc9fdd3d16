// The archive of an inspect: what is in it, what must never be, and what becomes of it.
#include <map>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "device-agent/diagnostics/bundle.h"
#include "proto/base/digest.h"
#include "tests/device-agent/microk8s/scripted_host.h"

namespace kelpie::agent {
namespace {

using test::list_of;
using test::ScriptedHost;
using test::set_up_running;

constexpr std::string_view kCanary = "Qm9vIGhvbyE-canary-7";

/// A hub that takes what comes, or answers with this.
struct HubDouble {
  std::vector<int> statuses = {201};  // in turn; the last one stays
  std::string body = R"({"error":{"message":"the attempt is over"}})";
  std::vector<std::string> got;

  void attend(ScriptedHost& host) {
    host.door = {.url = "http://127.0.0.1:7440/archives/x/y/1", .token = "t0ken"};
    host.on_upload = [this, &host](const Upload& upload) -> Result<UploadReply> {
      EXPECT_EQ(upload.url, host.door.url);
      EXPECT_EQ(upload.token, host.door.token);
      EXPECT_GT(upload.limit, Duration{});
      const int status = statuses.front();
      if (statuses.size() > 1) statuses.erase(statuses.begin());
      got.emplace_back(upload.body);
      if (status == 0) return fail(Code::Unavailable, "cannot connect to the hub at 127.0.0.1:7440: refused");
      return UploadReply{.status = status, .body = status == 201 ? std::string() : body};
    };
  }
  [[nodiscard]] std::map<std::string, std::string> files() const {
    std::map<std::string, std::string> out;
    const auto read = got.empty() ? Result<std::vector<wire::ArchivedFile>>{} : wire::read_archive(got.back());
    EXPECT_TRUE(read) << (read ? "" : read.error().message);
    if (!read) return out;
    for (const wire::ArchivedFile& file : *read) out[file.name] = file.text;
    return out;
  }
};

/// A running device that answers all that is asked for, with the canary wherever a secret may lie.
void set_up_telling(ScriptedHost& host) {
  set_up_running(host);
  const std::string canary(kCanary);
  const std::string args = "/var/snap/microk8s/current/args/";
  host.files["/etc/os-release"] = "PRETTY_NAME=\"Debian GNU/Linux 12\"\n";
  host.files["/proc/mounts"] = fmt::format("//nas/x /mnt cifs rw,username=ana,password={},x=y 0 0\n", canary);
  host.files[args + "kubelet"] = fmt::format("--v=2\n--bootstrap-token={}\n", canary);
  host.files[args + "containerd-env"] = fmt::format("HTTPS_PROXY=http://ana:{}@proxy:3128\n", canary);
  host.files["/var/snap/microk8s/current/var/lock/stopped.lock.not"] = "";
  host.on_snapd("GET /v2/changes?select=all&for=microk8s")
      .out(fmt::format(R"([{{"id":"7","status":"Error","summary":"Install","err":"token={}","tasks":[)"
                       R"({{"status":"Error","summary":"Run hook","log":["password: {}"]}}]}}])",
                       canary, canary),
           200);
  host.on_snapd("GET /v2/connections").out("{}", 200);
  host.on_snapd("GET /v2/logs?names=microk8s.daemon-kubelite&n=400")
      .out(fmt::format("\x1e{{\"timestamp\":\"2026-11-25T12:00:00Z\",\"message\":\"Authorization: Bearer {}\",\"sid\":"
                       "\"kubelite\",\"pid\":\"7\"}}\n\x1e{{\"timestamp\":\"2026-11-25T12:00:01Z\",\"message\":"
                       "\"{{\\\"password\\\":\\\"{}\\\"}}\",\"sid\":\"kubelite\",\"pid\":\"7\"}}\n",
                       canary, canary),
           200);
  host.on_snapd("GET /v2/logs?names=microk8s.daemon-containerd").out("", 200);
  host.on_snapd("GET /v2/logs?names=microk8s.daemon-etcd").out("", 200);
  host.on("--no-pager").out("2026-11-25T12:00:00 pi-01 kelpie-agent: attempt\n");
  host.on("ctr image ls").out("REF TYPE DIGEST SIZE PLATFORMS LABELS\n");
  host.on("kubectl get events -A")
      .out(list_of({fmt::format(R"({{"lastTimestamp":"2026-11-25T12:00:00Z","reason":"Failed","message":"secret={}"}})",
                                canary)}));
  host.on("kubectl get pods -A")
      .out(list_of({fmt::format(
          R"({{"kind":"Pod","metadata":{{"name":"kiosk","annotations":{{"x":"{}"}}}},"spec":{{"containers":[)"
          R"({{"image":"kiosk:1","env":[{{"name":"HARMLESS","value":"{}"}}],"args":["{}"]}}]}},"status":{{"phase":"Running"}}}})",
          canary, canary, canary)}));
  host.on("kubectl get deployments").out(list_of({}));
  host.on("kubectl get services -A").out(list_of({}));
  host.on("kubectl get persistentvolumeclaims -A").out(list_of({}));
}

TEST(InspectArchive, HasWhatADeviceCanTellAndNoSecretOfIt) {
  ScriptedHost host;
  HubDouble hub;
  set_up_telling(host);
  hub.attend(host);

  const CallResult result = host.step(Phase::Observe, InspectStep{.wants_archive = true});
  ASSERT_EQ(result.verdict, Verdict::Satisfied) << result.detail;
  ASSERT_EQ(hub.got.size(), 1U);
  EXPECT_EQ(result.archive.sha256, sha256_hex(as_bytes(hub.got[0])));
  EXPECT_EQ(result.archive.bytes, hub.got[0].size());
  EXPECT_NE(result.summary.find(result.archive.sha256), std::string::npos) << result.summary;

  const std::map<std::string, std::string> files = hub.files();
  for (const char* const name :
       {"agent.txt", "summary.txt", "machine/disk.txt", "microk8s/locks.txt", "microk8s/certificates.txt",
        "microk8s/services.txt", "snapd/system.json", "snapd/microk8s.json", "snapd/changes.txt",
        "logs/daemon-kubelite.txt", "logs/kelpie-agent.txt", "logs/kernel.txt", "kubernetes/nodes.jsonl",
        "kubernetes/events.jsonl", "kubernetes/pods.jsonl", "microk8s/args/kubelet.txt", "missing.txt"}) {
    EXPECT_TRUE(files.contains(name)) << name;
  }
  for (const auto& [name, text] : files) EXPECT_EQ(text.find(kCanary), std::string::npos) << name << ": " << text;
  EXPECT_NE(files.at("kubernetes/pods.jsonl").find("kiosk:1"), std::string::npos);
  EXPECT_NE(files.at("logs/daemon-kubelite.txt").find("2026-11-25T12:00:00Z kubelite[7] Authorization"),
            std::string::npos);
  EXPECT_NE(files.at("missing.txt").find("microk8s/args/k8s-dqlite.txt: no such file"), std::string::npos);
  EXPECT_FALSE(host.was_asked("POST"));
  EXPECT_FALSE(host.was_asked("inspect"));
}

// The worse a device is, the more it is wanted: whatever fails leaves a line, and the rest is there.
TEST(InspectArchive, OfADeviceWhereNothingAnswersSaysSo) {
  ScriptedHost host;
  HubDouble hub;
  host.snapd_drops = 1'000;
  host.limit = std::chrono::minutes(3);
  host.on("").never_ends();
  hub.attend(host);

  const CallResult result = host.step(Phase::Observe, InspectStep{.wants_archive = true});
  EXPECT_EQ(result.verdict, Verdict::Satisfied) << result.detail;
  const std::map<std::string, std::string> files = hub.files();
  EXPECT_TRUE(files.contains("agent.txt"));
  EXPECT_TRUE(files.contains("summary.txt"));
  EXPECT_NE(files.at("missing.txt").find("logs of MicroK8s: connection refused"), std::string::npos)
      << files.at("missing.txt");
  EXPECT_LE(host.now_ms, 1'000 + 180'000);
}

TEST(InspectArchive, OfAFloodStaysSmall) {
  ScriptedHost host;
  HubDouble hub;
  set_up_telling(host);
  std::string noise;
  for (int i = 0; i < 90'000; ++i) noise += fmt::format("{:x}\n", static_cast<unsigned>(i) * 2'654'435'761U);
  host.on("--no-pager").out(noise);
  for (const char* const file :
       {"kubelet", "kube-apiserver", "kube-proxy", "kube-scheduler", "containerd", "k8s-dqlite"}) {
    host.files[fmt::format("/var/snap/microk8s/current/args/{}", file)] = noise;
  }
  hub.attend(host);

  ASSERT_EQ(host.step(Phase::Observe, InspectStep{.wants_archive = true}).verdict, Verdict::Satisfied);
  EXPECT_LE(hub.got.at(0).size(), kBundleBytesMax);
  const std::map<std::string, std::string> files = hub.files();
  for (const auto& [name, text] : files) EXPECT_LE(text.size(), kBundleFileBytesMax + 64) << name;
  // Of a journal the end is kept, of a file the beginning.
  EXPECT_TRUE(files.at("logs/kelpie-agent.txt").ends_with(noise.substr(noise.size() - 100)));
  EXPECT_TRUE(files.at("microk8s/args/kubelet.txt").starts_with(noise.substr(0, 100)));
}

TEST(InspectArchive, IsNotMadeUnlessTheReleaseWantsIt) {
  ScriptedHost host;
  HubDouble hub;
  set_up_telling(host);
  hub.attend(host);
  EXPECT_EQ(host.step(Phase::Observe, InspectStep{}).verdict, Verdict::Satisfied);
  EXPECT_TRUE(hub.got.empty());
  EXPECT_FALSE(host.was_asked("--no-pager"));

  host.door = {};
  const CallResult shut = host.step(Phase::Observe, InspectStep{.wants_archive = true});
  EXPECT_EQ(shut.reason, "archive-not-sent");
  EXPECT_EQ(shut.detail, "the hub names no door for archives");
}

TEST(InspectArchive, IsSentAgainWhenTheHubIsAway) {
  ScriptedHost host;
  HubDouble hub{.statuses = {0, 503, 201}};
  set_up_telling(host);
  hub.attend(host);

  const CallResult result = host.step(Phase::Observe, InspectStep{.wants_archive = true});
  EXPECT_EQ(result.verdict, Verdict::Satisfied) << result.detail;
  ASSERT_EQ(hub.got.size(), 3U);
  EXPECT_EQ(hub.got[0], hub.got[2]);
}

TEST(InspectArchive, ThatIsNotTakenFailsTheStepAndSaysWhy) {
  struct Row {
    std::vector<int> statuses;
    std::string reason;
    std::string detail;
  };
  for (const Row& row : {Row{{409}, "archive-refused", "the hub answers 409: the attempt is over"},
                         Row{{401}, "archive-refused", "the hub answers 401: the attempt is over"},
                         Row{{0}, "archive-not-sent", "cannot connect to the hub at 127.0.0.1:7440: refused"}}) {
    ScriptedHost host;
    HubDouble hub{.statuses = row.statuses};
    set_up_telling(host);
    hub.attend(host);
    const CallResult result = host.step(Phase::Observe, InspectStep{.wants_archive = true});
    EXPECT_EQ(result.verdict, Verdict::Failed);
    EXPECT_EQ(result.reason, row.reason);
    EXPECT_EQ(result.detail, row.detail);
    EXPECT_TRUE(result.archive.sha256.empty());
  }
}

TEST(InspectArchive, GoesToLoopbackAlone) {
  ScriptedHost host;
  set_up_telling(host);
  host.on_upload = [](const Upload&) -> Result<UploadReply> { return fail(Code::PermissionDenied, "elsewhere"); };
  host.door = {.url = "http://hub.example/archives/x", .token = "t"};
  EXPECT_EQ(host.step(Phase::Observe, InspectStep{.wants_archive = true}).reason, "archive-address");
}

}  // namespace
}  // namespace kelpie::agent
