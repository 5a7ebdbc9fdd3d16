// install: what snapd says and what it means.
#include <gtest/gtest.h>

#include "tests/device-agent/microk8s/scripted_host.h"

namespace kelpie::agent {
namespace {

using test::node_list;
using test::ScriptedHost;
using test::set_up_running;
using test::snap_json;

constexpr const char* kNotInstalled =  // facts, microk8s 3.6: the kind is that of a snap the store does not have
    R"({"message":"snap not installed","kind":"snap-not-found","value":"microk8s"})";

InstallStep install(std::string channel = "1.32/stable") {
  return {.channel = std::move(channel), .hold = true};
}

ScriptedHost without_microk8s() {
  ScriptedHost host;
  set_up_running(host);
  host.on_snapd("GET /v2/snaps/microk8s").out(kNotInstalled, 404);
  return host;
}

void installs(ScriptedHost& host, const std::string& channel) {
  host.on_change("POST /v2/snaps/microk8s");
  host.on_snapd("POST /v2/snaps/microk8s").out(R"({"change":"42"})", 202).does([&host, channel] {
    host.on_snapd("GET /v2/snaps/microk8s").out(snap_json(channel, "7890", "v1.32.3"), 200);
  });
}

TEST(Install, BringsTheSnapAndProvesItsServer) {
  ScriptedHost host = without_microk8s();
  EXPECT_EQ(host.step(Phase::Prepare, install()).verdict, Verdict::Satisfied);
  const CallResult before = host.step(Phase::Observe, install());
  EXPECT_EQ(before.verdict, Verdict::Unmet);
  EXPECT_EQ(before.reason, "microk8s-not-installed");
  installs(host, "1.32/stable");
  EXPECT_EQ(host.step(Phase::Run, install()).verdict, Verdict::Satisfied);
  EXPECT_TRUE(host.was_asked(R"(POST /v2/snaps/microk8s {"action":"install","channel":"1.32/stable","classic":true})"));
  const CallResult after = host.step(Phase::Verify, install());
  EXPECT_EQ(after.verdict, Verdict::Satisfied) << after.detail;
  EXPECT_EQ(after.summary, "1.32/stable v1.32.3 (7890) classic, refreshes held, server v1.32.3");
}

// Facts, microk8s 3.1: installing what is installed on another channel says 0 and switches nothing.
TEST(Install, OnAnotherChannelItIsRefreshedNotInstalled) {
  ScriptedHost host;
  set_up_running(host);
  host.on_change("POST /v2/snaps/microk8s");
  const CallResult before = host.step(Phase::Observe, install("1.33/stable"));
  EXPECT_EQ(before.reason, "channel-not-reached");
  EXPECT_EQ(host.step(Phase::Run, install("1.33/stable")).verdict, Verdict::Satisfied);
  EXPECT_TRUE(host.was_asked(R"(POST /v2/snaps/microk8s {"action":"refresh","channel":"1.33/stable","classic":true})"));
  const CallResult after = host.step(Phase::Verify, install("1.33/stable"));
  EXPECT_EQ(after.verdict, Verdict::Unmet) << "snapd said Done, the snap says otherwise";
  EXPECT_EQ(after.detail, "it follows 1.32/stable, not 1.33/stable");
}

TEST(Install, TheServerMustBeOfTheTrack) {
  ScriptedHost host;
  set_up_running(host);
  host.on("kubectl version").out(R"({"serverVersion":{"gitVersion":"v1.31.7"}})");
  const CallResult after = host.step(Phase::Verify, install());
  EXPECT_EQ(after.verdict, Verdict::Unmet);
  EXPECT_EQ(after.detail, "the API server is v1.31.7, not of 1.32");
}

struct Refused {
  const char* name;
  const char* channel;
  std::function<void(ScriptedHost&)> change;
  const char* reason;
  bool is_transient;
};
class RefusedInPrepare : public testing::TestWithParam<Refused> {};

TEST_P(RefusedInPrepare, NamesTheReason) {
  ScriptedHost host;
  set_up_running(host);
  if (GetParam().change) GetParam().change(host);
  const CallResult result = host.step(Phase::Prepare, install(GetParam().channel));
  EXPECT_EQ(result.verdict, Verdict::Failed);
  EXPECT_EQ(result.reason, GetParam().reason) << result.detail;
  EXPECT_EQ(result.is_transient, GetParam().is_transient);
  EXPECT_FALSE(result.detail.empty());
  EXPECT_FALSE(host.was_asked("POST")) << "preparing is harmless";
}

void remove_snap(ScriptedHost& host) {
  host.on_snapd("GET /v2/snaps/microk8s").out(kNotInstalled, 404);
}

INSTANTIATE_TEST_SUITE_P(
    Install, RefusedInPrepare,
    testing::Values(Refused{"NoSuchChannel", "1.33/edge", nullptr, "channel-unknown", false},
                    Refused{"NoChannelAtAll", "stable", nullptr, "channel-invalid", false},
                    Refused{"TwoMinorsUp", "1.35/stable", nullptr, "track-skips-minor", false},
                    Refused{"Down", "1.31/stable", nullptr, "track-downgrade", false},
                    Refused{"OtherConfinement", "1.32-strict/stable", nullptr, "confinement-change", false},
                    Refused{"ClassicOnCore", "1.32/stable",
                            [](ScriptedHost& host) {
                              remove_snap(host);
                              host.on_snapd("GET /v2/system-info").out(R"({"version":"2.63","on-classic":false})", 200);
                            },
                            "snap-needs-strict", false},
                    Refused{"NoRoom", "1.32/stable",
                            [](ScriptedHost& host) {
                              remove_snap(host);
                              host.free_bytes = 2ULL << 30U;
                            },
                            "disk-full", true},
                    Refused{"NoRoomForTwoCopiesOfItsData", "1.33/stable",
                            [](ScriptedHost& host) {
                              host.free_bytes = 5ULL << 30U;
                              host.data_bytes = 2ULL << 30U;
                            },
                            "disk-full", true},
                    Refused{"LatestIsTwoMinorsUp", "latest/stable", nullptr, "track-skips-minor", false},
                    Refused{"LatestIsDown", "latest/edge", nullptr, "track-downgrade", false},
                    Refused{"StrictUnderAClassicName", "1.32/candidate", nullptr, "confinement-mismatch", false},
                    Refused{"NoMemory", "1.32/stable",
                            [](ScriptedHost& host) {
                              remove_snap(host);
                              host.files["/proc/meminfo"] = "MemTotal:         524288 kB\n";
                            },
                            "low-memory", false},
                    Refused{"NoMemoryCgroup", "1.32/stable",
                            [](ScriptedHost& host) {
                              remove_snap(host);
                              host.files["/sys/fs/cgroup/cgroup.controllers"] = "cpuset cpu io pids\n";
                            },
                            "memory-cgroup-missing", false},
                    Refused{"UnusableName", "1.32/stable",
                            [](ScriptedHost& host) {
                              remove_snap(host);
                              host.files["/proc/sys/kernel/hostname"] = "Kiosk_07\n";
                            },
                            "hostname-unusable", false},
                    Refused{"StoreAway", "1.33/stable",
                            [](ScriptedHost& host) {
                              host.on_snapd("GET /v2/find?name=microk8s")
                                  .out(R"({"message":"unable to contact snap store","kind":"network-timeout"})", 400);
                            },
                            "store-unreachable", true},
                    Refused{"NoSnapd", "1.32/stable", [](ScriptedHost& host) { host.has_snapd = false; },
                            "snapd-missing", false},
                    Refused{"SnapdGone", "1.32/stable", [](ScriptedHost& host) { host.snapd_drops = 1'000; },
                            "snapd-unreachable", true}),
    [](const auto& row) { return row.param.name; });

TEST(Install, ARefreshNeedsTwiceItsDataTheSnapAndWhatKubeletKeepsFree) {
  ScriptedHost host;
  set_up_running(host);
  const std::uint64_t needed = 2 * host.data_bytes + (180ULL << 20U) + (1ULL << 30U);
  host.free_bytes = needed;
  EXPECT_EQ(host.step(Phase::Prepare, install("1.33/stable")).verdict, Verdict::Satisfied);
  host.free_bytes = needed - 1;
  EXPECT_EQ(
      host.step(Phase::Prepare, install("1.33/stable")).detail,
      "1804.0 MiB are free where MicroK8s keeps its data, 1804.0 MiB are needed: twice the data of 300.0 MiB, the "
      "snap of 180.0 MiB, and what kubelet keeps free");
  host.data_bytes = 0;  // too many files to count them
  EXPECT_EQ(host.step(Phase::Prepare, install("1.33/stable")).reason, "disk-full");
  host.free_bytes = 3ULL << 30U;
  EXPECT_EQ(host.step(Phase::Prepare, install("1.33/stable")).verdict, Verdict::Satisfied);
}

TEST(Install, AJumpNamesTheReleaseThatComesFirst) {
  ScriptedHost host;
  set_up_running(host);
  EXPECT_EQ(host.step(Phase::Prepare, install("1.35/candidate")).detail,
            "from 1.32 to 1.35: Kubernetes goes up one minor version at a time; first a release with microk8s: { "
            "channel: 1.33/candidate }");
}

// Old guides: `snap install microk8s --channel=latest/edge/strict`. What follows such a channel is refreshed.
TEST(Install, FromAChannelOfAnOldGuideItIsRefreshed) {
  ScriptedHost host;
  set_up_running(host);
  host.on_snapd("GET /v2/snaps/microk8s").out(snap_json("latest/edge/strict", "7800", "v1.32.1"), 200);
  const InstallStep strict = install("1.32-strict/stable");
  EXPECT_EQ(host.step(Phase::Prepare, strict).verdict, Verdict::Satisfied);
  EXPECT_EQ(host.step(Phase::Observe, strict).detail, "it follows latest/edge/strict, not 1.32-strict/stable");
  host.on_change("POST /v2/snaps/microk8s");
  EXPECT_EQ(host.step(Phase::Run, strict).verdict, Verdict::Satisfied);
  EXPECT_TRUE(host.was_asked(R"(POST /v2/snaps/microk8s {"action":"refresh","channel":"1.32-strict/stable"})"));
}

// Facts, microk8s 0.15: "already installed" switches no channel.
TEST(Install, WhatSomebodyElseInstalledMeanwhileIsRefreshed) {
  ScriptedHost host = without_microk8s();
  host.on_snapd(R"(POST /v2/snaps/microk8s {"action":"install")")
      .out(R"({"message":"snap \"microk8s\" is already installed","kind":"snap-already-installed"})", 400)
      .does([&host] { host.on_snapd("GET /v2/snaps/microk8s").out(snap_json("1.31/stable", "7600", "v1.31.7"), 200); });
  host.on_change(R"(POST /v2/snaps/microk8s {"action":"refresh")");
  host.on_snapd(R"(POST /v2/snaps/microk8s {"action":"refresh")").out(R"({"change":"42"})", 202).does([&host] {
    host.on_snapd("GET /v2/snaps/microk8s").out(snap_json("1.32/stable", "7890", "v1.32.3"), 200);
  });
  EXPECT_EQ(host.step(Phase::Run, install()).verdict, Verdict::Satisfied);
  EXPECT_EQ(host.times_asked("POST"), 2U);
}

struct Ended {
  const char* name;
  const char* err;
  const char* reason;
  bool is_transient;
};
class FailedChange : public testing::TestWithParam<Ended> {};

TEST_P(FailedChange, NamesTheReason) {
  ScriptedHost host = without_microk8s();
  host.on_change("POST /v2/snaps/microk8s", "Error", GetParam().err);
  const CallResult result = host.step(Phase::Run, install());
  EXPECT_EQ(result.verdict, Verdict::Failed);
  EXPECT_EQ(result.reason, GetParam().reason) << result.detail;
  EXPECT_EQ(result.is_transient, GetParam().is_transient);
}

INSTANTIATE_TEST_SUITE_P(
    Install, FailedChange,
    testing::Values(Ended{"Hook",
                          "cannot perform the following tasks:\\n- Run configure hook (run hook \\\"configure\\\": "
                          "<exceeded maximum runtime of 5m0s>)",
                          "snap-hook-timeout", true},
                    Ended{"Disk", "cannot perform the following tasks:\\n- Mount snap (write: no space left on device)",
                          "disk-full", true},
                    Ended{"RunningApps", "snap \\\"microk8s\\\" has running apps (kubectl), pids: 1234",
                          "snap-running-apps", true},
                    Ended{"Download", "- Download snap (dial tcp: lookup fastly.cdn.snapcraft.io: no such host)",
                          "store-unreachable", true},
                    Ended{"Else", "- Make snap available (profile cannot be loaded)", "snap-change-failed", false}),
    [](const auto& row) { return row.param.name; });

TEST(Install, AChangeInProgressIsWaitedForNotDoubled) {
  ScriptedHost host;
  set_up_running(host);
  host.on_snapd("GET /v2/changes?select=in-progress&for=microk8s")
      .out(R"([{"id":"41","summary":"Install microk8s","status":"Doing","tasks":[]}])", 200)
      .out("[]", 200);
  EXPECT_EQ(host.step(Phase::Run, install()).verdict, Verdict::Satisfied);
  EXPECT_FALSE(host.was_asked("POST")) << "the change of before the restart has done it";
}

TEST(Install, SnapdMayRestartInTheMiddle) {
  ScriptedHost host = without_microk8s();
  installs(host, "1.32/stable");
  host.on_snapd("POST /v2/snaps/microk8s").out(R"({"change":"42"})", 202).does([&host] {
    host.snapd_drops = 5;
    host.on_snapd("GET /v2/snaps/microk8s").out(snap_json("1.32/stable", "7890", "v1.32.3"), 200);
  });
  EXPECT_EQ(host.step(Phase::Run, install()).verdict, Verdict::Satisfied);
}

TEST(Install, AChangeThatTakesTooLongIsAborted) {
  ScriptedHost host = without_microk8s();
  host.on_snapd("POST /v2/snaps/microk8s").out(R"({"change":"42"})", 202);
  host.on_snapd("GET /v2/changes/42")
      .out(R"({"status":"Doing","ready":false,"tasks":[{"status":"Doing","summary":"Download snap \"microk8s\"",)"
           R"("progress":{"label":"microk8s","done":35756444,"total":188743680}}]})",
           200);
  host.on_snapd("POST /v2/changes/42").out("{}", 200);
  const CallResult result = host.step(Phase::Run, install());
  EXPECT_EQ(result.reason, "snap-change-timeout");
  EXPECT_TRUE(host.was_asked(R"(POST /v2/changes/42 {"action":"abort"})"));
  EXPECT_EQ(host.progress.back(), "installing 1.32/stable: Download snap \"microk8s\", 34.1/180.0 MiB");
}

TEST(Install, InTheMiddleOfAChangeNothingIsTakenForDone) {
  ScriptedHost host;
  set_up_running(host);
  host.on_snapd("GET /v2/changes?select=in-progress&for=microk8s")
      .out(R"([{"id":"41","summary":"Refresh \"microk8s\" snap","status":"Doing","tasks":[]}])", 200);
  const CallResult result = host.step(Phase::Observe, install());
  EXPECT_EQ(result.verdict, Verdict::Unmet) << "what a hook will take back looks right until then";
  EXPECT_EQ(result.detail, "change 41: Refresh \"microk8s\" snap is still in progress");
}

