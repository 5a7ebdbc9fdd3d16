// images: what ctr says in its three dialects, and what must be read back.
#include <gtest/gtest.h>

#include "device-agent/microk8s/containerd.h"
#include "tests/device-agent/microk8s/scripted_host.h"

namespace kelpie::agent {
namespace {

using test::ScriptedHost;
using test::set_up_running;

const std::string kDigest = "sha256:" + std::string(64, 'a');
const std::string kOther = "sha256:" + std::string(64, 'b');
constexpr const char* kRef = "docker.io/library/app:1.0";
const std::string kByDigest = "docker.io/library/app@" + kDigest;
constexpr const char* kPinned = "io.cri-containerd.pinned=pinned";

ImagesStep app(std::string from = {}) {
  return {{{.ref = kRef, .digest = kDigest, .from = std::move(from)}}};
}

struct Row {
  std::string ref = kRef;
  std::string digest = kDigest;
  std::string labels = kPinned;
  std::string platforms = "linux/amd64,linux/arm64/v8";
  std::string status = "complete (2/2)";
};
/// Facts, microk8s 6.1: the tables of `ls` and `check`.
void has_images(ScriptedHost& host, const std::vector<Row>& rows) {
  std::string ls = "REF                       TYPE       DIGEST    SIZE     PLATFORMS   LABELS \n";
  std::string check = "REF      TYPE       DIGEST    STATUS     SIZE     UNPACKED \n";
  const std::string type = " application/vnd.oci.image.index.v1+json ";
  for (const Row& row : rows) {
    ls += row.ref + type + row.digest + " 10.6 KiB " + row.platforms + " " + row.labels + " \n";
    check += row.ref + type + row.digest + " " + row.status + " 10.6 KiB/10.6 KiB true \n";
  }
  host.on("ctr image ls").out(ls);
  host.on("ctr image check").out(check);
}

/// A pull that makes the digest's own name, beside what is there.
void pulls(ScriptedHost& host, std::vector<Row> rows, const std::string& out = "done\n") {
  rows.push_back({.ref = kByDigest});
  host.on("ctr image pull").out(out).does([&host, rows] { has_images(host, rows); });
  host.on("ctr image label").out("x\n");
}

TEST(Images, ThereCompleteAndPinnedIsUnchanged) {
  ScriptedHost host;
  set_up_running(host);
  has_images(host, {{}});
  const CallResult result = host.step(Phase::Observe, app());
  EXPECT_EQ(result.verdict, Verdict::Satisfied) << result.detail;
  EXPECT_EQ(result.summary, "1 image pinned by digest: docker.io/library/app:1.0");
}

struct Wrong {
  const char* name;
  Row row;
  const char* reason;
  const char* detail;
};
class NotSo : public testing::TestWithParam<Wrong> {};

TEST_P(NotSo, SaysWhat) {
  ScriptedHost host;
  set_up_running(host);
  has_images(host, {GetParam().row});
  const CallResult result = host.step(Phase::Verify, app());
  EXPECT_EQ(result.verdict, Verdict::Unmet);
  EXPECT_EQ(result.reason, GetParam().reason);
  EXPECT_EQ(result.detail, GetParam().detail);
}

INSTANTIATE_TEST_SUITE_P(
    Images, NotSo,
    testing::Values(Wrong{"Absent",
                          {.ref = "docker.io/library/other:1.0"},
                          "image-missing",
                          "docker.io/library/app:1.0 is not there"},
                    // Facts, microk8s 6.1: `image pull` clears the pin in all versions.
                    Wrong{"PinDropped", {.labels = "-"}, "image-missing", "docker.io/library/app:1.0 is not pinned"},
                    // `image check` says 0 for it too.
                    Wrong{"Incomplete",
                          {.status = "incomplete (1/2)"},
                          "image-missing",
                          "docker.io/library/app:1.0 is not complete"},
                    // A wrong --platform is not refused by pull; it shows later as "exec format error".
                    Wrong{"OtherPlatform",
                          {.platforms = "linux/amd64"},
                          "image-wrong-platform",
                          "docker.io/library/app:1.0 is for linux/amd64, the device is linux/arm64"}),
    [](const auto& row) { return row.param.name; });

TEST(Images, AnotherDigestUnderTheNameIsNotIt) {
  ScriptedHost host;
  set_up_running(host);
  has_images(host, {{.digest = kOther}});
  EXPECT_EQ(host.step(Phase::Observe, app()).reason, "image-digest-mismatch");
}

TEST(Images, PrepareFetchesByDigestThroughTheMirrorsAndMovesNoName) {
  ScriptedHost host;
  set_up_running(host);
  has_images(host, {{.digest = kOther}});
  pulls(host, {{.digest = kOther}}, "unpacking linux/arm64 " + kDigest + "...\ndone: 5.05ms\t\n");
  const CallResult result = host.step(Phase::Prepare, app());
  EXPECT_EQ(result.verdict, Verdict::Satisfied) << result.detail;
  EXPECT_TRUE(host.was_asked("ctr image pull --hosts-dir /var/snap/microk8s/current/args/certs.d " + kByDigest));
  EXPECT_TRUE(host.was_asked("ctr image label " + kByDigest + " " + kPinned))
      << "so that it is not collected before GO";
  EXPECT_FALSE(host.was_asked("ctr image tag")) << "a pod that restarts before GO still gets the old image";
}

TEST(Images, WithoutContainerdTheyArePulledAfterGo) {
  ScriptedHost host;
  set_up_running(host);
  host.on_snapd("GET /v2/snaps/microk8s").out(R"({"message":"snap not installed","kind":"snap-not-found"})", 404);
  const CallResult result = host.step(Phase::Prepare, app());
  EXPECT_EQ(result.verdict, Verdict::Satisfied);
  EXPECT_EQ(result.summary, "no containerd yet: images are pulled after GO");
}

TEST(Images, RunTagsFromTheMirrorAndPinsEveryNameLast) {
  ScriptedHost host;
  set_up_running(host);
  has_images(host, {});
  host.on("ctr image pull").out("done\n");
  host.on("ctr image tag").out("x\n");
  host.on("ctr image label").out("x\n");
  EXPECT_EQ(host.step(Phase::Run, app("mirror.example/app:1.0")).verdict, Verdict::Satisfied);
  EXPECT_TRUE(host.was_asked("ctr image tag --force mirror.example/app@" + kDigest + " " + kRef));
  const std::vector<std::string> ending(host.asked.end() - 2, host.asked.end());
  EXPECT_EQ(ending, (std::vector<std::string>{std::string("ctr image label ") + kRef + " " + kPinned,
                                              "ctr image label mirror.example/app@" + kDigest + " " + kPinned}));
}

// Facts, microk8s 6.1: ≤1.7 ends with 1 on a name that exists; --force is known to all.
TEST(Images, ANameThatExistsIsReplacedAndItsOldDigestKept) {
  ScriptedHost host;
  set_up_running(host);
  has_images(host, {{.digest = kOther}});
  host.on("ctr image pull").out("done\n");
  host.on("ctr image tag").err("ctr: image \"docker.io/library/app:1.0\": already exists\n", 1);
  host.on("ctr image tag --force").out("x\n");
  host.on("ctr image label").out("x\n");
  EXPECT_EQ(host.step(Phase::Run, app()).verdict, Verdict::Satisfied);
  EXPECT_TRUE(host.was_asked(std::string("ctr image tag --force ") + kRef + " docker.io/library/app@" + kOther));
  EXPECT_TRUE(host.was_asked("ctr image label docker.io/library/app@" + kOther + " " + kPinned));
}

TEST(Images, WhatWasKeptForAnEarlierWayBackIsLetGoWhenTheNextIsPrepared) {
  ScriptedHost host;
  set_up_running(host);
  const std::string oldest = "docker.io/library/app@sha256:" + std::string(64, 'c');
  const std::string kept_for = std::string("kelpie.dev/for=") + kRef + "," + kPinned;
  has_images(host, {{.digest = kOther},
                    {.ref = "docker.io/library/app@" + kOther, .digest = kOther, .labels = kept_for},
                    {.ref = oldest, .digest = "sha256:" + std::string(64, 'c'), .labels = kept_for}});
  pulls(host, {{.digest = kOther}});
  EXPECT_EQ(host.step(Phase::Prepare, app()).verdict, Verdict::Satisfied);
  EXPECT_TRUE(host.was_asked("ctr image label " + oldest + " io.cri-containerd.pinned="));
  EXPECT_FALSE(host.was_asked("ctr image label docker.io/library/app@" + kOther + " io.cri-containerd.pinned="));
  EXPECT_FALSE(host.was_asked("ctr image rm")) << "the name may be kubelet's own";
}

TEST(Images, AContainerdThatRestartsIsWaitedFor) {
  ScriptedHost host;
  set_up_running(host);
  has_images(host, {{}});
  const std::string away = "ctr: failed to dial \"/var/snap/x/containerd.sock\": context deadline exceeded\n";
  const std::string table = "REF TYPE DIGEST SIZE PLATFORMS LABELS\n" + std::string(kRef) + " t " + kDigest +
                            " 1.0 MiB linux/arm64 " + kPinned + "\n";
  host.on("ctr image ls").err(away).err(away).out(table);
  EXPECT_EQ(host.step(Phase::Observe, app()).verdict, Verdict::Satisfied);
  host.on("ctr image ls").err(away);
  EXPECT_EQ(host.step(Phase::Observe, app()).reason, "containerd-not-ready");
  // 2.x does not even dial.
  host.on("ctr image ls").err("ctr: cannot access socket /var/snap/x: stat: no such file or directory\n").out(table);
  EXPECT_EQ(host.step(Phase::Observe, app()).verdict, Verdict::Satisfied);
}

TEST(Images, PreparedAgainNothingIsTouched) {
  ScriptedHost host;
  set_up_running(host);
  has_images(host, {{}});
  EXPECT_EQ(host.step(Phase::Prepare, app()).verdict, Verdict::Satisfied);
  EXPECT_EQ(host.times_asked("ctr"), 3U) << "two listings, and what was there for the way back";
}

// A power cut between tag and pin: run once more, what the way back needs is still there.
TEST(Images, RunTwiceForgetsNothing) {
  ScriptedHost host;
  set_up_running(host);
  const std::string kept_for = std::string("kelpie.dev/for=") + kRef + "," + kPinned;
  has_images(host, {{.labels = "-"},
                    {.ref = kByDigest, .labels = kept_for},
                    {.ref = "docker.io/library/app@" + kOther, .digest = kOther, .labels = kept_for}});
  for (const char* const verb : {"tag", "label"}) host.on(std::string("ctr image ") + verb).out("x\n");
  EXPECT_EQ(host.step(Phase::Run, app()).verdict, Verdict::Satisfied);
  EXPECT_FALSE(host.was_asked("ctr image rm"));
}

TEST(Images, UndoTakesTheOldDigestBackWithoutTheNetwork) {
  ScriptedHost host;
  set_up_running(host);
  has_images(host, {{.digest = kOther, .labels = "-"}});
  pulls(host, {{.digest = kOther, .labels = "-"}});
  host.on("ctr image tag").out("x\n");
  const std::string restore = host.step(Phase::Prepare, app()).restore;
  has_images(host, {{}, {.ref = kByDigest}});
  host.on("ctr image rm").out("x\n").does([&host] { has_images(host, {{.digest = kOther, .labels = "-"}}); });
  const CallResult result = host.step(Phase::Undo, app(), restore);
  EXPECT_EQ(result.verdict, Verdict::Satisfied) << result.detail;
  EXPECT_TRUE(host.was_asked("ctr image tag --force docker.io/library/app@" + kOther + " " + kRef));
  EXPECT_TRUE(host.was_asked(std::string("ctr image label ") + kRef + " io.cri-containerd.pinned="));
  EXPECT_TRUE(host.was_asked("ctr image rm --sync " + kByDigest)) << "what prepare fetched";
}

// An attempt that was given up after PREPARE has fetched it; the next one did not add it, but pins it.
TEST(Images, UndoUnpinsWhatAnEarlierPrepareFetched) {
  ScriptedHost host;
  set_up_running(host);
  const std::string kept_for = std::string("kelpie.dev/for=") + kRef + "," + kPinned;
  has_images(host, {{.digest = kOther, .labels = "-"}, {.ref = kByDigest, .labels = kept_for}});
  host.on("ctr image label").out("x\n");
  const std::string restore = host.step(Phase::Prepare, app()).restore;
  EXPECT_EQ(host.step(Phase::Undo, app(), restore).verdict, Verdict::Satisfied);
  EXPECT_TRUE(host.was_asked("ctr image label " + kByDigest + " io.cri-containerd.pinned="));
  EXPECT_FALSE(host.was_asked("ctr image rm --sync " + kByDigest)) << "the name may be kubelet's own";
}

TEST(Images, AfterAStartTheyAreProvedOnlyByANodeThatIsReady) {
  ScriptedHost host;
  set_up_running(host);
  has_images(host, {{}});
  ImagesStep after_start = app();
  after_start.follows_start = true;
  host.on("kubectl get nodes").out(test::node_list("False", "cni plugin not initialized"));
  EXPECT_EQ(host.step(Phase::Observe, after_start).reason, "node-not-ready");
  EXPECT_EQ(host.step(Phase::Verify, after_start).reason, "node-not-ready");
  host.on("kubectl get nodes").out(test::node_list("True"));
  EXPECT_EQ(host.step(Phase::Verify, after_start).summary,
            "1 image pinned by digest: docker.io/library/app:1.0; node pi-01 Ready, v1.32.3");
}

// Pulled for another platform: 1.x says so after it has made the name, 2.x says that all is well.
TEST(Images, OfAnotherPlatformAreRefusedBeforeGoAndLeaveNoName) {
  for (const bool is_said : {true, false}) {
    ScriptedHost host;
    set_up_running(host);
    has_images(host, {});
    pulls(host, {});
    if (is_said) {
      host.on("ctr image pull")
          .err("ctr: unable to check unpack for R: no match for platform in manifest D: not found");
    } else {
      host.on("ctr image pull").out("done\n").does([&host] {
        has_images(host, {{.ref = kByDigest, .platforms = "linux/amd64"}});
      });
    }
    host.on("ctr image rm").out("x\n");
    EXPECT_EQ(host.step(Phase::Prepare, app()).reason, "image-wrong-platform");
    EXPECT_TRUE(host.was_asked("ctr image rm --sync " + kByDigest));
  }
}

// Facts, platform 2.3: a name of kubelet's own keeps the bytes on the disk.
TEST(Images, UndoForgetsKubeletsNameOfWhatNothingElseNames) {
  ScriptedHost host;
  set_up_running(host);
  has_images(host, {});
  pulls(host, {});
  const std::string restore = host.step(Phase::Prepare, app()).restore;
  const std::string own = "sha256:" + std::string(64, 'f');
  host.on("ctr image rm").out("x\n").does([&host, own] { has_images(host, {{.ref = own}}); }).out("x\n");
  EXPECT_EQ(host.step(Phase::Undo, app(), restore).verdict, Verdict::Satisfied);
  EXPECT_TRUE(host.was_asked("ctr image rm --sync " + own));
}

struct Refusal {
  const char* name;
  const char* err;
  const char* reason;
  bool is_transient;
};
class RefusedPull : public testing::TestWithParam<Refusal> {};

TEST_P(RefusedPull, NamesTheReason) {
  ScriptedHost host;
  set_up_running(host);
  has_images(host, {});
  host.on("ctr image pull").err(GetParam().err, 1);
  const CallResult result = host.step(Phase::Prepare, app());
  EXPECT_EQ(result.verdict, Verdict::Failed);
  EXPECT_EQ(result.reason, GetParam().reason) << result.detail;
  EXPECT_EQ(result.is_transient, GetParam().is_transient);
  EXPECT_NE(result.detail.find(kByDigest), std::string::npos) << result.detail;
}

// Facts, microk8s 6.1, and platform 2.3.
INSTANTIATE_TEST_SUITE_P(
    Images, RefusedPull,
    testing::Values(
        Refusal{"Unknown17", "ctr: failed to resolve reference \"R\": R: not found\n", "image-not-found", false},
        Refusal{"Unknown2", "ctr: failed to resolve image: R: not found\n", "image-not-found", false},
        Refusal{"Down",
                "ctr: failed to resolve reference \"R\": failed to do request: Head \"http://m\": dial tcp "
                "10.0.0.1:5000: connect: connection refused\n",
                "image-pull-failed", true},
        Refusal{"Dns", "ctr: failed to resolve image: failed to do request: dial tcp: lookup m: no such host\n",
                "image-pull-failed", true},
        Refusal{"Denied",
                "ctr: failed to resolve reference \"R\": unexpected status code [manifests v1]: 401 "
                "Unauthorized\n",
                "image-unauthorized", false},
        Refusal{"Private", "ctr: R: pull access denied, repository does not exist or may require authorization\n",
                "image-unauthorized", false},
        Refusal{"Untrusted",
                "ctr: failed to resolve reference \"R\": failed to do request: Head \"https://m\": x509: certificate "
                "signed by unknown authority\n",
                "registry-untrusted", false},
        Refusal{"CutOff", "ctr: failed to read expected number of bytes: unexpected EOF\n", "image-pull-failed", true},
        Refusal{"WrongBytes",
                "ctr: failed commit on ref \"layer\": unexpected commit digest sha256:a, expected "
                "sha256:b: failed precondition\n",
                "image-digest-mismatch", false},
        Refusal{"Full", "ctr: failed to copy: failed to send write: write /x: no space left on device: unknown\n",
                "disk-full", true},
        Refusal{"NoContainerd", "ctr: failed to dial \"/var/snap/x/containerd.sock\": context deadline exceeded\n",
                "containerd-not-ready", true}),
    [](const auto& row) { return row.param.name; });

// Facts, microk8s 6.1: without it 2.x leaves the work to the daemon, which cannot unpack on some roots and shows no
// bytes.
TEST(Images, ACtrThatTakesLocalIsToldToDoItItself) {
  ScriptedHost host;
  set_up_running(host);
  has_images(host, {});
  host.on("ctr image pull --help").out("OPTIONS:\n   --local  Fetch content from local client\n");
  pulls(host, {});
  EXPECT_EQ(host.step(Phase::Prepare, app()).verdict, Verdict::Satisfied);
  EXPECT_TRUE(
      host.was_asked("ctr image pull --hosts-dir /var/snap/microk8s/current/args/certs.d --local " + kByDigest));
}

// Facts, microk8s 6.7 and 8.
TEST(Images, ThreeTimesTheSizeOfWhatIsMissingMustBeFree) {
  ScriptedHost host;
  set_up_running(host);
  has_images(host, {});
  ImagesStep large = app();
  large.images[0].bytes = 1ULL << 30U;
  host.free_bytes = 4ULL << 30U;
  EXPECT_EQ(host.step(Phase::Prepare, large).detail,
            "4096.0 MiB are free where MicroK8s keeps its data, 4608.0 MiB are needed");
  EXPECT_EQ(host.step(Phase::Run, large).reason, "disk-full");
  has_images(host, {{.labels = "-"}});
  host.on("ctr image tag").out("x\n");
  host.on("ctr image label").out("x\n");
  EXPECT_EQ(host.step(Phase::Run, large).verdict, Verdict::Satisfied) << "it is there: nothing more is needed";
}

TEST(Images, APullThatNeverEndsIsGivenTheTimeItsSizeNeeds) {
  ScriptedHost host;
  set_up_running(host);
  host.limit = std::chrono::hours(2);
  has_images(host, {});
  host.on("ctr image pull").never_ends();
  ImagesStep sized = app();
  sized.images[0].bytes = 64U << 20U;
  const std::int64_t before = host.now_ms;
  const CallResult result = host.step(Phase::Prepare, sized);
  EXPECT_EQ(result.reason, "command-timeout");
  EXPECT_TRUE(result.is_transient) << "what came is kept for a day and the next try goes on from there";
  EXPECT_EQ(std::chrono::milliseconds(host.now_ms - before), std::chrono::seconds(600 + 1'024));
}

const std::string kArchive(64, 'f');
const std::string kArchivePath = "/var/lib/kelpie-agent/artifacts/" + kArchive;
const std::string kImported = "kelpie.dev/import@" + kDigest;

ImagesStep from_archive() {
  ImagesStep step = app();
  step.images[0].archive = kArchive;
  return step;
}

TEST(Images, FromAnArchiveComeInUnderNamesThatNoPodAsksFor) {
  ScriptedHost host;
  set_up_running(host);
  has_images(host, {{.digest = kOther}});
  host.artifacts.emplace(kArchivePath, 5ULL << 20U);
  host.on("ctr image import").out("unpacking " + kImported + "...done\n").does([&host] {
    has_images(host, {{.digest = kOther}, {.ref = kImported}});
  });
  host.on("ctr image tag").out("x\n").does([&host] {
    has_images(host, {{.digest = kOther}, {.ref = kImported}, {.ref = kByDigest}});
  });
  host.on("ctr image label").out("x\n");
  host.on("ctr image rm").out("x\n");
  const CallResult result = host.step(Phase::Prepare, from_archive());
  EXPECT_EQ(result.verdict, Verdict::Satisfied) << result.detail;
  const std::string import = "ctr image import --platform linux/arm64 --base-name kelpie.dev/import --digests -";
  EXPECT_TRUE(host.was_asked(import));
  EXPECT_EQ(host.input_of(import), "<" + kArchivePath) << "the very file that was hashed";
  EXPECT_TRUE(host.was_asked("ctr image tag --force " + kImported + " " + kByDigest));
  EXPECT_TRUE(host.was_asked("ctr image rm --sync " + kImported));
  EXPECT_FALSE(host.was_asked("ctr image pull --hosts-dir"));
}

TEST(Images, AnArchiveThatIsNotThereIsNamedByItsPath) {
  ScriptedHost host;
  set_up_running(host);
  has_images(host, {});
  const CallResult result = host.step(Phase::Prepare, from_archive());
  EXPECT_EQ(result.reason, "artifact-missing");
  EXPECT_NE(result.detail.find(kArchivePath), std::string::npos) << result.detail;
  EXPECT_FALSE(result.is_transient);
  host.on_snapd("GET /v2/snaps/microk8s").out(R"({"message":"snap not installed","kind":"snap-not-found"})", 404);
  EXPECT_EQ(host.step(Phase::Prepare, from_archive()).reason, "artifact-missing")
      << "before GO, and before the install";
}

TEST(Images, AnArchiveWithAnotherImageIsRefusedAndLeavesNothing) {
  ScriptedHost host;
  set_up_running(host);
  has_images(host, {});
  host.artifacts.emplace(kArchivePath, 5ULL << 20U);
  const std::string other = "kelpie.dev/import@" + kOther;
  host.on("ctr image import").out("unpacking\n").does([&] { has_images(host, {{.ref = other, .digest = kOther}}); });
  host.on("ctr image rm").out("x\n");
  const CallResult result = host.step(Phase::Prepare, from_archive());
  EXPECT_EQ(result.reason, "image-digest-mismatch");
  EXPECT_NE(result.detail.find(kOther), std::string::npos) << result.detail;
  EXPECT_TRUE(host.was_asked("ctr image rm --sync " + other));
}

struct BadArchive {
  const char* name;
  Code code;
  const char* reason;
};
class RefusedArchive : public testing::TestWithParam<BadArchive> {};

TEST_P(RefusedArchive, IsNeverImported) {
  ScriptedHost host;
  set_up_running(host);
  has_images(host, {});
  host.artifacts.emplace(kArchivePath, fail(GetParam().code, "\"" + kArchivePath + "\" is wrong"));
  const CallResult result = host.step(Phase::Prepare, from_archive());
  EXPECT_EQ(result.reason, GetParam().reason);
  EXPECT_FALSE(host.was_asked("ctr image import"));
}

INSTANTIATE_TEST_SUITE_P(Images, RefusedArchive,
                         testing::Values(BadArchive{"OtherBytes", Code::DataLoss, "artifact-mismatch"},
                                         BadArchive{"ALink", Code::FailedPrecondition, "artifact-mismatch"},
                                         BadArchive{"TooLarge", Code::ResourceExhausted, "artifact-mismatch"},
                                         BadArchive{"BadCard", Code::Unavailable, "file-unwritable"}),
                         [](const auto& row) { return row.param.name; });

class RefusedImport : public testing::TestWithParam<Refusal> {};

TEST_P(RefusedImport, NamesTheReason) {
  ScriptedHost host;
  set_up_running(host);
  has_images(host, {});
  host.artifacts.emplace(kArchivePath, 5ULL << 20U);
  host.on("ctr image import").err(GetParam().err, 1);
  host.on("ctr image rm").out("x\n");
  const CallResult result = host.step(Phase::Prepare, from_archive());
  EXPECT_EQ(result.reason, GetParam().reason) << result.detail;
  EXPECT_EQ(result.is_transient, GetParam().is_transient);
}

// Facts, microk8s 6.1; 1.6.20 says the second of what is no archive.
INSTANTIATE_TEST_SUITE_P(
    Images, RefusedImport,
    testing::Values(Refusal{"CutOff", "ctr: unexpected EOF\n", "artifact-mismatch", false},
                    Refusal{"Garbage", "ctr: unrecognized image format\n", "artifact-mismatch", false},
                    Refusal{"OtherPlatform", "ctr: image might be filtered out\n", "image-wrong-platform", false},
                    Refusal{"Full", "ctr: write /x: no space left on device: unknown\n", "disk-full", true},
                    Refusal{"NoContainerd",
                            "ctr: failed to dial \"/var/snap/x/containerd.sock\": context deadline exceeded\n",
                            "containerd-not-ready", true}),
    [](const auto& row) { return row.param.name; });

TEST(Images, TooLittleRoomIsSaidBeforeAnythingIsPulled) {
  ScriptedHost host;
  set_up_running(host);
  host.free_bytes = 1ULL << 30U;
  const CallResult result = host.step(Phase::Prepare, app());
  EXPECT_EQ(result.reason, "disk-full");
  EXPECT_EQ(result.detail, "1024.0 MiB are free where MicroK8s keeps its data, 1536.0 MiB are needed");
}

TEST(Images, ProgressIsThatOfTheNewestBlock) {
  const std::string blocks =
      "docker.io/library/app:1.0:  resolved       |\x1b[32m++++++\x1b[0m| \n"
      "layer-sha256:aa: downloading    |\x1b[32m+++\x1b[0m---|  1.2 MiB/3.4 MiB \n"
      "layer-sha256:bb: downloading    |------|    0.0 B/54.0 MiB \n"
      "elapsed: 0.2 s total:  1.2 Mi (6.0 MiB/s)\n"
      "layer-sha256:aa: done           |\x1b[32m++++++\x1b[0m| \n"
      "layer-sha256:bb: downloading    |\x1b[32m+\x1b[0m-----| 512.0 KiB/54.0 MiB \n";
  const PullProgress progress = parse_progress(blocks);
  EXPECT_DOUBLE_EQ(progress.total_mebibytes, 57.4);
  EXPECT_DOUBLE_EQ(progress.done_mebibytes, 1.7);
  ScriptedHost host;
  set_up_running(host);
  has_images(host, {});
  pulls(host, {}, blocks);
  EXPECT_EQ(host.step(Phase::Prepare, app()).verdict, Verdict::Satisfied);
  EXPECT_EQ(host.progress.back(), "pulling " + kByDigest + " 1.7/57.4 MiB");
}

TEST(Images, RowsOfTheTableAreReadFromTheirKnownEnds) {
  const ImageTable table = parse_images(
      "REF                TYPE                                    DIGEST       SIZE    PLATFORMS          LABELS \n"
      "registry.k8s.io/pause:3.10 application/vnd.oci.image.index.v1+json sha256:1 311.2 KiB linux/amd64,linux/arm64 "
      "io.cri-containerd.image=managed,io.cri-containerd.pinned=pinned \n"
      "sha256:22 application/vnd.oci.image.index.v1+json sha256:1 311.2 KiB linux/amd64 - \n");
  ASSERT_EQ(table.size(), 2U);
  const ImageRow& pause = table.at("registry.k8s.io/pause:3.10");
  EXPECT_EQ(pause.digest, "sha256:1");
  EXPECT_EQ(pause.size, "311.2 KiB");
  EXPECT_EQ(pause.platforms, (std::vector<std::string>{"linux/amd64", "linux/arm64"}));
  EXPECT_TRUE(pause.is_pinned());
  EXPECT_FALSE(table.at("sha256:22").is_pinned());
}

}  // namespace
}  // namespace kelpie::agent
