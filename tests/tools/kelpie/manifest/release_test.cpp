// Releases as bytes: what is signed follows from what is written, the same on every machine.
#include "tools/kelpie/manifest/release_manifest.h"

#include <cstdlib>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "hub/api/release_rules.h"
#include "hub/api/writes.h"
#include "proto/base/digest.h"
#include "tests/support/child.h"
#include "tests/tools/kelpie/manifest/samples.h"
#include "tools/kelpie/manifest/closure.h"
#include "tools/kelpie/manifest/to_yaml.h"

namespace kelpie::cli {
namespace {

using test::digest_of;
using test::read;
using test::release_of;
using test::release_text;
using ::testing::Contains;
using ::testing::HasSubstr;

std::string words_of(const v1::Release& release) {
  std::string out;
  for (const v1::Step& step : release.steps()) out.append(hub::sentence_of(step)).append("\n");
  for (const v1::Check& check : release.checks()) out.append("check ").append(check.ShortDebugString()).append("\n");
  return out;
}

TEST(ReleaseManifest, StepsComeInTheOrderOfTheRuleHoweverTheyAreWritten) {
  const v1::Release release = release_of(
      release_text("preflight: { disk: 2GiB }\n"
                   "workloads: [{ name: nodered, image: docker.io/nodered/node-red:3.1@" +
                   digest_of('5') +
                   ", port: 1880 }]\n"
                   "addons: [dns, storage, { name: registry, args: [size=30Gi] }, { name: ingress, state: absent }]\n"
                   "images: [{ ref: registry.k8s.io/pause:3.10, from: mirror.example/pause:3.10@" +
                   digest_of('1') +
                   " }]\n"
                   "microk8s: { channel: 1.32-strict/candidate, hold: false }\n"));
  EXPECT_EQ(words_of(release),
            "renew certificates with less than 30d left\n"
            "copy the datastore, before a refresh or alone\n"
            "install 1.32-strict/candidate\n"
            "start, and wait until the node is ready\n"
            "images registry.k8s.io/pause:3.10 from mirror.example/pause:3.10, docker.io/nodered/node-red:3.1\n"
            "add-ons dns, hostpath-storage, registry --size=30Gi, ingress (absent)\n"
            "deploy nodered in default, remove all others\n"
            "check node_ready { }\n"
            "check workload_ready { workload: \"nodered\" }\n");
  EXPECT_EQ(release.preflight().disk_free_bytes(), 2ULL << 30U);
  EXPECT_EQ(release.steps(4).images().images(0).digest(), digest_of('1'));
}

TEST(ReleaseManifest, CertificatesAndTheDatastoreAreCaredForWithoutAsking) {
  const auto words = [](const std::string& more) {
    const std::string all = words_of(release_of(release_text(more + "workloads: []\nchecks: []\n")));
    return all.substr(0, all.find("deploy"));
  };
  const std::string rest = "install 1.33/stable, held\nstart, and wait until the node is ready\n";
  EXPECT_EQ(words("microk8s: { channel: 1.33/stable }\ncerts: { renewBefore: 60d }\nsnapshot: false\n"),
            "renew certificates with less than 60d left\n" + rest);
  EXPECT_EQ(words("microk8s: { channel: 1.33/stable }\nsnapshot: true\n"),
            "renew certificates with less than 30d left\ncopy the datastore, before a refresh or alone\n" + rest);
  EXPECT_EQ(words("certs: {}\n"), "renew certificates with less than 30d left\n");
  EXPECT_EQ(words(""), "");
}

// Install makes the place for their files; nothing may be pulled before they are there.
TEST(ReleaseManifest, MirrorsComeBetweenInstallAndStart) {
  const std::string pem = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
  const std::string text = release_text(
      "mirrors:\n"
      "  - { registry: docker.io, hosts: [http://mirror.site:5000], server: http://mirror.site:5000 }\n"
      "  - { registry: registry.site:5000, hosts: [{ url: https://mirror.site/p, capabilities: [pull], overridePath: "
      "true, ca: site.pem }] }\n"
      "microk8s: { channel: 1.32/stable }\n");
  const v1::Release release = release_of(text, {{"site.pem", pem}});
  EXPECT_EQ(
      words_of(release),
      "renew certificates with less than 30d left\ncopy the datastore, before a refresh or alone\n"
      "install 1.32/stable, held\n"
      "mirrors docker.io through http://mirror.site:5000, then http://mirror.site:5000, registry.site:5000 through "
      "https://mirror.site/p\n"
      "start, and wait until the node is ready\n"
      "deploy nothing, remove all others\ncheck node_ready { }\n");
  EXPECT_TRUE(hub::check_release(release));
  EXPECT_THAT(read(text, {{"site.pem", pem}}).warnings,
              Contains("m.yaml:5:36: http://mirror.site:5000 is not encrypted: an image that this release does not "
                       "name by digest is whatever answers there"));
  const ExportedRelease exported = release_yaml(release);
  EXPECT_EQ(payload_of(release_of(exported.yaml, exported.files)), payload_of(release)) << exported.yaml;
}

TEST(ReleaseManifest, AnArchiveIsSaidWhereItMustLie) {
  const std::string archive = "sha256:" + std::string(64, 'f');
  const std::string text = release_text("images: [{ ref: \"docker.io/library/app:1.0@" + digest_of('1') +
                                        "\", archive: \"" + archive + "\", size: 120MiB }]\n");
  const v1::Release release = release_of(text);
  const v1::Image& image = release.steps(0).images().images(0);
  EXPECT_EQ(image.archive(), archive);
  EXPECT_EQ(image.bytes(), 120ULL << 20U);
  EXPECT_THAT(read(text).warnings, Contains(HasSubstr("/var/lib/kelpie-agent/artifacts/" + std::string(64, 'f'))));
  EXPECT_EQ(payload_of(release_of(release_yaml(release).yaml)), payload_of(release));
}

/// "pause:3.10 for every pod from mirror": the last part of the name is enough.
std::string needs_of(const std::string& text) {
  const Closure closure = closure_of(release_of(release_text(text)));
  std::string out;
  for (const NeededImage& image : closure.images) {
    out += fmt::format("{} for {} from {}\n", image.ref.substr(image.ref.rfind('/') + 1), image.by,
                       image.comes_from.empty() ? "nowhere" : image.comes_from);
  }
  for (const std::string& sentence : closure.unknown) out += sentence + "\n";
  return out;
}

// Facts, microk8s 1: what a node pulls by itself before it is Ready, and for its add-ons.
TEST(ReleaseManifest, ItsClosureIsWhatADeviceNeedsWithoutARegistry) {
  EXPECT_EQ(needs_of("microk8s: { channel: 1.32/stable }\n"
                     "addons: [dns, rbac, metallb:10.0.0.1-10.0.0.9, { name: ingress, state: absent }]\n"
                     "mirrors: [{ registry: registry.k8s.io, hosts: [https://mirror.site] }]\n"
                     "images:\n- { ref: docker.io/calico/cni:v3.28.1, digest: \"" +
                     digest_of('1') + "\", archive: \"" + digest_of('2') + "\" }\n- a.b/c:1@" + digest_of('3') + "\n"),
            "pause:3.10 for every pod from mirror, by kubelet\n"
            "cni:v3.28.1 for network from archive\n"
            "kube-controllers:v3.28.1 for network from nowhere\n"
            "node:v3.28.1 for network from nowhere\n"
            "busybox:1.28.4 for MicroK8s from nowhere\n"
            "coredns:1.10.1 for add-on dns from nowhere\n"
            "c:1 for release from registry\n"
            "the images of add-on metallb are not known to this kelpie\n");
  EXPECT_EQ(
      needs_of("microk8s: { channel: 1.31/stable }\n"),
      "the images of track 1.31 are not known to this kelpie: see a device that runs it, microk8s ctr image ls\n");
  EXPECT_EQ(needs_of("addons: [dns]\n"), "the release names no channel: what MicroK8s itself needs is not listed\n");
}

TEST(ReleaseManifest, AShorthandIsADeploymentAndAService) {
  const v1::Release release = release_of(release_text(
      "images: [docker.io/nodered/node-red:3.1@" + digest_of('5') +
      "]\n"
      "workloads: [{ name: nodered, namespace: shop, image: \"docker.io/nodered/node-red:3.1\", port: 1880, "
      "expose: NodePort }]\n"));
  EXPECT_EQ(
      release.steps(1).deploy().workloads(0).manifest(),
      R"({"apiVersion":"v1","items":[{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"labels":)"
      R"({"app.kubernetes.io/managed-by":"kelpie","app.kubernetes.io/name":"nodered"},"name":"nodered",)"
      R"("namespace":"shop"},"spec":{"progressDeadlineSeconds":120,"replicas":1,"selector":{"matchLabels":)"
      R"({"app.kubernetes.io/name":"nodered"}},"template":{"metadata":{"labels":{"app.kubernetes.io/managed-by":)"
      R"("kelpie","app.kubernetes.io/name":"nodered"}},"spec":{"automountServiceAccountToken":false,"containers":)"
      R"([{"image":"docker.io/nodered/node-red:3.1","imagePullPolicy":"IfNotPresent","name":"nodered","ports":)"
      R"([{"containerPort":1880}]}]}}}},{"apiVersion":"v1","kind":"Service","metadata":{"labels":)"
      R"({"app.kubernetes.io/managed-by":"kelpie","app.kubernetes.io/name":"nodered"},"name":"nodered",)"
      R"("namespace":"shop"},"spec":{"ports":[{"port":1880,"targetPort":1880}],"selector":)"
      R"({"app.kubernetes.io/name":"nodered"},"type":"NodePort"}}],"kind":"List"})");
}

TEST(ReleaseManifest, KubernetesFilesBecomeCanonicalJson) {
  const v1::Release release =
      release_of(release_text("workloads: [{ name: a, manifest: [a.yaml, b.yaml] }]\n"),
                 {{"a.yaml",
                   "kind: ConfigMap\napiVersion: v1\nmetadata: { namespace: default, name: c }\n"
                   "data:\n  zero: \"010\"\n  text: |\n    one\n    \ttwo\n  'yes': 1h30m\n"
                   "n: [1, -2, 2.5, true, ~, 18446744073709551615, 1.2.3, 2024-01-01]\n"},
                  {"b.yaml",
                   "apiVersion: v1\nkind: List\nitems:\n"
                   "- { apiVersion: v1, kind: Pod, metadata: { name: \"p\\u00e9\" } }\n"}});
  EXPECT_EQ(release.steps(0).deploy().workloads(0).manifest(),
            R"({"apiVersion":"v1","items":[{"apiVersion":"v1","data":{"text":"one\n\ttwo\n","yes":"1h30m",)"
            R"("zero":"010"},"kind":"ConfigMap","metadata":{"name":"c","namespace":"default"},)"
            R"("n":[1,-2,2.5,true,null,18446744073709551615,"1.2.3","2024-01-01"]},)"
            R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"pé"}}],"kind":"List"})");
}