// Facts, microk8s 3.9: services of the strict snap stay off until its interfaces are connected.
TEST(Install, ABlockedSnapIsNotInstalledWell) {
  ScriptedHost host;
  set_up_running(host);
  host.on_snapd("GET /v2/snaps/microk8s")
      .out(
          snap_json("1.32-strict/stable", "7891", "v1.32.3",
                    R"(,"health":{"status":"blocked","message":"You must connect network-control before proceeding"})"),
          200);
  const CallResult result = host.step(Phase::Verify, install("1.32-strict/stable"));
  EXPECT_EQ(result.reason, "snap-blocked");
  EXPECT_EQ(result.detail, "You must connect network-control before proceeding");
}

TEST(Install, UndoOfAFirstInstallPurges) {
  ScriptedHost host = without_microk8s();
  const std::string restore = host.step(Phase::Prepare, install()).restore;
  host.on_snapd("GET /v2/snaps/microk8s").out(snap_json("1.32/stable", "7890", "v1.32.3"), 200);
  host.on_change("POST /v2/snaps/microk8s");
  host.on_snapd("POST /v2/snaps/microk8s").out(R"({"change":"42"})", 202).does([&host] { remove_snap(host); });
  EXPECT_EQ(host.step(Phase::Undo, install(), restore).verdict, Verdict::Satisfied);
  EXPECT_TRUE(host.was_asked(R"(POST /v2/snaps/microk8s {"action":"remove","purge":true})"));
}

