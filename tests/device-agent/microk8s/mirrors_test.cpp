// mirrors: files of containerd, byte for byte, and the way back; and which of them a pull before GO goes through.
#include <gtest/gtest.h>

#include "tests/device-agent/microk8s/scripted_host.h"

namespace kelpie::agent {
namespace {

using test::ScriptedHost;
using test::set_up_running;

constexpr const char* kFolder = "/var/snap/microk8s/current/args/certs.d";
const std::string kDocker = std::string(kFolder) + "/docker.io/hosts.toml";
const std::string kOwn = std::string(kFolder) + "/registry.site_5000_/hosts.toml";
constexpr const char* kShipped =
    "server = \"https://docker.io\"\n\n[host.\"https://registry-1.docker.io\"]\n  capabilities = [\"pull\"]\n";

MirrorsStep site() {
  return {{{.registry = "docker.io",
            .hosts = {{.url = "http://mirror.site:5000", .capabilities = {}, .override_path = false, .ca = {}}},
            .server = "http://mirror.site:5000"},
           {.registry = "registry.site:5000",
            .hosts = {{.url = "https://mirror.site/prefix",
                       .capabilities = {"pull"},
                       .override_path = true,
                       .ca = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"}},
            .server = {}}}};
}

TEST(Mirrors, AreWhatContainerdReads) {
  ScriptedHost host;
  set_up_running(host);
  EXPECT_EQ(host.step(Phase::Observe, site()).reason, "mirrors-not-written");
  EXPECT_EQ(host.step(Phase::Run, site()).verdict, Verdict::Satisfied);
  // Facts, microk8s 6.4. With a port containerd looks into this spelling of the folder first.
  EXPECT_EQ(host.files[kDocker],
            "# written by Kelpie from a signed release: other changes are taken back\n"
            "server = \"http://mirror.site:5000\"\n\n"
            "[host.\"http://mirror.site:5000\"]\n  capabilities = [\"pull\", \"resolve\"]\n");
  EXPECT_EQ(host.files[kOwn],
            "# written by Kelpie from a signed release: other changes are taken back\n"
            "server = \"https://registry.site:5000\"\n\n"
            "[host.\"https://mirror.site/prefix\"]\n  capabilities = [\"pull\"]\n  override_path = true\n"
            "  ca = \"/var/snap/microk8s/current/args/certs.d/registry.site_5000_/kelpie-0.crt\"\n");
  EXPECT_EQ(host.files[std::string(kFolder) + "/registry.site_5000_/kelpie-0.crt"], site().mirrors[1].hosts[0].ca);
  const CallResult proved = host.step(Phase::Verify, site());
  EXPECT_EQ(proved.verdict, Verdict::Satisfied);
  EXPECT_EQ(proved.summary,
            "docker.io through http://mirror.site:5000, registry.site:5000 through https://mirror.site/prefix");
}

TEST(Mirrors, AByteThatSomebodyChangedIsSeen) {
  ScriptedHost host;
  set_up_running(host);
  EXPECT_EQ(host.step(Phase::Run, site()).verdict, Verdict::Satisfied);
  host.files[kDocker] += "\n";
  const CallResult seen = host.step(Phase::Observe, site());
  EXPECT_EQ(seen.reason, "mirrors-not-written");
  EXPECT_EQ(seen.detail, kDocker + " is not as the release says");
}

TEST(Mirrors, UndoGivesTheOldBytesBackAndLeavesNothingElse) {
  ScriptedHost host;
  set_up_running(host);
  host.files[kDocker] = kShipped;
  const std::map<std::string, std::string> before = host.files;
  const std::string restore = host.step(Phase::Prepare, site()).restore;
  EXPECT_EQ(host.files, before) << "preparing writes nothing";
  EXPECT_EQ(host.step(Phase::Run, site()).verdict, Verdict::Satisfied);
  EXPECT_EQ(host.step(Phase::Undo, site(), restore).verdict, Verdict::Satisfied);
  EXPECT_EQ(host.files, before);
  EXPECT_EQ(host.step(Phase::Undo, site(), restore).verdict, Verdict::Satisfied) << "again after a power cut";
  EXPECT_EQ(host.step(Phase::Undo, site(), "no JSON").reason, "restore-unknown");
}

TEST(Mirrors, WithoutMicrok8sTheyWaitForTheInstall) {
  ScriptedHost host;
  set_up_running(host);
  host.on_snapd("GET /v2/snaps/microk8s").out(R"({"message":"snap not installed","kind":"snap-not-found"})", 404);
  EXPECT_EQ(host.step(Phase::Prepare, site()).summary, "no MicroK8s yet: written after the install");
  EXPECT_EQ(host.step(Phase::Observe, site()).reason, "microk8s-not-installed");
  EXPECT_EQ(host.step(Phase::Run, site()).reason, "microk8s-not-installed");
  EXPECT_FALSE(host.files.contains(kDocker));
}

struct Refused {
  const char* name;
  Code code;
  const char* reason;
};
class UnwritableMirrors : public testing::TestWithParam<Refused> {};

TEST_P(UnwritableMirrors, SayWhy) {
  ScriptedHost host;
  set_up_running(host);
  host.write_error = Error{.code = GetParam().code, .message = "cannot write \"x\": so", .reason = {}, .hint = {}};
  const CallResult result = host.step(Phase::Run, site());
  EXPECT_EQ(result.verdict, Verdict::Failed);
  EXPECT_EQ(result.reason, GetParam().reason);
  EXPECT_EQ(result.detail, "cannot write \"x\": so");
}

INSTANTIATE_TEST_SUITE_P(Mirrors, UnwritableMirrors,
                         testing::Values(Refused{"FullCard", Code::ResourceExhausted, "disk-full"},
                                         Refused{"ReadOnlyCard", Code::Unavailable, "file-unwritable"}),
                         [](const auto& row) { return row.param.name; });

// Kubelet goes on as before until GO; what is fetched meanwhile comes from where the release says.
TEST(Mirrors, PrepareOfImagesPullsThroughThemBeforeTheyAreWritten) {
  ScriptedHost host;
  set_up_running(host);
  host.files[kDocker] = kShipped;
  const std::map<std::string, std::string> before = host.files;
  const std::string digest = "sha256:" + std::string(64, 'a');
  const std::string staged = std::string(kFolder) + "/kelpie-staged";
  host.on("ctr image ls").out("REF TYPE DIGEST SIZE PLATFORMS LABELS\n");
  host.on("ctr image check").out("REF TYPE DIGEST STATUS SIZE UNPACKED\n");
  std::string heard;
  host.on("ctr image pull").out("done\n").does([&] {
    heard += host.files[staged + "/docker.io/hosts.toml"];
    std::string ls;
    std::string check;
    for (const char* const name : {"docker.io/library/app@", "quay.io/a/b@"}) {
      ls += name + digest + " t " + digest + " 1.0 MiB linux/arm64 -\n";
      check += name + digest + " t " + digest + " complete (2/2) 1.0 MiB/1.0 MiB true\n";
    }
    host.on("ctr image ls").out(ls);
    host.on("ctr image check").out(check);
  });
  host.on("ctr image label").out("x\n");
  ImagesStep images{.images = {{.ref = "docker.io/library/app:1.0", .digest = digest, .from = {}},
                               {.ref = "quay.io/a/b:1", .digest = digest, .from = {}}},
                    .mirrors = site().mirrors};
  const CallResult prepared = host.step(Phase::Prepare, images);
  EXPECT_EQ(prepared.verdict, Verdict::Satisfied) << prepared.detail;
  EXPECT_TRUE(host.was_asked("ctr image pull --hosts-dir " + staged + " docker.io/library/app@" + digest));
  EXPECT_TRUE(host.was_asked("ctr image pull --hosts-dir " + std::string(kFolder) + " quay.io/a/b@" + digest))
      << "of a registry that the release says nothing about";
  EXPECT_NE(heard.find("[host.\"http://mirror.site:5000\"]"), std::string::npos) << heard;
  EXPECT_EQ(host.files, before) << "what was staged is gone, what kubelet reads was not touched";

  EXPECT_EQ(host.step(Phase::Run, site()).verdict, Verdict::Satisfied);
  host.on("ctr image ls").out("REF TYPE DIGEST SIZE PLATFORMS LABELS\n");
  static_cast<void>(host.step(Phase::Prepare, images));
  EXPECT_TRUE(host.was_asked("ctr image pull --hosts-dir " + std::string(kFolder) + " docker.io/library/app@" + digest))
      << "once they are written nothing is staged";
}

}  // namespace
}  // namespace kelpie::agent
