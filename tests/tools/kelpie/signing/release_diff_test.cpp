// What changes from one release to another, and fleets beside what the hub has.
#include "tools/kelpie/signing/release_diff.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/tools/kelpie/manifest/samples.h"
#include "tools/kelpie/manifest/to_yaml.h"
#include "tools/kelpie/signing/fleet_diff.h"

namespace kelpie::cli {
namespace {

using test::digest_of;
using test::read;
using test::release_of;
using test::release_text;

std::vector<std::string> told(const std::vector<DiffLine>& lines) {
  std::vector<std::string> out;
  for (const DiffLine& line : lines) out.push_back(std::string(1, line.sign) + " " + line.what + ": " + line.text);
  return out;
}

v1::Release kiosk(const std::string& replicas, const std::string& more) {
  return release_of(release_text("workloads: [{ name: kiosk, manifest: a.yaml }]\n" + more),
                    {{"a.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: kiosk }\nspec: { replicas: " +
                                    replicas + " }\n"}});
}

TEST(ReleaseDiff, NamesWhatIsNewGoneAndOther) {
  const v1::Release before = kiosk("1", "microk8s: { channel: 1.31/stable }\naddons: [dns, ingress]\n");
  const v1::Release after =
      kiosk("2",
            "microk8s: { channel: 1.32/stable }\naddons: [dns, { name: ingress, state: absent }, metrics-server]\n"
            "images: [a.b/c:1@" +
                digest_of('1') + "]\n");
  EXPECT_EQ(told(release_diff(before, after)),
            (std::vector<std::string>{"~ microk8s: channel 1.31/stable → 1.32/stable",
                                      "+ images: a.b/c:1 sha256:000000000000", "~ add-ons: ingress enabled → absent",
                                      "+ add-ons: metrics-server enabled",
                                      "~ workloads: kiosk items.0.spec.replicas 1 → 2"}));
  EXPECT_TRUE(release_diff(after, after).empty());
  EXPECT_EQ(told(release_diff(v1::Release(), release_of(release_text("preflight: { disk: 2GiB }\nchecks: []\n")))),
            (std::vector<std::string>{"+ preflight: disk 2 GiB free"}));
  EXPECT_EQ(told(release_diff(after, v1::Release())).size(), 11U);
  EXPECT_EQ(told(release_diff(kiosk("2", "microk8s: { channel: 1.31/stable }\n"),
                              kiosk("2",
                                    "microk8s: { channel: 1.31/stable }\nsnapshot: false\n"
                                    "certs: { renewBefore: 60d }\n"))),
            (std::vector<std::string>{"~ upkeep: certificates renewed 30d before → renewed 60d before",
                                      "- upkeep: datastore copied before a refresh"}));
}

TEST(FleetDiff, DefaultsCountAsWritten) {
  const api::v1::FleetSpec bare = read(test::fleet_text("")).manifests.fleets.at(0).request.spec();
  const api::v1::FleetSpec spelt =
      read(test::fleet_text("policy: { thresholds: { failure: 5% }, onFail: pause, timeouts: { attempt: 45m } }\n"))
          .manifests.fleets.at(0)
          .request.spec();
  const auto same = fleet_diff(bare, spelt);
  ASSERT_TRUE(same);
  EXPECT_EQ(told(*same), std::vector<std::string>{});
  const api::v1::FleetSpec other = read(test::fleet_text("release: kiosk@2\npolicy: { thresholds: { failure: 1% } }\n"))
                                       .manifests.fleets.at(0)
                                       .request.spec();
  EXPECT_EQ(told(*fleet_diff(bare, other)),
            (std::vector<std::string>{"~ policy.thresholds.failureBasisPoints: 500 → 100", "+ release: kiosk@2"}));
}

TEST(Export, ReadsBackAsTheSameBytes) {
  const v1::Release release = release_of(
      release_text("microk8s: { channel: 1.32-strict/edge, hold: false }\n"
                   "addons: [dns, { name: registry, args: [--size=20Gi] }, { name: ingress, state: absent }]\n"
                   "images: [{ ref: registry.k8s.io/pause:3.10, from: mirror.example/p:1@" +
                   digest_of('1') +
                   " }]\n"
                   "workloads: [{ name: w, namespace: shop, manifest: a.yaml }]\n"
                   "checks: [node-ready, { workload-ready: w, within: 90s }]\npreflight: { disk: 2GiB }\n"),
      {{"a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: c }\ndata: { a: \"yes\", b: \"1\" }\n"}});
  const ExportedRelease exported = release_yaml(release);
  EXPECT_EQ(payload_of(release_of(exported.yaml, exported.files)), payload_of(release)) << exported.yaml;
}

TEST(Export, SnapFilesReadBackAsTheSameBytes) {
  const v1::Release release = release_of(release_text(fmt::format(
      "microk8s:\n  channel: 1.32/stable\n  files:\n"
      "  - {{ name: microk8s, snap: {0}, assertions: {0} }}\n  - {{ name: core20, snap: {0}, assertions: {0} }}\n",
      digest_of('7'))));
  const ExportedRelease exported = release_yaml(release);
  EXPECT_EQ(payload_of(release_of(exported.yaml, exported.files)), payload_of(release)) << exported.yaml;
}

TEST(Export, AFleetReadsBackAsTheSameRequest) {
  const std::string text = test::fleet_text(
      "release: kiosk@1.0\npolicy:\n  waves:\n  - { name: a, size: 2, soak: 1h30m, thresholds: { failure: 0% } }\n"
      "  - { name: b, upTo: 12.25% }\n  - { name: \"on\", upTo: 100% }\n"
      "  thresholds: { failure: 1%, deferred: 0%, minSuccesses: 3 }\n  onFail: abort\n  drift: repair\n"
      "  timeouts: { attempt: 50m }\n  retry: { transient: 1, backoff: [1m, 5m] }\n");
  const api::v1::ApplyFleetRequest request = read(text).manifests.fleets.at(0).request;
  api::v1::Fleet fleet;
  fleet.mutable_metadata()->set_name(request.name());
  *fleet.mutable_spec() = request.spec();
  const test::Read again = read(fleet_yaml(fleet));
  ASSERT_EQ(again.errors, std::vector<std::string>{}) << fleet_yaml(fleet);
  EXPECT_EQ(again.manifests.fleets.at(0).request.DebugString(), request.DebugString());
}

}  // namespace
}  // namespace kelpie::cli
