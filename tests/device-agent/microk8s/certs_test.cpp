// certs: renewed in time, never on a clock that cannot be right, and never put back to what is about to end.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/device-agent/microk8s/scripted_host.h"
#include "tools/sim/microk8s/certificate.h"

namespace kelpie::agent {
namespace {

using sim::certificate_pem;
using std::chrono::hours;
using test::ScriptedHost;
using test::set_up_running;
using test::snap_json;

constexpr WallTime kToday{1'795'564'800'000};  // 2026-11-25
const std::string kFolder = "/var/snap/microk8s/current/certs/";
const std::string kCopy = "/var/snap/microk8s/current/certs-backup/certs/";
constexpr const char* kEnded =
    "Unable to connect to the server: tls: failed to verify certificate: x509: certificate has expired or is not yet "
    "valid: current time 2026-11-25T00:00:00Z is after 2026-11-20T00:00:00Z\n";

std::string made(int days_ago, int days_left) {
  return certificate_pem(kToday - hours(24 * days_ago), kToday + hours(24 * days_left));
}

/// Running, with this many days left on each.
void set_up_certificates(ScriptedHost& host, int server, int proxy, int authority = 3'000) {
  set_up_running(host);
  host.files[kFolder + "ca.crt"] = made(650, authority);
  host.files[kFolder + "front-proxy-ca.crt"] = made(650, 3'000);
  host.files[kFolder + "server.crt"] = made(365 - server, server);
  host.files[kFolder + "front-proxy-client.crt"] = made(365 - proxy, proxy);
  for (const std::string name : {"server.crt", "front-proxy-client.crt"}) {
    host.on("refresh-certs -e " + name).out("Creating new certificates\n").does([&host, name] {
      for (const std::string one : {"server.crt", "front-proxy-client.crt"}) {
        if (host.files.contains(kFolder + one)) host.files[kCopy + one] = host.files[kFolder + one];
      }
      host.files[kFolder + name] = made(0, 365);
    });
  }
  host.on("refresh-certs -u").out("Restarting, please wait.\n").does([&host] {
    for (const std::string one : {"server.crt", "front-proxy-client.crt"}) {
      if (host.files.contains(kCopy + one)) host.files[kFolder + one] = host.files[kCopy + one];
    }
  });
}

TEST(Certs, ThatAreGoodForLongAreLeftAlone) {
  ScriptedHost host;
  set_up_certificates(host, 200, 31);
  const CallResult seen = host.step(Phase::Observe, CertsStep{});
  EXPECT_EQ(seen.verdict, Verdict::Satisfied);
  EXPECT_EQ(seen.summary,
            "server.crt ends on 2027-06-13, in 199 days, front-proxy-client.crt ends on 2026-12-26, in 30 days");
}

TEST(Certs, EachThatEndsSoonIsRenewedAndTheServerAskedInBetween) {
  ScriptedHost host;
  set_up_certificates(host, 29, 12);
  EXPECT_EQ(host.step(Phase::Observe, CertsStep{}).reason, "certificates-due");
  ASSERT_EQ(host.step(Phase::Run, CertsStep{}).verdict, Verdict::Satisfied);
  std::vector<std::string> steps;
  for (const std::string& one : host.asked) {
    if (one.starts_with("refresh-certs") || one.starts_with("kubectl get --raw /readyz")) steps.push_back(one);
  }
  EXPECT_EQ(steps, (std::vector<std::string>{
                       "refresh-certs -e server.crt", "kubectl get --raw /readyz --request-timeout=10s",
                       "refresh-certs -e front-proxy-client.crt", "kubectl get --raw /readyz --request-timeout=10s"}));
  const CallResult after = host.step(Phase::Verify, CertsStep{});
  EXPECT_EQ(after.verdict, Verdict::Satisfied) << after.detail;
  EXPECT_EQ(after.summary,
            "server.crt ends on 2027-11-25, in 364 days, front-proxy-client.crt ends on 2027-11-25, in 364 days; "
            "node pi-01 Ready, v1.32.3");
}

TEST(Certs, HowLongBeforeIsTheReleasesToSay) {
  ScriptedHost host;
  set_up_certificates(host, 80, 200);
  EXPECT_EQ(host.step(Phase::Observe, CertsStep{}).verdict, Verdict::Satisfied);
  EXPECT_EQ(host.step(Phase::Observe, CertsStep{.renew_before_s = 90 * 86'400}).reason, "certificates-due");
}

// The API server is as good as gone, and everything but this step would fail.
TEST(Certs, ThatHaveEndedAreRenewedBeforeAnybodyNeedsTheServer) {
  ScriptedHost host;
  set_up_certificates(host, -5, 200);
  host.on("kubectl get --raw /readyz").err(kEnded).err(kEnded).out("ok");
  const CallResult before = host.step(Phase::Prepare, CertsStep{});
  EXPECT_EQ(before.verdict, Verdict::Satisfied) << before.detail;
  EXPECT_EQ(host.step(Phase::Observe, CertsStep{}).detail,
            "server.crt ended on 2026-11-20, front-proxy-client.crt ends on 2027-06-13, in 199 days");
  EXPECT_EQ(host.step(Phase::Run, CertsStep{}).verdict, Verdict::Satisfied) << "the server needs a moment to read it";
  EXPECT_EQ(host.times_asked("refresh-certs"), 1U);
}

TEST(Certs, ThatHaveEndedAreWhyADeployFails) {
  ScriptedHost host;
  set_up_certificates(host, -5, 200);
  host.on("kubectl get --raw /readyz").err(kEnded);
  const CallResult start = host.step(Phase::Verify, StartStep{});
  EXPECT_EQ(start.reason, "certificates-expired");
  EXPECT_NE(start.detail.find("kelpie command send renew-certs"), std::string::npos) << start.detail;
  // Nothing to go back to can be read, but the release may renew them before it deploys.
  const CallResult deploy = host.step(Phase::Prepare, DeployStep{});
  EXPECT_EQ(deploy.verdict, Verdict::Satisfied) << deploy.detail;
}

TEST(Certs, AFileThatWasCutOffIsMadeAnew) {
  for (const char* const what : {"", "-----BEGIN CERTIFICATE-----\nMIIB"}) {
    ScriptedHost host;
    set_up_certificates(host, 200, 200);
    host.files[kFolder + "server.crt"] = what;
    EXPECT_EQ(host.step(Phase::Observe, CertsStep{}).reason, "certificates-due");
    EXPECT_EQ(host.step(Phase::Run, CertsStep{}).verdict, Verdict::Satisfied);
    EXPECT_EQ(host.step(Phase::Verify, CertsStep{}).verdict, Verdict::Satisfied);
  }
}

struct Refused {
  const char* name;
  std::function<void(ScriptedHost&)> change;
  const char* reason;
};
class CertsRefused : public testing::TestWithParam<Refused> {};

TEST_P(CertsRefused, InPrepareWithItsReason) {
  ScriptedHost host;
  set_up_certificates(host, 10, 10);
  GetParam().change(host);
  const CallResult result = host.step(Phase::Prepare, CertsStep{});
  EXPECT_EQ(result.verdict, Verdict::Failed);
  EXPECT_EQ(result.reason, GetParam().reason) << result.detail;
  EXPECT_FALSE(host.was_asked("refresh-certs"));
}

INSTANTIATE_TEST_SUITE_P(
    Certs, CertsRefused,
    testing::Values(
        Refused{"AtTheBeginningOfTime", [](ScriptedHost& host) { host.wall_at_start = {}; }, "clock-implausible"},
        Refused{"WithADeadAuthority", [](ScriptedHost& host) { host.files[kFolder + "ca.crt"] = made(3'700, -50); },
                "certificate-authority-expired"},
        Refused{"InAFarFuture", [](ScriptedHost& host) { host.wall_at_start = kToday + hours(24 * 9'000); },
                "certificate-authority-expired"},
        Refused{"OnAFullDisk", [](ScriptedHost& host) { host.free_bytes = 1U << 20U; }, "disk-full"},
        Refused{"OnAWorker",
                [](ScriptedHost& host) { host.files["/var/snap/microk8s/current/var/lock/clustered.lock"] = ""; },
                "worker-node"},
        Refused{"WhenStoppedAlone",
                [](ScriptedHost& host) { host.files["/var/snap/microk8s/current/var/lock/stopped.lock"] = ""; },
                "node-stopped"}),
    [](const auto& row) { return row.param.name; });

TEST(Certs, WithoutMicroK8sThereAreNone) {
  ScriptedHost host;
  set_up_running(host);
  host.on_snapd("GET /v2/snaps/microk8s").out(R"({"message":"snap not installed","kind":"snap-not-found"})", 404);
  EXPECT_EQ(host.step(Phase::Observe, CertsStep{}).summary, "MicroK8s is not installed: its certificates will be new");
  const std::string restore = host.step(Phase::Prepare, CertsStep{}).restore;
  EXPECT_EQ(host.step(Phase::Undo, CertsStep{}, restore).summary, "there were none");
}

TEST(Certs, OfAuthoritiesAreTheWorkOfAPerson) {
  ScriptedHost host;
  set_up_certificates(host, 200, 200, 90);
  const CallResult seen = host.step(Phase::Observe, CertsStep{});
  EXPECT_EQ(seen.verdict, Verdict::Satisfied);
  EXPECT_NE(seen.summary.find("; by hand: ca.crt ends on 2027-02-23, in 89 days"), std::string::npos) << seen.summary;
}

struct Failing {
  const char* name;
  int code;
  const char* out;
  const char* reason;
  const char* said;
};
class CertsFailing : public testing::TestWithParam<Failing> {};

TEST_P(CertsFailing, SayWhatTheExitCodeMeans) {
  ScriptedHost host;
  set_up_certificates(host, 10, 200);
  host.on("refresh-certs -e server.crt").out(GetParam().out, GetParam().code);
  const CallResult result = host.step(Phase::Run, CertsStep{});
  EXPECT_EQ(result.verdict, Verdict::Failed);
  EXPECT_EQ(result.reason, GetParam().reason);
  EXPECT_NE(result.detail.find(GetParam().said), std::string::npos) << result.detail;
}

INSTANTIATE_TEST_SUITE_P(
    Certs, CertsFailing,
    testing::Values(Failing{"NoCopy", 10, "Failed to backup the current CA.\n", "certificates-not-renewed",
                            "ended with 10: it could not copy the old certificates first"},
                    Failing{"NotMade", 20, "Failed to produce new certificates. Reverting.\n",
                            "certificates-not-renewed", "put the old ones back"},
                    Failing{"NotStarted", 4, "Failed to restart service microk8s.daemon-kubelite.\n",
                            "certificates-not-renewed", "a service did not start again"},
                    Failing{"Disk", 10, "cp: error writing: No space left on device\n", "disk-full", "No space left"},
                    Failing{"NoSudo", 127, "sudo: command not found\n", "sudo-missing", "install sudo"},
                    Failing{"NothingDone", 0, "Creating new certificates\n", "certificates-not-renewed",
                            "refresh-certs said 0, and server.crt ends on 2026-12-05"}),
    [](const auto& row) { return row.param.name; });

TEST(Certs, RenewedOnesThatWorkAreKeptOnTheWayBack) {
  ScriptedHost host;
  set_up_certificates(host, 10, 10);
  const std::string restore = host.step(Phase::Prepare, CertsStep{}).restore;
  ASSERT_EQ(host.step(Phase::Run, CertsStep{}).verdict, Verdict::Satisfied);
  const std::string renewed = host.files[kFolder + "server.crt"];
  const CallResult back = host.step(Phase::Undo, CertsStep{}, restore);
  EXPECT_EQ(back.summary, "the renewed certificates are kept, they work");
  EXPECT_EQ(host.files[kFolder + "server.crt"], renewed);
  EXPECT_FALSE(host.was_asked("refresh-certs -u"));
}

TEST(Certs, ThatDoNotWorkAreTakenBack) {
  ScriptedHost host;
  set_up_certificates(host, 10, 200);
  const std::string before = host.files[kFolder + "server.crt"];
  const std::string restore = host.step(Phase::Prepare, CertsStep{}).restore;
  host.on("refresh-certs -e server.crt").out("").does([&host] {
    host.files[kCopy + "server.crt"] = host.files[kFolder + "server.crt"];
    host.files.erase(kFolder + "server.crt");
  });
  EXPECT_EQ(host.step(Phase::Run, CertsStep{}).reason, "certificates-not-renewed");
  const CallResult back = host.step(Phase::Undo, CertsStep{}, restore);
  EXPECT_EQ(back.summary, "back to the certificates of before") << back.detail;
  EXPECT_EQ(host.files[kFolder + "server.crt"], before);
}

// `-u` would bring back whatever somebody copied a year ago.
TEST(Certs, GoBackToNoCopyThatIsNotTheirs) {
  ScriptedHost host;
  set_up_certificates(host, 10, 200);
  host.files[kCopy + "server.crt"] = made(700, -300);
  const std::string restore = host.step(Phase::Prepare, CertsStep{}).restore;
  EXPECT_EQ(host.step(Phase::Undo, CertsStep{}, restore).summary, "the certificates are as before");
  host.files.erase(kFolder + "server.crt");
  EXPECT_EQ(host.step(Phase::Undo, CertsStep{}, restore).reason, "restore-unknown");
  EXPECT_FALSE(host.was_asked("refresh-certs -u"));
}

TEST(Certs, OfAStoppedMicroK8sAreRenewedWhereAStartFollows) {
  const std::string lock = "/var/snap/microk8s/current/var/lock/stopped.lock";
  ScriptedHost host;
  set_up_certificates(host, -5, 200);
  host.files[lock] = "";
  host.on_change("POST /v2/apps");
  host.on_snapd("POST /v2/apps").out(R"({"change":"42"})", 202).does([&] { host.files.erase(lock); });
  const CertsStep step{.start_follows = true};
  const std::string restore = host.step(Phase::Prepare, step).restore;
  ASSERT_FALSE(restore.empty());
  EXPECT_EQ(host.step(Phase::Run, step).verdict, Verdict::Satisfied);
  EXPECT_EQ(host.step(Phase::Verify, step).verdict, Verdict::Satisfied);
  host.on("stop").out("Stopped.\n").does([&] {
    host.files[lock] = "";
    std::string snap = snap_json("1.32/stable", "7890", "v1.32.3");
    while (snap.find(R"("active":true)") != std::string::npos)
      snap.replace(snap.find(R"("active":true)"), 13, R"("active":false)");
    host.on_snapd("GET /v2/snaps/microk8s").out(snap, 200);
  });
  const CallResult back = host.step(Phase::Undo, step, restore);
  EXPECT_EQ(back.summary, "the renewed certificates are kept, they work, stopped again") << back.detail;
}

}  // namespace
}  // namespace kelpie::agent
