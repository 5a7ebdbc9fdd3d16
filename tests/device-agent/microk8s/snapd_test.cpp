// What snapd refuses, what goes on without the agent, and holds: what the steps make of it.
#include "device-agent/microk8s/snapd.h"

#include <algorithm>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "device-agent/microk8s/snapd_answer.h"
#include "tests/device-agent/microk8s/scripted_host.h"

namespace kelpie::agent {
namespace {

using test::ScriptedHost;
using test::set_up_running;
using test::snap_json;

constexpr const char* kNoted = R"({"change":"42","doing":"installing 1.32/stable"})";
constexpr const char* kNotInstalled = R"({"message":"snap not installed","kind":"snap-not-found","value":"microk8s"})";

InstallStep install(std::string channel = "1.32/stable") {
  return {.channel = std::move(channel), .hold = true};
}

ScriptedHost without_microk8s() {
  ScriptedHost host;
  set_up_running(host);
  host.on_snapd("GET /v2/snaps/microk8s").out(kNotInstalled, 404);
  return host;
}

void is_installed(ScriptedHost& host) {
  host.on_snapd("GET /v2/snaps/microk8s").out(snap_json("1.32/stable", "7890", "v1.32.3"), 200);
}

// ---- kinds, facts, microk8s 3.6 -------------------------------------------------------------------------------------

struct Posted {
  const char* kind;  // empty: snapd gives none
  int status;
  const char* message;
  const char* reason;  // empty: nothing to do
  const char* value = "null";
};
class Kind : public testing::TestWithParam<Posted> {};

TEST_P(Kind, NamesTheReason) {
  ScriptedHost host = without_microk8s();
  host.limit = std::chrono::minutes(5);
  const std::string kind = *GetParam().kind == 0 ? "" : fmt::format(R"("kind":"{}",)", GetParam().kind);
  host.on_snapd("POST /v2/snaps/microk8s")
      .out(fmt::format(R"({{{}"message":"{}","value":{}}})", kind, GetParam().message, GetParam().value),
           GetParam().status);
  const CallResult result = host.step(Phase::Run, install());
  EXPECT_EQ(result.reason, GetParam().reason) << result.detail;
  const bool is_success = *GetParam().reason == 0;
  EXPECT_EQ(result.verdict, is_success ? Verdict::Satisfied : Verdict::Failed);
  if (is_success) return;
  EXPECT_NE(result.detail.find(GetParam().message), std::string::npos) << result.detail;
}

const Posted kPosted[] = {
    {"snap-already-installed", 400, "snap is already installed", ""},
    {"snap-no-update-available", 400, "snap has no updates available", ""},
    {"snap-not-installed", 400, "snap is not installed", "microk8s-not-installed"},
    {"snap-not-found", 404, "snap not found", "snap-not-found"},
    {"snap-needs-classic", 400, "snap requires classic confinement", "confinement-mismatch"},
    {"snap-not-classic", 400, "snap is not a classic confined snap", "confinement-mismatch"},
    {"snap-needs-classic-system", 400, "requires classic confinement which is only available on classic systems",
     "snap-needs-strict"},
    {"snap-channel-not-available", 404, "no snap revision available as specified", "channel-unknown",
     R"({"releases":[{"channel":"1.33/stable"},{"channel":"1.33/edge"}]})"},
    {"snap-revision-not-available", 404, "no snap revision available as specified", "channel-unknown"},
    {"snap-architecture-not-available", 404, "no snap revision on specified architecture", "channel-unknown"},
    {"snap-change-conflict", 409, "has changes in progress", "snap-conflict",
     R"({"change-kind":"auto-refresh","snap-name":"microk8s"})"},
    {"insufficient-disk-space", 507, "insufficient space in /var/lib/snapd", "disk-full"},
    {"network-timeout", 400, "unable to contact snap store", "store-unreachable"},
    {"dns-failure", 400, "unable to contact snap store", "store-unreachable"},
    {"login-required", 401, "access denied", "permission-denied"},
    {"option-not-found", 400, "no such configuration option", "snapd-refused"},
    {"daemon-restart", 503, "daemon is restarting", "snapd-unreachable"},
    {"system-restart", 503, "system is restarting", "reboot-needed"},
    // Replies of a real 2.57.6 without a kind.
    {"", 400, "cannot install: Post: dial tcp: lookup api.snapcraft.io: no such host", "store-unreachable"},
    {"", 400, "has running apps (kubectl), pids: 1234", "snap-running-apps"},
    {"", 400, "unknown action hold", "snapd-refused"},
    {"", 400, "cannot find signatures with metadata for snap", "assertion-missing"},  // facts, microk8s 3.4
};
INSTANTIATE_TEST_SUITE_P(Snapd, Kind, testing::ValuesIn(kPosted), [](const auto& row) {
  std::string name = *row.param.kind == 0 ? "without_" + std::to_string(row.index) : row.param.kind;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST(Snapd, EveryKindOfTheTableHasItsTest) {
  for (const SnapdKind& row : snapd_kinds()) {
    const bool has_test = std::any_of(std::begin(kPosted), std::end(kPosted), [&](const Posted& posted) {
      return posted.kind == row.kind && (row.reason ? row_of(*row.reason).word : "") == posted.reason;
    });
    EXPECT_TRUE(has_test) << row.kind;
  }
}

TEST(Snapd, AChannelThatIsNotThereSaysWhichAre) {
  ScriptedHost host = without_microk8s();
  host.on_snapd("POST /v2/snaps/microk8s")
      .out(R"({"message":"no snap revision available as specified","kind":"snap-channel-not-available",)"
           R"("value":{"releases":[{"channel":"1.33/stable"},{"channel":"1.33/edge"}]}})",
           404);
  EXPECT_EQ(host.step(Phase::Run, install()).detail,
            "installing 1.32/stable: snapd refuses: no snap revision available as specified; there are 1.33/stable, "
            "1.33/edge");
}

// ---- waiting --------------------------------------------------------------------------------------------------------

TEST(Snapd, AConflictIsWaitedOutAndNamesTheOther) {
  ScriptedHost host = without_microk8s();
  host.on_change("POST /v2/snaps/microk8s");
  host.on_snapd("POST /v2/snaps/microk8s")
      .out(R"({"message":"snap \"microk8s\" has \"auto-refresh\" change in progress","kind":"snap-change-conflict",)"
           R"("value":{"change-kind":"auto-refresh","snap-name":"microk8s"}})",
           409)
      .out(R"({"change":"42"})", 202)
      .does([&host] { is_installed(host); });
  EXPECT_EQ(host.step(Phase::Run, install()).verdict, Verdict::Satisfied);
  EXPECT_EQ(host.times_asked("POST"), 2U);
  EXPECT_NE(
      std::find(host.progress.begin(), host.progress.end(),
                "installing 1.32/stable: snapd refuses: snap \"microk8s\" has \"auto-refresh\" change in progress "
                "(by auto-refresh of microk8s)"),
      host.progress.end());
}

TEST(Snapd, AConflictThatDoesNotEndNamesTheChange) {
  ScriptedHost host = without_microk8s();
  host.on_snapd("GET /v2/changes?select=in-progress&for=microk8s")
      .out(R"([{"id":"40","summary":"Auto-refresh snap \"microk8s\"","status":"Doing","tasks":[]}])", 200);
  const CallResult result = host.step(Phase::Run, install());
  EXPECT_EQ(result.reason, "snap-conflict");
  EXPECT_TRUE(result.is_transient);
  EXPECT_EQ(result.detail, "installing: another change is still in progress: 40: Auto-refresh snap \"microk8s\"");
}

// Facts, microk8s 3.5: a command that an earlier agent left behind ends by itself.
TEST(Snapd, ARefreshWaitsForCommandsThatStillRun) {
  ScriptedHost host;
  set_up_running(host);
  host.on_change("POST /v2/snaps/microk8s");
  host.on_snapd("POST /v2/snaps/microk8s")
      .out(R"({"message":"snap \"microk8s\" has running apps (kubectl), pids: 1234"})", 400)
      .out(R"({"change":"42"})", 202)
      .does([&host] { host.on_snapd("GET /v2/snaps/microk8s").out(snap_json("1.33/stable", "8001", "v1.33.1"), 200); });
  EXPECT_EQ(host.step(Phase::Run, install("1.33/stable")).verdict, Verdict::Satisfied);
}

