// What goes wrong between a registry and a device, with a real containerd and a real `ctr`: each ends in its reason,
// and moves no name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include <fmt/core.h>

#include "tests/real/real_test.h"

namespace kelpie::test {
namespace {

using agent::ImagesStep;
using agent::Phase;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kApp = "docker.io/library/app:1.0";
constexpr std::size_t kLarge = 4U << 20U;  // above what fits into a socket's buffers

ImagesStep app_step(const OciImage& image) {
  return {.images = {{.ref = kApp, .digest = image.digest, .from = {}}}};
}

class RefusedImages : public RealTest {
 protected:
  void SetUp() override {
    RealTest::SetUp();
    if (IsSkipped()) return;
    real().use_mirror_for("docker.io");
    image_ = real().call("APP", make_image({.text = "app", .layer_bytes = kLarge}));
    layer_ = image_.layers.at(own_architecture());
  }
  void serve() { real().mirror().add("library/app", "1.0", image_); }
  [[nodiscard]] ImagesStep step() const { return app_step(image_); }
  /// Where the fetches of the layer began.
  std::vector<std::uint64_t> starts() {
    std::vector<std::uint64_t> out;
    for (const RegistryRequest& one : real().mirror().requests()) {
      if (one.what.ends_with("@" + layer_) && one.method == "GET") out.push_back(one.from);
    }
    return out;
  }

