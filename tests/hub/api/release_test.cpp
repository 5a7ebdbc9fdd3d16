// Signed releases: what the hub stores, and every reason not to.
#include <functional>

#include <gtest/gtest.h>
#include <kelpie/api/v1/api.pb.h>

#include "hub/api/release_rules.h"
#include "tests/hub/api/samples.h"

namespace kelpie::hub {
namespace {

using test::sample_release;
using test::signed_frame;
using test::told;

Result<Release> store(const std::string& frame) {
  api::v1::CreateReleaseRequest request;
  request.set_frame(frame);
  KELPIE_TRY(ApiWrite write, to_write(test::call_of("CreateRelease", request), test::sample_trust(), {1'000}));
  return std::get<StoreRelease>(write.what).release;
}

Result<Release> store(const v1::Release& release, const std::vector<std::uint64_t>& seeds = {1}) {
  return store(signed_frame(wire::FrameType::Release, release.SerializeAsString(), seeds));
}

TEST(Releases, AreNamedByTheHashOfWhatWasSigned) {
  const Result<Release> release = store(sample_release(), {2, 1});
  ASSERT_TRUE(release) << release.error().message;
  EXPECT_EQ(release->digest, blake2b_256(sample_release().SerializeAsString()));
  EXPECT_EQ(release->name, "kiosk");
  EXPECT_EQ(release->scope, "device");
  EXPECT_EQ(release->signed_by, "ana, ben");
  EXPECT_EQ(release->frame, signed_frame(wire::FrameType::Release, sample_release().SerializeAsString(), {2, 1}));
}

TEST(Releases, AreToldInWords) {
  v1::Release given = sample_release();
  given.mutable_steps(2)->mutable_images()->mutable_images(0)->set_from("mirror.example/node-red:3.1");
  v1::Addon& gone = *given.mutable_steps(3)->mutable_addons()->add_addons();
  gone.set_name("ingress");
  gone.set_absent(true);
  given.mutable_steps(4)->mutable_deploy()->set_prune(true);
  const Result<Release> release = store(given);
  ASSERT_TRUE(release) << release.error().message;
  EXPECT_EQ(release->steps, (std::vector<std::string>{
                                "install 1.32/stable, held",
                                "start, and wait until the node is ready",
                                "images docker.io/nodered/node-red:3.1 from mirror.example/node-red:3.1",
                                "add-ons dns, ingress (absent)",
                                "deploy nodered in default, remove all others",
                            }));
  EXPECT_EQ(release->step_kinds, (std::vector<std::string>{"install", "start", "images", "addons", "deploy"}));
}

TEST(Releases, KnowWhatFactsCanDenyOfThem) {
  v1::Release given = sample_release();
  given.mutable_steps(3)->mutable_addons()->mutable_addons(0)->set_name("storage");
  v1::Addon& gone = *given.mutable_steps(3)->mutable_addons()->add_addons();
  gone.set_name("ingress");
  gone.set_absent(true);
  given.mutable_steps(4)->mutable_deploy()->mutable_workloads(0)->set_manifest(
      R"({"apiVersion":"v1","items":[{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"nodered"}},)"
      R"({"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"once"}}],"kind":"List"})");
  const Result<Release> release = store(given);
  ASSERT_TRUE(release) << release.error().message;
  const Wants wants{.is_running = true,
                    .channel = "1.32/stable",
                    .is_held = true,
                    .addons = {"hostpath-storage"},
                    .addons_absent = {"ingress"},
                    .images = {{.ref = "docker.io/nodered/node-red:3.1", .digest = "sha256:" + std::string(64, 'a')}},
                    .workloads = {{.name_space = "default", .name = "nodered", .kind = "Deployment"}}};
  EXPECT_EQ(release->wants, wants);
  EXPECT_EQ(wants_of_frame(release->frame), wants) << "what a hub reads of it at its start";
  EXPECT_EQ(wants_of_frame("no frame"), Wants());
}

TEST(Releases, KeepWhyTheyAreDangerous) {
  v1::Release given = sample_release();
  given.mutable_steps(4)->mutable_deploy()->mutable_workloads(0)->set_manifest(
      R"({"apiVersion":"v1","items":[{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},)"
      R"("spec":{"hostNetwork":true}}],"kind":"List"})");
  EXPECT_TRUE(store(sample_release())->dangers.empty());
  EXPECT_EQ(store(given)->dangers, (std::vector<std::string>{"workload nodered: hostNetwork"}));
}

TEST(Releases, StopComesAloneAndAdHoc) {
  v1::Release given = sample_release();
  given.clear_steps();
  given.clear_checks();
  given.add_steps()->mutable_stop();
  EXPECT_EQ(told(store(given)), "RELEASE: steps[0]: stop comes alone, with command send");
  given.set_scope("adhoc");
  EXPECT_EQ(told(store(given)), "ok");
}

TEST(Releases, CountOnlyWhenAnOperatorSigned) {
  EXPECT_EQ(told(store(sample_release(), {3})).substr(0, 6), "E_SIG:");
}

TEST(Releases, ABrokenFrameIsRefusedBeforeAnyParser) {
  const std::string frame = signed_frame(wire::FrameType::Release, sample_release().SerializeAsString());
  EXPECT_EQ(told(store(std::string())), "INVALID_ARGUMENT: frame: is missing: a signed release goes here");
  EXPECT_EQ(told(store(frame.substr(0, 20))).substr(0, 8), "E_FRAME:");
  std::string changed = frame;
  changed.back() = static_cast<char>(changed.back() + 1);
  EXPECT_EQ(told(store(changed)).substr(0, 6), "E_SIG:");
}

TEST(Releases, ASignedPlanIsNoRelease) {
  EXPECT_EQ(told(store(signed_frame(wire::FrameType::Plan, test::sample_plan().SerializeAsString()))),
            "E_TYPE: the frame is of type 3, not a signed release");
}

TEST(Releases, WhatTheSchemaDoesNotKnowIsRefused) {
  EXPECT_EQ(told(store(signed_frame(wire::FrameType::Release, "\xff\xff\xff"))).substr(0, 9), "E_SCHEMA:");
}

TEST(Releases, TravelInlineUpToSixteenKibibytes) {
  v1::Release given = sample_release();
  v1::Workload& workload = *given.mutable_steps(4)->mutable_deploy()->mutable_workloads(0);
  workload.set_manifest(R"({"apiVersion":"v1","items":[{"apiVersion":"v1","data":{"a":")" + std::string(16'000, 'x') +
                        R"("},"kind":"ConfigMap","metadata":{"name":"a"}}],"kind":"List"})");
  EXPECT_EQ(told(store(given)), "ok");
  v1::Workload& second = *given.mutable_steps(4)->mutable_deploy()->add_workloads();
  second = workload;
  second.set_name("other");
  EXPECT_EQ(told(store(given)).substr(0, 10), "TOO_LARGE:");
}