void reverts(ScriptedHost& host) {
  host.on_snapd("GET /v2/snaps/microk8s").out(snap_json("1.33/stable", "8001", "v1.33.1"), 200);
  host.on_change("POST /v2/snaps/microk8s");
  host.on_snapd(R"(POST /v2/snaps/microk8s {"action":"revert","revision":"7890"})")
      .out(R"({"change":"42"})", 202)
      .does([&host] { host.on_snapd("GET /v2/snaps/microk8s").out(snap_json("1.33/stable", "7890", "v1.32.3"), 200); });
  host.on_snapd(R"(POST /v2/snaps/microk8s {"action":"switch","channel":"1.32/stable"})")
      .out(R"({"change":"42"})", 202)
      .does([&host] { host.on_snapd("GET /v2/snaps/microk8s").out(snap_json("1.32/stable", "7890", "v1.32.3"), 200); });
}

TEST(Install, UndoOfARefreshRevertsAndFollowsTheOldChannel) {
  ScriptedHost host;
  set_up_running(host);
  const std::string restore = host.step(Phase::Prepare, install("1.33/stable")).restore;
  ASSERT_FALSE(restore.empty());
  reverts(host);
  const CallResult result = host.step(Phase::Undo, install("1.33/stable"), restore);
  EXPECT_EQ(result.verdict, Verdict::Satisfied) << result.detail;
  EXPECT_EQ(result.summary, "back to 1.32/stable (7890), node pi-01 Ready");
}