TEST(ReleaseManifest, TheExampleIsTheseBytes) {
  const std::string folder = KELPIE_SOURCE_DIR "/deploy/examples/getting-started";
  Problems problems;
  const Manifests manifests = load_manifests({.paths = {folder + "/release.yaml"}}, problems);
  ASSERT_EQ(manifests.releases.size(), 1U);
  const std::string golden = KELPIE_SOURCE_DIR "/tests/golden/getting_started_release.txt";
  std::string text;
  google::protobuf::TextFormat::PrintToString(manifests.releases[0].release, &text);
  text.append("# ").append(blake2b_256(payload_of(manifests.releases[0].release)).hex()).append("\n");
  if (std::getenv("KELPIE_GOLDEN_WRITE") != nullptr) kelpie::test::write_file(golden, text);
  EXPECT_EQ(text, kelpie::test::read_file(golden));
}

TEST(ReleaseManifest, WarnsWhereNothingIsWrongButSomethingIsUnwise) {
  const auto got =
      read(release_text("microk8s: { channel: 1.32/stable }\n"
                        "addons: [storage]\n"
                        "images:\n"
                        "- registry.k8s.io/pause:3.7@" +
                        digest_of('1') +
                        "\n"
                        "- docker.io/calico/cni:v3.23.5@" +
                        digest_of('2') +
                        "\n"
                        "workloads: [{ name: w, image: docker.io/library/nginx:1.27 }]\n"));
  EXPECT_EQ(got.errors, std::vector<std::string>{});
  EXPECT_EQ(got.warnings,
            (std::vector<std::string>{
                "m.yaml:5:10: storage is called hostpath-storage today; taken as that",
                "m.yaml:7:3: MicroK8s 1.32 asks for registry.k8s.io/pause:3.10, so that registry.k8s.io/pause:3.7 does "
                "not help it start",
                "m.yaml:8:3: MicroK8s 1.32 asks for docker.io/calico/cni:v3.28.1, so that docker.io/calico/cni:v3.23.5 "
                "does not help it start",
                "m.yaml:9:31: docker.io/library/nginx:1.27 is not among images: it is pulled when its pod starts, and "
                "nothing proves that it is what you signed"}));
}