TEST(Snapd, CommandsOfOthersThatDoNotEndAreNamedInTime) {
  ScriptedHost host;
  set_up_running(host);
  host.on_snapd("POST /v2/snaps/microk8s")
      .out(R"({"message":"snap \"microk8s\" has running apps (kubectl), pids: 1234"})", 400);
  const std::int64_t since = host.now_ms;
  const CallResult result = host.step(Phase::Run, install("1.33/stable"));
  EXPECT_EQ(result.reason, "snap-running-apps");
  EXPECT_NE(result.detail.find("kubectl), pids: 1234"), std::string::npos) << result.detail;
  EXPECT_LT(host.now_ms - since, 240'000) << "not for the step's whole time";
}

// Facts, microk8s 3.7: snapd may have taken the request and restarted before it answered.
TEST(Snapd, ARequestWhoseAnswerWasLostIsNotRepeatedWhenItWasDone) {
  ScriptedHost host = without_microk8s();
  host.on_snapd("GET /v2/changes?select=in-progress&for=microk8s").out("[]", 200).does([&host] {
    if (host.was_asked("POST")) is_installed(host);
  });
  host.on_snapd("POST /v2/snaps/microk8s").drops();
  EXPECT_EQ(host.step(Phase::Run, install()).verdict, Verdict::Satisfied);
  EXPECT_EQ(host.times_asked("POST"), 1U);
}