struct Before {
  const char* name;
  std::function<void(ScriptedHost&)> change;
};
class BeforeItWasNotReady : public testing::TestWithParam<Before> {};

// A node that was not Ready before owes nobody Ready afterwards: going back would end as failed(broken) for ever.
TEST_P(BeforeItWasNotReady, UndoAsksForNoMore) {
  ScriptedHost host;
  set_up_running(host);
  GetParam().change(host);
  const std::string restore = host.step(Phase::Prepare, install("1.33/stable")).restore;
  reverts(host);
  const CallResult result = host.step(Phase::Undo, install("1.33/stable"), restore);
  EXPECT_EQ(result.verdict, Verdict::Satisfied) << result.detail;
  EXPECT_EQ(result.summary, "back to 1.32/stable (7890)");
}

INSTANTIATE_TEST_SUITE_P(
    Install, BeforeItWasNotReady,
    testing::Values(Before{"Node", [](ScriptedHost& host) { host.on("kubectl get nodes").out(node_list("False")); }},
                    Before{"Server",
                           [](ScriptedHost& host) {
                             host.on("kubectl get --raw /readyz").err("The connection to the server was refused");
                             host.on("kubectl get nodes").err("The connection to the server was refused");
                           }}),
    [](const auto& row) { return row.param.name; });