TEST(ReleaseManifest, ALoadBalancerNeedsMetallb) {
  const std::string exposed = "images: [\"a.b/c:1@" + digest_of('1') +
                              "\"]\nworkloads: [{ name: w, image: \"a.b/c:1\", port: 80, " +
                              "expose: LoadBalancer }]\n";
  EXPECT_EQ(
      read(release_text(exposed)).warnings,
      (std::vector<std::string>{"m.yaml:5:48: workload w: a LoadBalancer waits for an address that add-on metallb "
                                "gives out; this release does not enable it"}));
  EXPECT_TRUE(read(release_text("addons: [\"metallb:10.0.0.0/28\"]\n" + exposed)).warnings.empty());
}

std::string with_files(const std::string& channel, const std::vector<std::string>& names) {
  std::string text = fmt::format("microk8s:\n  channel: {}\n  files:\n", channel);
  for (const std::string& name : names) {
    text += fmt::format("  - {{ name: {}, snap: {}, assertions: {} }}\n", name, digest_of('1'), digest_of('2'));
  }
  return release_text(text + "workloads: []\n");
}

TEST(ReleaseManifest, SnapFilesComeInTheOrderInWhichTheyAreInstalled) {
  const v1::Release release = release_of(with_files("1.34-strict/stable", {"microk8s", "core22", "snapd"}));
  std::vector<std::string> names;
  for (const v1::SnapFile& file : release.steps(2).install().files()) names.push_back(file.name());
  EXPECT_EQ(names, (std::vector<std::string>{"snapd", "core22", "microk8s"}));
  EXPECT_EQ(hub::sentence_of(release.steps(2)), "install 1.34-strict/stable, held, from files on the device");
}