TEST(Snapd, ARemovalWhoseAnswerWasLostIsDone) {
  ScriptedHost host = without_microk8s();
  const std::string restore = host.step(Phase::Prepare, install()).restore;
  is_installed(host);
  host.on_snapd("POST /v2/snaps/microk8s").drops().does([&host] {
    host.on_snapd("GET /v2/snaps/microk8s").out(kNotInstalled, 404);
  });
  EXPECT_EQ(host.step(Phase::Undo, install(), restore).verdict, Verdict::Satisfied);
  EXPECT_EQ(host.times_asked("POST"), 1U);
}

TEST(Snapd, AChangeThatWaitsForARebootSaysSo) {
  ScriptedHost host = without_microk8s();
  host.on_snapd("POST /v2/snaps/microk8s").out(R"({"change":"42"})", 202);
  host.on_snapd("GET /v2/changes/42").out(R"({"id":"42","status":"Wait","ready":false,"tasks":[]})", 200);
  host.on_snapd("POST /v2/changes/42").out("{}", 200);
  const CallResult result = host.step(Phase::Run, install());
  EXPECT_EQ(result.reason, "reboot-needed");
  EXPECT_EQ(host.progress.back(), "installing 1.32/stable: waits for a restart of the device");
}

// ---- after a restart of the agent -----------------------------------------------------------------------------------

TEST(Resumed, TheIdIsNotedAsSoonAsSnapdHasAccepted) {
  ScriptedHost host = without_microk8s();
  host.on_snapd("POST /v2/snaps/microk8s").out(R"({"change":"42"})", 202);
  host.on_snapd("GET /v2/changes/42").out(R"({"id":"42","status":"Doing","ready":false,"tasks":[]})", 200);
  host.waits_left = 0;
  EXPECT_EQ(host.step(Phase::Run, install()).reason, "interrupted");
  EXPECT_EQ(host.notes, std::vector<std::string>{kNoted});
}

TEST(Resumed, AChangeThatGoesOnIsWaitedForByItsId) {
  ScriptedHost host = without_microk8s();
  host.on_snapd("GET /v2/changes/42")
      .out(R"({"id":"42","status":"Doing","ready":false,"tasks":[]})", 200)
      .out(R"({"id":"42","status":"Done","ready":true,"tasks":[]})", 200)
      .does([&host] { is_installed(host); });
  EXPECT_EQ(host.resumed(Phase::Run, install(), kNoted).verdict, Verdict::Satisfied);
  EXPECT_FALSE(host.was_asked("POST"));
}

