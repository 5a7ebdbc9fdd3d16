// The images step against a real containerd and a real `ctr`: as it goes well, and taken back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "tests/real/real_test.h"

namespace kelpie::test {
namespace {

using agent::ImagesStep;
using agent::Phase;
using ::testing::Each;
using ::testing::Field;
using ::testing::StartsWith;

constexpr const char* kPause = "registry.k8s.io/pause:3.10";

using RealImages = RealTest;

ImagesStep pause_step(const OciImage& image, const std::string& from = {}) {
  return {.images = {{.ref = kPause, .digest = image.digest, .from = from}}};
}

TEST_F(RealImages, ComeThroughTheMirrorByDigestAndAreTaggedAndPinned) {
  const OciImage image = real().call("PAUSE", make_image({.text = "pause"}));
  real().mirror().add("pause", "3.10", image);
  real().use_mirror_for("registry.k8s.io");
  const ImagesStep step = pause_step(image);

  EXPECT_EQ(real().ask(Phase::Observe, step), "unmet image-missing: registry.k8s.io/pause:3.10 is not there");
  const agent::CallResult prepared = real().carry_out(Phase::Prepare, step);
  EXPECT_EQ(prepared.summary, "1 images are on the device") << prepared.detail;
  EXPECT_EQ(real().images(), Lines{"registry.k8s.io/pause@PAUSE is PAUSE, pinned"});
  EXPECT_EQ(real().ask(Phase::Run, step), "satisfied: 1 images tagged and pinned");
  EXPECT_EQ(real().ask(Phase::Verify, step), "satisfied: 1 image pinned by digest: registry.k8s.io/pause:3.10");
  EXPECT_EQ(real().images(),
            (Lines{"registry.k8s.io/pause:3.10 is PAUSE, pinned", "registry.k8s.io/pause@PAUSE is PAUSE, pinned"}));
  EXPECT_THAT(real().mirror().requests(), Each(Field(&RegistryRequest::for_registry, "registry.k8s.io")));
  EXPECT_EQ(real().mirror().bytes_sent(image.layers.at(other_architecture())), 0U) << "only what this device runs";

  real().mirror().close();
  EXPECT_EQ(real().ask(Phase::Undo, step, prepared.restore), "satisfied: images as before");
  EXPECT_EQ(real().images(), Lines{});
  EXPECT_EQ(real().content(), "") << "the disk is as before, too";
}

agent::Mirror through_the_mirror(const char* registry) {
  const std::string url = std::string("http://") + kMirror;
  return {.registry = registry,
          .hosts = {{.url = url, .capabilities = {}, .override_path = false, .ca = {}}},
          .server = url};
}

// Before GO nothing that kubelet reads has changed; with GO its files are those that ctr pulls through.
TEST_F(RealImages, ComeThroughTheMirrorsOfTheirReleaseBeforeAndAfterTheyAreWritten) {
  const OciImage first = real().call("FIRST", make_image({.text = "first"}));
  const OciImage second = real().call("SECOND", make_image({.text = "second"}));
  real().mirror().add("pause", "3.10", first);
  real().mirror().add("app", "1.0", second);
  const agent::MirrorsStep mirrors{{through_the_mirror("registry.k8s.io"), through_the_mirror("registry.site:5001")}};
  ImagesStep images{.images = {{.ref = kPause, .digest = first.digest, .from = {}}}, .mirrors = mirrors.mirrors};
  const agent::CallResult prepared = real().carry_out(Phase::Prepare, mirrors);
  EXPECT_EQ(real().ask(Phase::Prepare, images), "satisfied: 1 images are on the device");
  EXPECT_THAT(real().ask(Phase::Observe, mirrors), StartsWith("unmet mirrors-not-written"));
  EXPECT_THAT(real().ask(Phase::Run, mirrors), StartsWith("satisfied"));
  EXPECT_THAT(real().ask(Phase::Verify, mirrors), StartsWith("satisfied"));
  // A registry with a port has a folder of another spelling.
  images.images.push_back({.ref = "registry.site:5001/app:1.0", .digest = second.digest, .from = {}});
  EXPECT_THAT(real().go(images), StartsWith("satisfied: 2 images pinned"));
  EXPECT_EQ(real().ask(Phase::Undo, mirrors, prepared.restore), "satisfied: mirrors as before");
  EXPECT_THAT(real().ask(Phase::Observe, mirrors), StartsWith("unmet mirrors-not-written"));
}

// The archive goes from the file that was hashed into ctr's standard input.
TEST_F(RealImages, ComeFromAnArchiveWithoutAnyRegistry) {
  const OciImage image = real().call("APP", make_image({.text = "app"}));
  const std::string archive = real().bring(archive_of(image, "docker.io/library/app:1.0"));
  real().mirror().close();
  const ImagesStep step{
      .images = {{.ref = "docker.io/library/app:2.0", .digest = image.digest, .from = {}, .archive = archive}}};
  const agent::CallResult prepared = real().carry_out(Phase::Prepare, step);
  EXPECT_EQ(prepared.verdict, agent::Verdict::Satisfied) << prepared.detail;
  EXPECT_EQ(real().images(), Lines{"docker.io/library/app@APP is APP, pinned"}) << "no tag of the archive's own";
  EXPECT_EQ(real().go(step), "satisfied: 1 image pinned by digest: docker.io/library/app:2.0");
  EXPECT_EQ(real().ask(Phase::Undo, step, prepared.restore), "satisfied: images as before");
  EXPECT_EQ(real().content(), "") << "the disk is as before, too";

  const OciImage other = real().call("OTHER", make_image({.text = "other"}));
  ImagesStep wrong = step;
  wrong.images[0].digest = other.digest;
  EXPECT_THAT(
      real().ask(Phase::Prepare, wrong),
      StartsWith("failed image-digest-mismatch: the archive of docker.io/library/app:2.0 holds APP, signed is OTHER"));
  wrong.images[0].archive = real().bring("no archive at all, but signed by its digest");
  EXPECT_THAT(real().ask(Phase::Prepare, wrong), StartsWith("failed artifact-mismatch: cannot import"));
  EXPECT_EQ(real().images(), Lines{});
  EXPECT_EQ(real().content(), "");
}

// The site of the guide: the origin's name leads nowhere, the mirror has the image under a name of its own.
TEST_F(RealImages, AreTaggedFromTheMirrorsNameToTheOneKubernetesAsksFor) {
  const OciImage image = real().call("PAUSE", make_image({.text = "pause"}));
  real().mirror().add("library/pause", "3.10", image);
  real().use_mirror_for(kMirror);  // plain http: said by hosts.toml, not assumed
  const ImagesStep step = pause_step(image, std::string(kMirror) + "/library/pause:3.10");
  EXPECT_EQ(real().go(step), "satisfied: 1 image pinned by digest: registry.k8s.io/pause:3.10");
  EXPECT_EQ(real().images(), (Lines{"mirror.site:5000/library/pause@PAUSE is PAUSE, pinned",
                                    "registry.k8s.io/pause:3.10 is PAUSE, pinned"}));
}

TEST_F(RealImages, GoBackToTheOldDigestWithoutTheNetwork) {
  const OciImage old_one = real().call("OLD", make_image({.text = "old"}));
  const OciImage new_one = real().call("NEW", make_image({.text = "new"}));
  real().mirror().add("pause", "3.10", old_one);
  real().mirror().add("pause", "next", new_one);
  real().use_mirror_for("registry.k8s.io");
  EXPECT_THAT(real().go(pause_step(old_one)), StartsWith("satisfied"));
  const std::string content_before = real().content();

  const ImagesStep update = pause_step(new_one);
  const agent::CallResult prepared = real().carry_out(Phase::Prepare, update);
  EXPECT_EQ(real().ask(Phase::Observe, update),
            "unmet image-digest-mismatch: registry.k8s.io/pause:3.10 is OLD, signed is NEW");
  EXPECT_EQ(real().ask(Phase::Run, update), "satisfied: 1 images tagged and pinned");
  EXPECT_THAT(real().ask(Phase::Verify, update), StartsWith("satisfied"));
  EXPECT_EQ(real().images(),
            (Lines{"registry.k8s.io/pause:3.10 is NEW, pinned", "registry.k8s.io/pause@NEW is NEW, pinned",
                   "registry.k8s.io/pause@OLD is OLD, pinned"}));

  real().mirror().close();
  EXPECT_EQ(real().ask(Phase::Undo, update, prepared.restore), "satisfied: images as before");
  EXPECT_THAT(real().ask(Phase::Observe, pause_step(old_one)), StartsWith("satisfied"));
  EXPECT_EQ(real().content(), content_before);
}

// Facts, microk8s 6.1: every pull drops the label, in all versions. (Not of the pause image that containerd's own
// configuration names: 2.x pins that by itself.)
TEST_F(RealImages, ArePinnedAgainAfterSomebodyPulledByHand) {
  const OciImage image = real().call("APP", make_image({.text = "app"}));
  real().mirror().add("library/app", "1.0", image);
  real().use_mirror_for("docker.io");
  const ImagesStep step{.images = {{.ref = "docker.io/library/app:1.0", .digest = image.digest, .from = {}}}};
  EXPECT_THAT(real().go(step), StartsWith("satisfied"));
  const std::string mirrors = real().device().snap_data() + "/args/certs.d";
  real().containerd().ask({"image", "pull", "--hosts-dir", mirrors, "docker.io/library/app:1.0"});
  EXPECT_EQ(real().ask(Phase::Observe, step), "unmet image-missing: docker.io/library/app:1.0 is not pinned");
  EXPECT_THAT(real().ask(Phase::Run, step), StartsWith("satisfied"));
  EXPECT_THAT(real().ask(Phase::Verify, step), StartsWith("satisfied"));
}

TEST_F(RealImages, WaitForAContainerdThatRestarts) {
  const OciImage image = real().call("PAUSE", make_image({.text = "pause"}));
  real().mirror().add("pause", "3.10", image);
  real().use_mirror_for("registry.k8s.io");
  const ImagesStep step = pause_step(image);
  EXPECT_THAT(real().go(step), StartsWith("satisfied"));
  real().containerd().kill();
  std::future<std::string> answer = std::async(std::launch::async, [&] { return real().ask(Phase::Observe, step); });
  real().containerd().start();
  EXPECT_EQ(answer.get(), "satisfied: 1 image pinned by digest: registry.k8s.io/pause:3.10");
}

}  // namespace
}  // namespace kelpie::test