struct RefusedRow {
  std::string name;
  std::function<void(v1::Release&)> spoil;
  std::string told;
};

class RefusedReleases : public testing::TestWithParam<RefusedRow> {};

TEST_P(RefusedReleases, NameTheField) {
  v1::Release release = sample_release();
  GetParam().spoil(release);
  EXPECT_EQ(told(store(release)), GetParam().told);
}

v1::Image& image_of(v1::Release& release) {
  return *release.mutable_steps(2)->mutable_images()->mutable_images(0);
}
v1::Workload& workload_of(v1::Release& release) {
  return *release.mutable_steps(4)->mutable_deploy()->mutable_workloads(0);
}

constexpr const char* kManifestPath = "RELEASE: steps[4].deploy.workloads[0].manifest: ";

INSTANTIATE_TEST_SUITE_P(
    Releases, RefusedReleases,
    testing::Values(
        RefusedRow{"NewerSchema", [](auto& r) { r.set_schema(2); },
                   "RELEASE: schema: 2 is not 1, the only one this hub knows"},
        RefusedRow{"NoName", [](auto& r) { r.set_name("Kiosk!"); }, "RELEASE: name: \"Kiosk!\" is not a name"},
        RefusedRow{"NoVersion", [](auto& r) { r.set_version("1@2"); },
                   "RELEASE: version: \"1@2\" is not a version: use letters, digits and . - + _"},
        RefusedRow{"NoScope", [](auto& r) { r.set_scope("all"); },
                   "RELEASE: scope: \"all\" is neither device nor adhoc"},
        RefusedRow{"NoSteps",
                   [](auto& r) {
                     r.clear_steps();
                     r.clear_checks();
                   },
                   "RELEASE: steps: are missing"},
        RefusedRow{"StepOfNoKind", [](auto& r) { r.add_steps(); },
                   "RELEASE: steps[5]: is of no kind that this hub knows"},
        RefusedRow{"OutOfOrder", [](auto& r) { r.mutable_steps()->SwapElements(0, 1); },
                   "RELEASE: steps[1]: install is out of order: certs, snapshot, install, mirrors, start, images, "
                   "addons, remove, deploy, each at most once"},
        RefusedRow{
            "CertsAfterTheStart", [](auto& r) { r.add_steps()->mutable_certs()->set_renew_before_s(86'400); },
            "RELEASE: steps[5]: certs is out of order: certs, snapshot, install, mirrors, start, images, addons, "
            "remove, deploy, each at most once"},
        RefusedRow{"CertsThatAreAlwaysDue",
                   [](auto& r) { r.add_steps()->mutable_certs()->set_renew_before_s(365 * 86'400); },
                   "RELEASE: steps[5].certs.renewBeforeS: is not in 1..180 days"},
        RefusedRow{"NoChannel", [](auto& r) { r.mutable_steps(0)->mutable_install()->set_channel("latest/stable"); },
                   "RELEASE: steps[0].install.channel: \"latest/stable\" is not a channel such as 1.32/stable"},
        RefusedRow{"ImageWithoutRegistry", [](auto& r) { image_of(r).set_ref("nginx:1"); },
                   "RELEASE: steps[2].images.images[0].ref: \"nginx:1\" is not a full image name such as "
                   "docker.io/library/nginx:1.27"},
        RefusedRow{"ImageLikeAnOption", [](auto& r) { image_of(r).set_ref("--help/x:1"); },
                   "RELEASE: steps[2].images.images[0].ref: \"--help/x:1\" is not a full image name such as "
                   "docker.io/library/nginx:1.27"},
        RefusedRow{"ArchiveOfNoDigest", [](auto& r) { image_of(r).set_archive("../x"); },
                   "RELEASE: steps[2].images.images[0].archive: is not sha256: and 64 hex digits of the archive"},
        RefusedRow{"ArchiveAndMirror",
                   [](auto& r) {
                     image_of(r).set_archive("sha256:" + std::string(64, 'a'));
                     image_of(r).set_from("mirror.example/x:1");
                   },
                   "RELEASE: steps[2].images.images[0].from: does not go with archive: an image comes from one place"},
        RefusedRow{"MirrorLikeAPath",
                   [](auto& r) {
                     v1::Step mirrors;
                     v1::Mirror& mirror = *mirrors.mutable_mirrors()->add_mirrors();
                     mirror.set_registry("../etc");
                     r.add_steps()->Swap(&mirrors);
                   },
                   "RELEASE: steps[5].mirrors.mirrors[0].registry: \"../etc\" is not a registry such as docker.io or "
                   "registry.example:5000"},
        RefusedRow{"ImageWithoutDigest", [](auto& r) { image_of(r).clear_digest(); },
                   "RELEASE: steps[2].images.images[0].digest: is not sha256: and 64 hex digits; an image without a "
                   "digest could change after it was signed"},
        RefusedRow{"AddonTwice", [](auto& r) { r.mutable_steps(3)->mutable_addons()->add_addons()->set_name("dns"); },
                   "RELEASE: steps[3].addons.addons[1].name: \"dns\" is listed twice"},
        RefusedRow{"AddonWithBlankArgument",
                   [](auto& r) { r.mutable_steps(3)->mutable_addons()->mutable_addons(0)->add_args("a b"); },
                   "RELEASE: steps[3].addons.addons[0].args: holds an empty argument, a blank or a control character"},
        RefusedRow{"AddonThatNoDeviceTakes",
                   [](auto& r) { r.mutable_steps(3)->mutable_addons()->mutable_addons(0)->set_name("minio"); },
                   "RELEASE: steps[3].addons.addons[0]: add-on minio is given up: newer MicroK8s only print so. Deploy "
                   "MinIO as a workload"},
        RefusedRow{"NamespaceOfNoName", [](auto& r) { workload_of(r).clear_namespace_(); },
                   "RELEASE: steps[4].deploy.workloads[0].namespace: \"\" is not a name"},
        RefusedRow{"ManifestNoJson", [](auto& r) { workload_of(r).set_manifest("kind: List"); },
                   std::string(kManifestPath) + "is no JSON"},
        RefusedRow{
            "ManifestWithASecret",
            [](auto& r) {
              workload_of(r).set_manifest(R"({"apiVersion":"v1","items":[{"apiVersion":"v1","data":{},"kind":"Secret",)"
                                          R"("metadata":{"name":"s"}}],"kind":"List"})");
            },
            "RELEASE: steps[4].deploy.workloads[0].manifest.items[0]: is a Secret with data, which everybody who can "
            "read the release could read"},
        RefusedRow{"ManifestNoList", [](auto& r) { workload_of(r).set_manifest(R"({"kind":"Pod"})"); },
                   std::string(kManifestPath) + R"(is no {"apiVersion":"v1","items":[…],"kind":"List"})"},
        RefusedRow{"ManifestWithRepeatedKey",
                   [](auto& r) {
                     workload_of(r).set_manifest(R"({"apiVersion":"v1","items":[],"kind":"List","kind":"List"})");
                   },
                   std::string(kManifestPath) + "is not canonical: keys sorted, each once, no blanks between them"},
        RefusedRow{"ManifestTooDeep",
                   [](auto& r) { workload_of(r).set_manifest(std::string(65, '[') + std::string(65, ']')); },
                   std::string(kManifestPath) + "is nested deeper than 64"},
        RefusedRow{"ManifestEmpty",
                   [](auto& r) { workload_of(r).set_manifest(R"({"apiVersion":"v1","items":[],"kind":"List"})"); },
                   "RELEASE: steps[4].deploy.workloads[0].manifest.items: is missing or empty"},
        RefusedRow{"ManifestElsewhere",
                   [](auto& r) { workload_of(r).set_manifest(test::sample_manifest("kube-system")); },
                   "RELEASE: steps[4].deploy.workloads[0].manifest.items[0].metadata.namespace: is not \"default\", "
                   "the namespace of its workload"},
        RefusedRow{"RemovedAndDeployed",
                   [](auto& r) {
                     r.add_steps()->mutable_remove()->add_workloads("nodered");
                     r.mutable_steps()->SwapElements(4, 5);
                   },
                   "RELEASE: steps: workload \"nodered\" is both removed and deployed"},
        RefusedRow{"CheckOfAnotherWorkload",
                   [](auto& r) { r.mutable_checks(1)->mutable_workload_ready()->set_workload("kiosk"); },
                   "RELEASE: checks[1].workloadReady.workload: \"kiosk\" is no workload of this release"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace kelpie::hub