TEST(Resumed, OneThatFailedMeanwhileIsReportedWithItsLogAndNotRedone) {
  ScriptedHost host = without_microk8s();
  host.on_snapd("GET /v2/changes/42")
      .out(R"-({"id":"42","status":"Error","ready":true,)-"
           R"-("err":"cannot perform the following tasks:\n- Mount snap (bad)",)-"
           R"("tasks":[{"summary":"Mount snap","status":"Error","log":["2026-01-01 ERROR bad superblock"]}]})",
           200);
  const CallResult result = host.resumed(Phase::Run, install(), kNoted);
  EXPECT_EQ(result.reason, "snap-change-failed");
  EXPECT_EQ(
      result.detail,
      "installing 1.32/stable failed, snapd took change 42 back: cannot perform the following tasks:\n- Mount snap "
      "(bad)");
  EXPECT_EQ(result.output_tail, "Mount snap: 2026-01-01 ERROR bad superblock\n");
  EXPECT_FALSE(host.was_asked("POST"));
}

TEST(Resumed, OneThatSnapdHasForgottenIsJudgedByWhatItLeft) {
  constexpr const char* kForgotten = R"({"message":"cannot find change with id \"42\""})";
  ScriptedHost done = without_microk8s();
  is_installed(done);
  done.on_snapd("GET /v2/changes/42").out(kForgotten, 404);
  EXPECT_EQ(done.resumed(Phase::Run, install(), kNoted).verdict, Verdict::Satisfied);
  EXPECT_FALSE(done.was_asked("POST"));

  ScriptedHost undone = without_microk8s();
  undone.on_snapd("GET /v2/changes/42").out(kForgotten, 404);
  undone.on_snapd("GET /v2/changes/43").out(R"({"id":"43","status":"Done","ready":true,"tasks":[]})", 200);
  undone.on_snapd("POST /v2/snaps/microk8s").out(R"({"change":"43"})", 202).does([&] { is_installed(undone); });
  EXPECT_EQ(undone.resumed(Phase::Run, install(), kNoted).verdict, Verdict::Satisfied);
  EXPECT_EQ(undone.notes, std::vector<std::string>{R"({"change":"43","doing":"installing 1.32/stable"})"});
}

TEST(Resumed, TheWayBackGoesOnByItsIdToo) {
  ScriptedHost host = without_microk8s();
  const std::string restore = host.step(Phase::Prepare, install()).restore;
  is_installed(host);
  host.on_snapd("GET /v2/changes/44").out(R"({"id":"44","status":"Done","ready":true,"tasks":[]})", 200).does([&host] {
    host.on_snapd("GET /v2/snaps/microk8s").out(kNotInstalled, 404);
  });
  const char* const noted = R"({"change":"44","doing":"removing MicroK8s"})";
  EXPECT_EQ(host.resumed(Phase::Undo, install(), noted, restore).verdict, Verdict::Satisfied);
  EXPECT_FALSE(host.was_asked("POST"));
}

// ---- holds ----------------------------------------------------------------------------------------------------------

constexpr const char* kOldSnapd = R"({"version":"2.57.6","architecture":"arm64","on-classic":true})";
constexpr const char* kNoOption = R"({"message":"no","kind":"option-not-found"})";

std::string not_held() {
  std::string snap = snap_json("1.32/stable", "7890", "v1.32.3");
  const std::string hold = R"("hold":"2318-01-01T00:00:00Z",)";
  return snap.erase(snap.find(hold), hold.size());
}

ScriptedHost with_old_snapd(const char* system_hold) {
  ScriptedHost host;
  set_up_running(host);
  host.on_snapd("GET /v2/system-info").out(kOldSnapd, 200);
  host.on_snapd("GET /v2/snaps/microk8s").out(not_held(), 200);
  if (*system_hold == 0) {
    host.on_snapd("GET /v2/snaps/system/conf").out(kNoOption, 400);
  } else {
    host.on_snapd("GET /v2/snaps/system/conf").out(fmt::format(R"({{"refresh.hold":"{}"}})", system_hold), 200);
  }
  host.on_change("PUT /v2/snaps/system/conf");
  return host;
}