  OciImage image_;
  std::string layer_;
};

TEST_F(RefusedImages, AreNotThereOrNotForUs) {
  EXPECT_THAT(
      real().ask(Phase::Prepare, step()),
      AllOf(StartsWith("failed image-not-found: cannot pull docker.io/library/app@APP: ctr: failed to resolve "),
            EndsWith(": docker.io/library/app@APP: not found")));
  real().mirror().require_login("library/app");
  EXPECT_THAT(real().ask(Phase::Prepare, step()), StartsWith("failed image-unauthorized: "));
  EXPECT_EQ(real().images(), Lines{});
}

TEST_F(RefusedImages, WithoutTheMirrorTheOriginIsAskedAndIsOutOfReach) {
  serve();
  real().forget_mirrors();
  EXPECT_THAT(real().ask(Phase::Prepare, step()),
              AllOf(StartsWith("failed image-pull-failed*: "), HasSubstr("lookup")));
  real().use_mirror_for("docker.io");  // read at each pull: nothing is restarted
  EXPECT_THAT(real().go(step()), StartsWith("satisfied"));
}

TEST_F(RefusedImages, ARegistryThatIsDownIsWorthAnotherAttempt) {
  serve();
  real().mirror().close();
  EXPECT_THAT(real().ask(Phase::Prepare, step()),
              AllOf(StartsWith("failed image-pull-failed*: "), HasSubstr("connection refused")));
  real().mirror().open();
  EXPECT_THAT(real().go(step()), StartsWith("satisfied"));
}

TEST_F(RefusedImages, OtherBytesThanSignedAreNeverTagged) {
  serve();
  real().mirror().corrupt(layer_);
  EXPECT_THAT(real().ask(Phase::Prepare, step()),
              AllOf(StartsWith("failed image-digest-mismatch: "), HasSubstr("unexpected commit digest")));
  EXPECT_EQ(real().images(), Lines{});
  real().mirror().corrupt(layer_);  // once more: as it was
  // Until containerd's garbage collector has been there, the wrong bytes are taken for the part of a pull.
  EXPECT_TRUE(eventually([&] { return real().go(step()).starts_with("satisfied"); }));
}

TEST_F(RefusedImages, OfAnotherPlatformAreNotTaken) {
  image_ = real().call("APP", make_image({.text = "app", .architectures = {other_architecture()}}));
  serve();
  EXPECT_THAT(real().go(step()), StartsWith("failed image-wrong-platform: "));
  EXPECT_EQ(real().images(), Lines{});
}

TEST_F(RefusedImages, AConnectionThatIsCutOffIsTakenUpWhereItWas) {
  serve();
  real().mirror().cut_after(layer_, kLarge / 2);
  EXPECT_THAT(real().go(step()), StartsWith("satisfied"));
  EXPECT_EQ(starts(), (std::vector<std::uint64_t>{0, kLarge / 2}));
}

TEST_F(RefusedImages, ARegistryThatDiesInALayerIsWorthAnotherAttempt) {
  serve();
  real().mirror().hold_after(layer_, kLarge / 2);
  std::future<std::string> answer = std::async(std::launch::async, [&] { return real().ask(Phase::Prepare, step()); });
  EXPECT_TRUE(eventually([&] { return real().mirror().is_holding(); }));
  real().mirror().close();
  EXPECT_THAT(answer.get(), StartsWith("failed image-pull-failed*: "));
  EXPECT_EQ(real().images(), Lines{});
  real().mirror().open();
  EXPECT_THAT(real().go(step()), StartsWith("satisfied"));
}

TEST_F(RefusedImages, APullWhoseTimeIsUpIsKilledAndGoesOnWhereItWas) {
  serve();
  real().mirror().hold_after(layer_, kLarge / 2);
  real().limit = std::chrono::seconds(2);
  EXPECT_THAT(real().ask(Phase::Prepare, step()), StartsWith("failed command-timeout*: "));
  EXPECT_TRUE(real().mirror().is_holding());
  real().mirror().let_go();
  EXPECT_EQ(real().images(), Lines{});
  real().limit = std::chrono::seconds(30);
  EXPECT_THAT(real().go(step()), StartsWith("satisfied"));
  EXPECT_GT(starts().back(), kLarge / 4);
}

TEST_F(RefusedImages, APowerCutInAPullLosesNothingThatWasWritten) {
  serve();
  real().mirror().hold_after(layer_, kLarge / 2);
  std::future<std::string> answer = std::async(std::launch::async, [&] { return real().ask(Phase::Prepare, step()); });
  EXPECT_TRUE(eventually([&] { return real().mirror().is_holding(); }));
  real().containerd().kill();
  real().mirror().let_go();
  EXPECT_THAT(answer.get(), StartsWith("failed "));
  real().containerd().start();
  EXPECT_THAT(real().go(step()), StartsWith("satisfied"));
}

struct BadArchive {
  const char* name;
  std::string (*made)(const OciImage& signed_one);
  const char* reason;
};

TEST_F(RefusedImages, ArchivesThatDoNotHoldWhatWasSigned) {
  const std::vector<BadArchive> rows = {
      {"cut off", [](const OciImage& one) { return archive_of(one, kApp).substr(0, 10'000); }, "artifact-mismatch"},
      {"no archive", [](const OciImage&) { return std::string("hello"); }, "artifact-mismatch"},
      {"another image", [](const OciImage&) { return archive_of(make_image({.text = "other"}), kApp); },
       "image-digest-mismatch"},
      {"another platform",
       [](const OciImage&) {
         return archive_of(make_image({.text = "app", .architectures = {other_architecture()}}), kApp);
       },
       "image-wrong-platform"},
  };
  const OciImage old_one = real().call("OLD", make_image({.text = "old"}));
  real().mirror().add("library/app", "old", old_one);
  EXPECT_THAT(real().go(app_step(old_one)), StartsWith("satisfied"));
  const Lines before = real().images();
  for (const BadArchive& row : rows) {
    ImagesStep step = app_step(image_);
    step.images[0].archive = real().bring(row.made(image_));
    EXPECT_THAT(real().ask(Phase::Prepare, step), StartsWith(fmt::format("failed {}: ", row.reason))) << row.name;
    EXPECT_EQ(real().images(), before) << row.name << ": the archive calls it by the name that pods ask for";
  }
}

class FullDisk : public RefusedImages {
 protected:
  FullDisk() { options.disk_bytes = 12U << 20U; }  // the layer and what it is unpacked to need 8 MiB
};

TEST_F(FullDisk, IsSaidAndWhatWasThereStays) {
  if (!real().has_disk()) GTEST_SKIP() << "this machine gives no loop device";
  const OciImage small = real().call("SMALL", make_image({.text = "small"}));
  real().mirror().add("library/small", "1.0", small);
  const ImagesStep before{.images = {{.ref = "docker.io/library/small:1.0", .digest = small.digest, .from = {}}}};
  EXPECT_THAT(real().go(before), StartsWith("satisfied"));
  const Lines images = real().images();

  image_ = real().call("APP", make_image({.text = "app", .layer_bytes = 16U << 20U}));
  serve();
  EXPECT_THAT(real().ask(Phase::Prepare, step()),
              AllOf(StartsWith("failed disk-full*: "), HasSubstr("no space left on device")));
  EXPECT_EQ(real().images(), images);
  EXPECT_THAT(real().ask(Phase::Observe, before), StartsWith("satisfied"));

  image_ = real().call("APP", make_image({.text = "app that fits"}));
  serve();
  EXPECT_THAT(real().go(step()), StartsWith("satisfied")) << "what came of the large one is let go";
}

}  // namespace
}  // namespace kelpie::test
