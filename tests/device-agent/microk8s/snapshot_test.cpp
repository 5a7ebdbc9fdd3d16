// snapshot: a copy that is one, before a refresh and when asked; two of them at most.
#include <gtest/gtest.h>

#include "tests/device-agent/microk8s/scripted_host.h"

namespace kelpie::agent {
namespace {

using test::ScriptedHost;
using test::set_up_running;

const std::string kFolder = "/var/snap/microk8s/common/kelpie-snapshots";
const std::string kNewest = kFolder + "/datastore.tar.gz";
const std::string kBefore = kFolder + "/datastore-before.tar.gz";
const std::string kMaking = kFolder + "/making.tar.gz";

std::string copy_of(char what) {
  return "\x1f\x8b\x08" + std::string(60'000, what);
}

void set_up_backup(ScriptedHost& host, const std::string& content) {
  set_up_running(host);
  host.on("dbctl backup -o " + kMaking).out("Backing up the datastore\nThe backup is: …\n").does([&host, content] {
    host.files[kMaking] = content;
  });
}

TEST(Snapshot, IsProvedByItsFile) {
  ScriptedHost host;
  set_up_backup(host, copy_of('a'));
  EXPECT_EQ(host.step(Phase::Prepare, SnapshotStep{}).verdict, Verdict::Satisfied);
  EXPECT_EQ(host.step(Phase::Observe, SnapshotStep{}).reason, "snapshot-missing");
  EXPECT_EQ(host.step(Phase::Run, SnapshotStep{}).verdict, Verdict::Satisfied);
  EXPECT_TRUE(host.was_asked("folder " + kFolder)) << "closed to others before anything is in it";
  const CallResult after = host.step(Phase::Verify, SnapshotStep{});
  EXPECT_EQ(after.verdict, Verdict::Satisfied) << after.detail;
  EXPECT_TRUE(after.summary.starts_with("0.1 MiB in " + kNewest + ", made 2026-11-25")) << after.summary;
  EXPECT_FALSE(host.files.contains(kMaking));
}

TEST(Snapshot, TwoAreKept) {
  ScriptedHost host;
  for (const char what : {'a', 'b', 'c'}) {
    set_up_backup(host, copy_of(what));
    ASSERT_EQ(host.step(Phase::Run, SnapshotStep{}).verdict, Verdict::Satisfied);
  }
  EXPECT_EQ(host.files[kNewest], copy_of('c'));
  EXPECT_EQ(host.files[kBefore], copy_of('b'));
  EXPECT_EQ(std::count_if(host.files.begin(), host.files.end(),
                          [](const auto& file) { return file.first.starts_with(kFolder); }),
            2);
}

TEST(Snapshot, OfBeforeARestartIsNotMadeAgainAndAnOldOneIs) {
  ScriptedHost host;
  set_up_backup(host, copy_of('a'));
  host.files[kNewest] = copy_of('a');
  host.modified[kNewest] = host.wall() - std::chrono::minutes(9);
  EXPECT_EQ(host.step(Phase::Observe, SnapshotStep{}).verdict, Verdict::Satisfied);
  host.modified[kNewest] = host.wall() - std::chrono::minutes(11);
  EXPECT_EQ(host.step(Phase::Observe, SnapshotStep{}).reason, "snapshot-missing");
  host.modified[kNewest] = host.wall() + std::chrono::hours(1);
  EXPECT_EQ(host.step(Phase::Observe, SnapshotStep{}).reason, "snapshot-missing") << "the clock was wrong once";
}

struct Spared {
  const char* name;
  std::function<void(ScriptedHost&)> change;
  const char* said;
};
class SnapshotSpared : public testing::TestWithParam<Spared> {};

TEST_P(SnapshotSpared, WhereNoRefreshComes) {
  ScriptedHost host;
  set_up_running(host);
  GetParam().change(host);
  const SnapshotStep step{.before_channel = "1.33/stable"};
  EXPECT_EQ(host.step(Phase::Prepare, step).verdict, Verdict::Satisfied);
  const CallResult seen = host.step(Phase::Observe, step);
  EXPECT_EQ(seen.verdict, Verdict::Satisfied);
  EXPECT_EQ(seen.summary, GetParam().said);
}

INSTANTIATE_TEST_SUITE_P(
    Snapshot, SnapshotSpared,
    testing::Values(
        Spared{"NotInstalled",
               [](ScriptedHost& host) {
                 host.on_snapd("GET /v2/snaps/microk8s").out(R"({"kind":"snap-not-found"})", 404);
               },
               "MicroK8s is not installed"},
        Spared{"ThereAlready",
               [](ScriptedHost& host) {
                 host.on_snapd("GET /v2/snaps/microk8s").out(test::snap_json("1.33/stable", "8001", "v1.33.1"), 200);
               },
               "no refresh to come: it follows 1.33/stable"},
        Spared{"Stopped",
               [](ScriptedHost& host) { host.files["/var/snap/microk8s/current/var/lock/stopped.lock"] = ""; },
               "MicroK8s is stopped: snapd copies its datastore at rest with the refresh"}),
    [](const auto& row) { return row.param.name; });

TEST(Snapshot, BeforeARefreshIsNeeded) {
  ScriptedHost host;
  set_up_running(host);
  EXPECT_EQ(host.step(Phase::Observe, SnapshotStep{.before_channel = "1.33/stable"}).reason, "snapshot-missing");
}

struct Failing {
  const char* name;
  std::function<void(ScriptedHost&)> change;
  const char* reason;
  const char* said;
};
class SnapshotFailing : public testing::TestWithParam<Failing> {};

TEST_P(SnapshotFailing, LeavesNothingHalfMade) {
  ScriptedHost host;
  set_up_backup(host, copy_of('a'));
  host.files[kNewest] = copy_of('z');
  GetParam().change(host);
  const CallResult result = host.step(Phase::Run, SnapshotStep{});
  EXPECT_EQ(result.verdict, Verdict::Failed);
  EXPECT_EQ(result.reason, GetParam().reason);
  EXPECT_NE(result.detail.find(GetParam().said), std::string::npos) << result.detail;
  EXPECT_FALSE(host.files.contains(kMaking));
  EXPECT_EQ(host.files[kNewest], copy_of('z')) << "the one there was";
}

void answers(ScriptedHost& host, const std::string& out, int code) {
  host.on("dbctl backup").out(out, code);
  host.on("dbctl backup -o " + kMaking).out(out, code).does([&host] { host.files[kMaking] = "half of one"; });
}

INSTANTIATE_TEST_SUITE_P(
    Snapshot, SnapshotFailing,
    testing::Values(
        Failing{"Migrator", [](ScriptedHost& host) { answers(host, "Backup process failed. 1\n", 1); },
                "snapshot-failed", "snapshot: false"},
        Failing{"NoDatastore",
                [](ScriptedHost& host) {
                  answers(host, "Please ensure the kubernetes apiserver is running and HA is enabled.\n", 10);
                },
                "snapshot-failed", "ended with 10: Please ensure"},
        Failing{"Disk", [](ScriptedHost& host) { answers(host, "OSError: [Errno 28] No space left on device\n", 1); },
                "disk-full", "No space left"},
        Failing{"NoRoom", [](ScriptedHost& host) { host.free_bytes = 100U << 20U; }, "disk-full", "are needed"},
        // Version 1.35 makes an archive of one empty folder, and exits 0.
        Failing{"Empty",
                [](ScriptedHost& host) {
                  host.on("dbctl backup -o " + kMaking).out("The backup is: …\n").does([&host] {
                    host.files[kMaking] = "\x1f\x8b\x08" + std::string(209, 'x');
                  });
                },
                "snapshot-empty", "has 212 bytes"},
        Failing{"NoArchive",
                [](ScriptedHost& host) {
                  host.on("dbctl backup -o " + kMaking).out("The backup is: …\n").does([&host] {
                    host.files[kMaking] = std::string(60'000, 'x');
                  });
                },
                "snapshot-empty", "is no gzip archive"},
        Failing{"NothingThere",
                [](ScriptedHost& host) { host.on("dbctl backup -o " + kMaking).out("The backup is\n"); },
                "snapshot-missing", "no such file"},
        Failing{"Hanging", [](ScriptedHost& host) { host.on("dbctl backup -o " + kMaking).never_ends(); },
                "command-timeout", "dbctl backup"}),
    [](const auto& row) { return row.param.name; });

TEST(Snapshot, IsKeptOnTheWayBackAndWhatIsHalfMadeIsNot) {
  ScriptedHost host;
  set_up_running(host);
  host.files[kNewest] = copy_of('a');
  host.files[kMaking] = "half of one";
  EXPECT_EQ(host.step(Phase::Undo, SnapshotStep{}, "{}").summary, "what was half made is gone");
  EXPECT_FALSE(host.files.contains(kMaking));
  EXPECT_EQ(host.step(Phase::Undo, SnapshotStep{}, "{}").summary, "the copies are kept");
  EXPECT_TRUE(host.files.contains(kNewest));
}

}  // namespace
}  // namespace kelpie::agent