TEST(ReleaseManifest, SnapFilesMustFitTheTrack) {
  EXPECT_EQ(read(with_files("1.32/stable", {"core22", "microk8s"})).errors,
            std::vector<std::string>{"m.yaml:7:3: microk8s.files.core22 is of no use: 1.32/stable is built on core20"});
  EXPECT_EQ(read(with_files("1.32/stable", {"core20"})).errors,
            std::vector<std::string>{"m.yaml:7:3: microk8s.files have no microk8s"});
  EXPECT_EQ(read(with_files("1.32/stable", {"nginx", "microk8s"})).errors,
            std::vector<std::string>{"m.yaml:7:3: microk8s.files.nginx is no snap that MicroK8s needs"});
  EXPECT_EQ(read(with_files("1.32/stable", {"microk8s", "microk8s"})).errors,
            std::vector<std::string>{"m.yaml:7:3: microk8s.files.microk8s is listed twice"});
  EXPECT_EQ(
      read(with_files("1.32/stable", {"microk8s"})).warnings,
      std::vector<std::string>{"m.yaml:7:3: 1.32/stable is built on core20: a device without it refuses to prepare"});
}

TEST(ReleaseManifest, AReleaseWithoutWorkloadsSaysThatItRemovesThem) {
  const auto got = read(release_text("microk8s: { channel: 1.32/stable }\n"));
  EXPECT_EQ(got.warnings,
            (std::vector<std::string>{"m.yaml:1:1: no workloads: those that an earlier release deployed are removed"}));
}

TEST(ReleaseManifest, MayTakeSixteenKibibytesAndNoMore) {
  const auto with = [](std::size_t bytes) {
    return read(release_text("workloads: [{ name: a, manifest: a.yaml }]\n"),
                {{"a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { t: \"" +
                                std::string(bytes, 'x') + "\" }\n"}});
  };
  EXPECT_EQ(kReleaseBytesMax, hub::kReleaseInlineBytesMax);
  EXPECT_EQ(with(16'000).errors, std::vector<std::string>{});
  EXPECT_EQ(
      with(17'000).errors,
      (std::vector<std::string>{"m.yaml:1:1: the release takes 17187 bytes, at most 16384 can be sent to a device; "
                                "workload a takes 17122 of them"}));
}

}  // namespace
}  // namespace kelpie::cli