void then_held_until(ScriptedHost& host, const char* until) {
  host.on_snapd("GET /v2/snaps/system/conf").out(fmt::format(R"({{"refresh.hold":"{}"}})", until), 200);
}

// Facts, microk8s 3.6: POST {"action":"hold"} on 2.57 says "unknown action hold".
TEST(Hold, BeforeSnapd258AllRefreshesAreHeldAndTheUndoLetsThemGo) {
  ScriptedHost host = with_old_snapd("");
  const std::string restore = host.step(Phase::Prepare, install()).restore;
  EXPECT_EQ(host.step(Phase::Observe, install()).detail, "its refreshes are not held");
  EXPECT_EQ(host.step(Phase::Run, install()).verdict, Verdict::Satisfied);
  EXPECT_TRUE(host.was_asked(R"(PUT /v2/snaps/system/conf {"refresh.hold":"2999-01-01T00:00:00Z"})"));
  then_held_until(host, "2999-01-01T00:00:00Z");
  EXPECT_EQ(host.step(Phase::Observe, install()).verdict, Verdict::Satisfied);
  EXPECT_EQ(host.step(Phase::Undo, install(), restore).verdict, Verdict::Satisfied);
  EXPECT_TRUE(host.was_asked(R"(PUT /v2/snaps/system/conf {"refresh.hold":null})"));
}

TEST(Hold, OfSomebodyElseIsLengthenedAndPutBack) {
  ScriptedHost host = with_old_snapd("2027-01-01T00:00:00Z");
  const std::string restore = host.step(Phase::Prepare, install()).restore;
  EXPECT_EQ(host.step(Phase::Run, install()).verdict, Verdict::Satisfied);
  then_held_until(host, "2999-01-01T00:00:00Z");
  EXPECT_EQ(host.step(Phase::Undo, install(), restore).verdict, Verdict::Satisfied);
  EXPECT_TRUE(host.was_asked(R"(PUT /v2/snaps/system/conf {"refresh.hold":"2027-01-01T00:00:00Z"})"));
}

TEST(Hold, OfSomebodyElseIsNeverLifted) {
  ScriptedHost host = with_old_snapd("2027-01-01T00:00:00Z");
  InstallStep free = install();
  free.hold = false;
  const std::string restore = host.step(Phase::Prepare, free).restore;
  EXPECT_EQ(host.step(Phase::Observe, free).verdict, Verdict::Satisfied) << "Kelpie holds nothing";
  then_held_until(host, "2028-01-01T00:00:00Z");
  EXPECT_EQ(host.step(Phase::Undo, free, restore).verdict, Verdict::Satisfied);
  EXPECT_FALSE(host.was_asked("PUT")) << "somebody else's, and newer";
}

TEST(Hold, OfAllSnapsFromAnOlderSnapdIsGivenUpForOneOfItsOwn) {
  ScriptedHost host;
  set_up_running(host);
  host.on_snapd("GET /v2/snaps/microk8s").out(not_held(), 200);
  then_held_until(host, "2999-01-01T00:00:00Z");
  host.on_change("POST /v2/snaps/microk8s");
  host.on_snapd("PUT /v2/snaps/system/conf").out(R"({"change":"42"})", 202);
  EXPECT_EQ(host.step(Phase::Observe, install()).verdict, Verdict::Unmet);
  EXPECT_EQ(host.step(Phase::Run, install()).verdict, Verdict::Satisfied);
  EXPECT_TRUE(host.was_asked(R"(POST /v2/snaps/microk8s {"action":"hold","hold-level":"general","time":"forever"})"));
  EXPECT_TRUE(host.was_asked(R"(PUT /v2/snaps/system/conf {"refresh.hold":null})"));
}

}  // namespace
}  // namespace kelpie::agent
