// install without the store: snaps and their assertions from the device's own files, over the modelled snapd.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include "proto/base/digest.h"
#include "tests/device-agent/microk8s/walk.h"
#include "tools/sim/microk8s/sideload.h"

namespace kelpie::agent {
namespace {

using sim::Device;
using sim::SnapPackage;
using test::Walk;

const SnapPackage kSnapd{.name = "snapd", .revision = "23545", .version = "2.67", .confinement = "strict", .base = ""};
const SnapPackage kCore20{.name = "core20", .revision = "2434", .version = "20", .confinement = "strict", .base = ""};

SnapPackage microk8s(const std::string& revision = "7890", const std::string& version = "v1.32.3") {
  return {.name = "microk8s", .revision = revision, .version = version, .confinement = "classic", .base = "core20"};
}

/// Puts a text on the card under its name, which it answers.
std::string put(Device& device, const std::string& text) {
  const std::string sha256 = sha256_hex(as_bytes(text));
  device.world.files["/var/lib/kelpie-agent/artifacts/" + sha256] = text;
  return sha256;
}

SnapFile put(Device& device, const SnapPackage& package) {
  return {.name = package.name,
          .snap = put(device, snap_file_text(package)),
          .assertions = put(device, assertions_text(package))};
}

InstallStep install(std::vector<SnapFile> files, const std::string& channel = "1.32/stable") {
  return {.channel = channel, .hold = true, .files = std::move(files)};
}

/// A site without the store.
struct Site {
  Site() { device.fault("snap-store-unreachable"); }
  Device device;
};

TEST(Offline, BringsSnapdItsBaseAndMicrok8sAndThenFindsNothingToDo) {
  Site site;
  Device& device = site.device;
  const std::vector<Step> steps{install({put(device, kSnapd), put(device, kCore20), put(device, microk8s())})};
  Walk walk(device);
  EXPECT_EQ(walk.go(steps), "install changed");
  EXPECT_EQ(device.times("installed snapd (23545) from a file"), 1);
  EXPECT_EQ(device.times("installed core20 (2434) from a file"), 1);
  EXPECT_EQ(device.times("installed microk8s from a file (7890)"), 1);
  EXPECT_EQ(device.cell.state.snap.now.channel, "1.32/stable") << "one from a file follows none until it is told";
  EXPECT_FALSE(device.cell.state.snap.hold.empty());
  EXPECT_EQ(walk.go(steps), "install unchanged");
  EXPECT_EQ(walk.go_back(steps), "");
}

TEST(Offline, AFirstInstallIsTakenBackButItsBaseStays) {
  Site site;
  Device& device = site.device;
  const std::vector<Step> steps{install({put(device, kSnapd), put(device, kCore20), put(device, microk8s())})};
  Walk walk(device);
  ASSERT_EQ(walk.go(steps), "install changed");
  EXPECT_EQ(walk.go_back(steps), "install undone");
  EXPECT_FALSE(device.cell.state.snap.is_installed);
  EXPECT_TRUE(device.cell.state.bases.contains("core20"));
}

TEST(Offline, ARefreshGoesToTheFilesRevisionAndBack) {
  Site site;
  Device& device = site.device;
  device.install();
  const std::vector<Step> steps{install({put(device, microk8s("8120", "v1.33.1"))}, "1.33/stable")};
  Walk walk(device);
  EXPECT_EQ(walk.go(steps), "install changed");
  EXPECT_EQ(device.cell.state.snap.now.revision, "8120");
  EXPECT_EQ(walk.go_back(steps), "install undone");
  EXPECT_EQ(device.cell.state.snap.now.revision, "7890");
  EXPECT_EQ(device.cell.state.snap.now.channel, "1.32/stable");
}

struct Wrong {
  const char* name;
  std::function<void(Device&, std::vector<SnapFile>&)> change;
  const char* story;  // how it begins
};
class WrongFiles : public testing::TestWithParam<Wrong> {};

TEST_P(WrongFiles, AreNamed) {
  Site site;
  Device& device = site.device;
  std::vector<SnapFile> files{put(device, kSnapd), put(device, kCore20), put(device, microk8s())};
  GetParam().change(device, files);
  Walk walk(device);
  const std::string story = walk.go({install(files)});
  EXPECT_EQ(story.substr(0, std::string_view(GetParam().story).size()), GetParam().story) << story;
  EXPECT_FALSE(device.cell.state.snap.is_installed);
}

INSTANTIATE_TEST_SUITE_P(
    Offline, WrongFiles,
    testing::Values(
        Wrong{"AMissingOne",
              [](Device& device, std::vector<SnapFile>& files) {
                device.world.files.erase("/var/lib/kelpie-agent/artifacts/" + files[2].snap);
              },
              "install not prepared: artifact-missing (the snap of microk8s: cannot read "},
        Wrong{"AnotherOneUnderItsName",
              [](Device& device, std::vector<SnapFile>& files) {
                device.world.files["/var/lib/kelpie-agent/artifacts/" + files[1].snap] = "name: evil\nrevision: 1\n";
              },
              "install not prepared: artifact-mismatch (the snap of core20: "},
        Wrong{"ChangedAssertions",
              [](Device& device, std::vector<SnapFile>& files) {
                device.world.files["/var/lib/kelpie-agent/artifacts/" + files[2].assertions] += "\n";
              },
              "install not prepared: artifact-mismatch (the assertions of microk8s: "},
        Wrong{"AssertionsWithoutARevision",
              [](Device& device, std::vector<SnapFile>& files) {
                files[2].assertions = put(device, "type: account\n\nsignature\n");
              },
              "install not prepared: assertion-missing (the assertions of microk8s name no revision"},
        Wrong{"AssertionsOfAnotherRevision",
              [](Device& device, std::vector<SnapFile>& files) {
                files[2].assertions = put(device, assertions_text(microk8s("7891")));
              },
              "install failed: assertion-missing (installing revision 7891 from its file: snapd refuses: cannot find "
              "signatures with metadata for snap/component \"microk8s.snap\""},
        Wrong{"NoBase", [](Device&, std::vector<SnapFile>& files) { files.erase(files.begin() + 1); },
              "install not prepared: snap-base-missing (MicroK8s 1.32 needs core20: neither installed nor among"},
        Wrong{"NoSnapd", [](Device&, std::vector<SnapFile>& files) { files.erase(files.begin()); },
              "install not prepared: snap-base-missing (MicroK8s 1.32 needs snapd: "},
        // Whatever the release says it is: snapd asks the file.
        Wrong{"AnotherBaseThanItsTrack",
              [](Device& device, std::vector<SnapFile>& files) {
                SnapPackage odd = microk8s();
                odd.base = "core22";
                files[2] = put(device, odd);
              },
              "install failed: store-unreachable (installing revision 7890 from its file failed, snapd took change"}),
    [](const auto& row) { return row.param.name; });

// Ended at any of its waits and begun again, it ends as if nothing had happened.
TEST(Offline, TheAgentMayEndAtAnyWait) {
  std::size_t ended = 0;
  for (std::size_t at = 1;; ++at) {
    Site site;
    Device& device = site.device;
    const std::vector<Step> steps{install({put(device, kSnapd), put(device, kCore20), put(device, microk8s())})};
    Walk walk(device);
    walk.pause.end_at = at;
    const std::string story = walk.go(steps);
    if (walk.pause.waits < at) break;
    ++ended;
    ASSERT_NE(story.find("interrupted"), std::string::npos) << at << ": " << story;
    ASSERT_EQ(walk.go_on(steps).find(':'), std::string::npos) << at;
    ASSERT_EQ(device.times("installed microk8s from a file (7890)"), 1) << at;
    ASSERT_EQ(device.times("installed core20 (2434) from a file"), 1) << at;
  }
  EXPECT_GT(ended, 10U) << "or it no longer waits";
}

}  // namespace
}  // namespace kelpie::agent