TEST(Install, WithoutAnOldRevisionThereIsNoWayBack) {
  ScriptedHost host;
  set_up_running(host);
  const std::string restore = host.step(Phase::Prepare, install("1.33/stable")).restore;
  host.on_snapd("GET /v2/snaps/microk8s").out(snap_json("1.33/stable", "8001", "v1.33.1"), 200);
  host.on_snapd("POST /v2/snaps/microk8s")
      .out(R"({"message":"cannot revert \"microk8s\": no revision to revert to"})", 400);
  EXPECT_EQ(host.step(Phase::Undo, install("1.33/stable"), restore).reason, "snap-revision-gone");
}

TEST(Install, EndsWhenTheAgentEnds) {
  ScriptedHost host = without_microk8s();
  host.on_snapd("POST /v2/snaps/microk8s").out(R"({"change":"42"})", 202);
  host.on_snapd("GET /v2/changes/42").out(R"({"status":"Doing","ready":false,"tasks":[]})", 200);
  host.waits_left = 3;
  const CallResult result = host.step(Phase::Run, install());
  EXPECT_EQ(result.reason, "interrupted");
  EXPECT_FALSE(host.was_asked("POST /v2/changes/42")) << "the change goes on and is waited for after the restart";
}

}  // namespace
}  // namespace kelpie::agent
