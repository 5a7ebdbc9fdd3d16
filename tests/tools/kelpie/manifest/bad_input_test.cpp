// Everything that may be wrong in a manifest: each problem with its line and column, all of them at once.
#include <gtest/gtest.h>

#include "tests/tools/kelpie/manifest/samples.h"

namespace kelpie::cli {
namespace {

using test::digest_of;
using test::fleet_text;
using test::read;
using test::release_text;

struct Row {
  std::string name;
  std::string text;
  std::vector<std::string> errors;  // without the file's name
};

class BadManifests : public testing::TestWithParam<Row> {};

TEST_P(BadManifests, AreToldLineColumnAndWhatToWrite) {
  const test::Read got = read(
      GetParam().text,
      {{"pod.yaml", "apiVersion: v1\nkind: Pod\nmetadata: { name: a }\n"},
       {"bad.yaml",
        "apiVersion: v1\nmetadata: { name: a, namespace: other }\n"
        "on: yes\nmode: 0644\n"},
       {"secret.yaml", "apiVersion: v1\nkind: Secret\nmetadata: { name: site }\nstringData: { password: hunter2 }\n"},
       {"twice.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata: { name: a }\n---\n"
        "apiVersion: v1\nkind: Pod\nmetadata: { name: a }\n"},
       {"empty.yaml", "# nothing\n"}});
  std::vector<std::string> wanted;
  for (const std::string& error : GetParam().errors) {
    wanted.push_back(error.find(".yaml:") == std::string::npos ? "m.yaml:" + error : error);
  }
  EXPECT_EQ(got.errors, wanted);
  EXPECT_TRUE(got.manifests.releases.empty());
  EXPECT_TRUE(got.manifests.fleets.empty());
}

std::string images(const std::string& line) {
  return release_text("images:\n- " + line + "\n");
}
std::string workload(const std::string& words) {
  return release_text("workloads:\n- { name: w, " + words + " }\n");
}

INSTANTIATE_TEST_SUITE_P(
    Yaml, BadManifests,
    testing::Values(
        Row{"Nothing", "", {"1:1: no manifest in it"}},
        Row{"OnlyComments", "# a\n---\n# b\n", {"1:1: no manifest in it"}},
        Row{"AList", "- a\n", {"1:1: a manifest is expected here, not a list"}},
        Row{"Syntax", "kind: Release\nname: [a\n", {"3:1: end of sequence flow not found"}},
        Row{"Tab", "kind: Release\nmicrok8s:\n\tchannel: 1.32/stable\n", {"3:1: a tab in the indentation: use blanks"}},
        Row{"Anchor",
            release_text("preflight: &p { disk: 1GiB }\nmicrok8s: *p\n"),
            {"4:12: anchors are not supported: write the value again",
             "5:11: aliases are not supported: write the value again", "5:11: microk8s is empty, expected a map"}},
        Row{"MergeKey",
            release_text("preflight:\n  <<: { disk: 1GiB }\n"),
            {"5:3: merge keys are not supported: write the values out", "5:3: unknown field \"<<\" in preflight"}},
        Row{"Tag", release_text("preflight: { disk: !!str 1GiB }\n"), {"4:20: tags are not supported"}},
        Row{"Twice", release_text("name: other\n"), {"4:1: \"name\" is given twice"}},
        Row{"ListAsKey", release_text("? [a]\n: b\n"), {"4:3: a key must be one word"}},
        Row{"ControlCharacter",
            release_text("microk8s: { channel: \x01 }\n"),
            {"4:22: not readable: the file must be UTF-8 text without control characters"}},
        Row{"NotUtf8",
            release_text("microk8s: { channel: \xC0\x80 }\n"),
            {"4:22: not readable: the file must be UTF-8 text without control characters"}},
        Row{"TooDeep",
            release_text("addons: " + std::string(70, '[') + std::string(70, ']') + "\n"),
            {"4:68: nested deeper than 60"}},
        Row{"TooManyValues",
            "a: [" +
                [] {
                  std::string out;
                  for (std::size_t i = 0; i < kYamlNodesMax; ++i) out += "1,";
                  return out;
                }() +
                "]\n",
            {"1:99999: more than 50000 values are too many for one file"}},
        Row{"TooLarge", std::string(kYamlBytesMax + 1, 'a'), {"1:1: larger than 1048576 bytes"}}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Release, BadManifests,
    testing::Values(
        Row{"NoKind", "name: a\n", {"1:1: field \"kind\" is missing: Release or Fleet"}},
        Row{"UnknownKind", "kind: Relase\n", {"1:7: unknown kind \"Relase\". Did you mean \"Release\"?"}},
        Row{"CertsThatAreAlwaysDue",
            release_text("certs: { renewBefore: 365d }\n"),
            {"4:23: renewBefore is not in 1d..180d: new certificates live 365 days"}},
        Row{"SnapshotOfNothing",
            release_text("snapshot: true\n"),
            {"4:11: snapshot goes with microk8s: it is taken before a refresh. Now and alone: kelpie command send "
             "snapshot DEVICE"}},
        Row{"UnbuiltKind", "kind: Window\n", {"1:7: kind Window is not supported yet"}},
        Row{"Kubernetes",
            "apiVersion: v1\nkind: Pod\n",
            {"2:7: Pod is a manifest of Kubernetes: name it under workloads of a Release"}},
        Row{"NoNameNoVersion",
            "kind: Release\n",
            {"1:1: field \"name\" is missing", "1:1: field \"version\" is missing"}},
        Row{"EverythingAtOnce",
            "kind: Release\nname: Kiosk!\nversion: 1@2\nmicrok8s: { chanel: 1.32/stable }\naddons: dns\n",
            {"2:7: name \"Kiosk!\" is not a name: use 1 to 63 lower-case letters, digits and dashes",
             "3:10: version \"1@2\" is not a version: use letters, digits and . - + _",
             "4:11: field \"channel\" is missing in microk8s",
             "4:13: unknown field \"chanel\" in microk8s. Did you mean \"channel\"?",
             "5:9: addons is a text, expected a list"}},
        Row{"UnbuiltKeys",
            release_text("secrets: []\ndrift: report\nsnapshot: {}\npreflight: { temperature: 75C }\n"
                         "checks: [{ http: /healthz, port: 8080 }]\n"),
            {"4:1: secrets is not supported yet (secrets sealed to each device)",
             "5:1: drift is not supported yet (of a release; write it into the fleet's policy)",
             "6:11: snapshot is a map, expected a text",
             "7:14: preflight.temperature is not supported yet (preflight by temperature)",
             "8:12: checks[0].http is not supported yet (checks over HTTP)",
             "8:28: checks[0].port is not supported yet (checks over HTTP)"}},
        Row{"ChannelAtTheTop",
            release_text("channel: 1.32/stable\n"),
            {"4:1: unknown field \"channel\". Did you mean \"microk8s.channel\"?"}},
        Row{"MovingChannel",
            release_text("microk8s: { channel: latest/edge/strict }\n"),
            {"4:22: microk8s.channel \"latest/edge/strict\" follows a track whose version moves by itself. Write "
             "1.32-strict/edge"}},
        Row{"AddonTwiceUnderTwoNames",
            release_text("addons: [storage, hostpath-storage]\n"),
            {"4:19: add-on hostpath-storage is listed twice"}},
        Row{"DashboardIsGone",
            release_text("microk8s: { channel: 1.36/stable }\naddons: [dashboard]\n"),
            {"5:10: add-on dashboard left MicroK8s with 1.36"}},
        Row{"AddonState",
            release_text("addons: [{ name: dns, state: gone }]\n"),
            {"4:30: addons[0].state \"gone\" is not present or absent"}},
        Row{"ImageWithoutDigest",
            images("docker.io/library/nginx:1.27"),
            {"5:3: docker.io/library/nginx:1.27 has no digest and could change after it was signed. Write "
             "docker.io/library/nginx:1.27@sha256:…, or let the registry say it: kelpie release create --resolve"}},
        Row{"TwoDigests",
            images("{ ref: \"a.b/c:1@" + digest_of('1') + "\", from: \"d.e/f:1@" + digest_of('2') + "\" }"),
            {"5:99: another digest than the one before: one image has one digest"}},
        Row{"ImageTwice",
            images("a.b/c:1@" + digest_of('1') + "\n- a.b/c:1@" + digest_of('1')),
            {"6:3: image a.b/c:1 is listed twice"}},
        Row{"Archives",
            images("{ ref: \"a.b/c:1@" + digest_of('1') + "\", archive: app.tar }\n- { ref: \"a.b/d:1@" +
                   digest_of('1') + "\", from: e.f/d:1, archive: \"" + digest_of('2') + "\", size: much }"),
            {"5:102: \"app.tar\" is not a digest: sha256: and 64 hex digits",
             "6:117: archive does not go with from: an image comes from one place",
             "6:198: images[1].size \"much\" is not a size. Write 500MiB or 2GiB"}},
        Row{"Mirrors",
            release_text(
                "mirrors:\n"
                "- { registry: ../etc, hosts: [http://m.site] }\n"
                "- { registry: docker.io, hosts: [m.site, { url: https://m.site, ca: none.pem }] }\n"
                "- { registry: quay.io, hosts: [{ url: https://m.site, skip_verify: true }], server: m.site }\n"
                "- { registry: ghcr.io, endpoints: [https://m.site] }\n"
                "- { registry: a.io, hosts: [https://m.site, https://m.site] }\n"
                "- { registry: b.io, hosts: [https://m.site] }\n"
                "- { registry: b.io, hosts: [https://m.site] }\n"),
            {"5:15: registry \"../etc\" is not a registry such as docker.io or registry.example:5000",
             "6:34: hosts[0].url \"m.site\" is not an address such as http://mirror.site:5000",
             "6:69: there is no file \"none.pem\"",
             "7:55: unknown field \"skip_verify\" in mirrors[2].hosts[0]. Did you mean \"ca\"?",
             "7:85: server \"m.site\" is not an address such as https://registry.example",
             "8:3: field \"hosts\" is missing in mirrors[3]",
             "8:24: unknown field \"endpoints\" in mirrors[3]. Did you mean \"hosts\"?",
             "9:45: hosts[1].url \"https://m.site\" is listed twice", "11:3: registry b.io is listed twice"}},
        Row{"ShortImage",
            images("nginx:1"),
            {"5:3: \"nginx:1\" is not a full image name. Did you mean \"docker.io/library/nginx:1\"?"}},
        Row{"WorkloadOfNothing", workload("port: 80"), {"5:3: workload w needs either manifest or image"}},
        Row{"WorkloadOfBoth",
            workload("image: \"a.b/c:1\", manifest: pod.yaml"),
            {"5:3: workload w needs either manifest or image"}},
        Row{"WorkloadTwice",
            release_text("workloads:\n- { name: w, manifest: pod.yaml }\n- { name: w, manifest: pod.yaml }\n"),
            {"6:3: workload w is listed twice"}},
        Row{"NoSuchFile", workload("manifest: none.yaml"), {"5:24: there is no file \"none.yaml\""}},
        Row{"FileWithNothing", workload("manifest: empty.yaml"), {"empty.yaml:1:1: no Kubernetes object in it"}},
        Row{"SecretWithData",
            workload("manifest: secret.yaml"),
            {"secret.yaml:4:13: Secret site holds data, which everybody who can read the release could read: make it "
             "on "
             "the device and refer to it; secrets sealed to a device are not supported yet"}},
        Row{"ObjectTwice", workload("manifest: twice.yaml"), {"twice.yaml:5:1: Pod a is given twice"}},
        Row{"BadObject",
            workload("manifest: bad.yaml"),
            {"bad.yaml:1:1: a Kubernetes object needs kind",
             "bad.yaml:2:33: namespace is \"other\", but the workload's is \"default\": set namespace: of the "
             "workload, "
             "or leave this out",
             "bad.yaml:3:5: \"yes\" is true or false to some readers of YAML and a word to others: write true or "
             "false, "
             "or put it in quotes",
             "bad.yaml:4:7: \"0644\" is a number to some readers of YAML and a word or another number to others: write "
             "it plainly, or in quotes"}},
        Row{"MovingTag",
            workload("image: \"a.b/c:latest\""),
            {"5:21: the tag \"latest\" moves by itself: name a version"}},
        Row{"Port", workload("image: \"a.b/c:1\", port: 70000"), {"5:38: port is not in 1..65535"}},
        Row{"ExposeWithoutPort", workload("image: \"a.b/c:1\", expose: NodePort"), {"5:40: expose needs port"}},
        Row{"ExposeMisspelt",
            workload("image: \"a.b/c:1\", port: 80, expose: Nodeport"),
            {"5:50: workloads[0].expose \"Nodeport\" is not ClusterIP, NodePort or LoadBalancer. Did you mean "
             "\"NodePort\"?"}},
        Row{"CheckOfNoWorkload",
            release_text("workloads: [{ name: kiosk, manifest: pod.yaml }]\nchecks: [{ workload-ready: kisok }]\n"),
            {"5:28: \"kisok\" is no workload of this release. Did you mean \"kiosk\"?"}},
        Row{"CheckOfNoKind", release_text("checks: [ready]\n"), {"4:10: checks[0] \"ready\" is not node-ready"}},
        Row{"CheckWithoutEnd",
            release_text("workloads: [{ name: w, manifest: pod.yaml }]\n"
                         "checks: [{ workload-ready: w, within: 2d }]\n"),
            {"5:39: within is not in 1s..24h"}},
        Row{"Size",
            release_text("preflight: { disk: 2 gigs }\n"),
            {"4:20: preflight.disk \"2 gigs\" is not a size. Write 500MiB or 2GiB"}}),
    [](const auto& row) { return row.param.name; });

std::string waves(const std::string& lines) {
  return fleet_text("policy:\n  waves:\n" + lines);
}

INSTANTIATE_TEST_SUITE_P(
    Fleet, BadManifests,
    testing::Values(
        Row{"Selector",
            "kind: Fleet\nname: eu\nselector: \"region in (\"\n",
            {"3:11: selector \"region in (\" is wrong at column 12: expected a label name or value"}},
        Row{"ReleaseWithoutVersion",
            fleet_text("release: kiosk\n"),
            {"4:10: release: \"kiosk\" is not a release: write name@version"}},
        Row{"UnbuiltPolicy",
            fleet_text("policy:\n  joiners: after\n  onFail: rollback-all\n  budgets: []\n  windows: []\n"),
            {"5:12: policy.joiners: after is not supported yet; use none",
             "6:11: policy.onFail: rollback-all is not supported yet; use pause or abort",
             "7:3: policy.budgets is not supported yet (budgets, rule R6)",
             "8:3: policy.windows is not supported yet (windows, rule R16)"}},
        Row{"MisspeltThreshold",
            waves("  - { name: a, upTo: 100%, maxFaild: 3% }\n"),
            {"6:28: unknown field \"maxFaild\" in policy.waves[0]. Did you mean \"thresholds.failure\"?"}},
        Row{"Duration",
            waves("  - { name: a, upTo: 100%, soak: 5 min }\n"),
            {"6:34: policy.waves[0].soak \"5 min\" is not a duration. Write 5m or 300s"}},
        Row{"FallingShares",
            waves("  - { name: a, upTo: 50% }\n  - { name: b, upTo: 10% }\n"),
            {"7:22: upTo must be above that of the wave before: it counts their devices too"}},
        Row{"WaveOfNothing",
            waves("  - { name: a }\n  - { name: a, size: 0 }\n"),
            {"6:5: a wave needs either size or upTo", "7:5: wave \"a\" is there already", "7:22: a wave of no device"}},
        Row{"Share",
            waves("  - { name: a, upTo: 101% }\n"),
            {"6:22: policy.waves[0].upTo \"101%\" is not a share. Write 5% or 2.5%, up to 100%"}},
        Row{"GatesAndLabels",
            waves("  - { name: a, select: ring=canary, upTo: 100%, gates: [checks] }\n"),
            {"6:16: policy.waves[0].select is not supported yet (waves by labels)",
             "6:49: policy.waves[0].gates is not supported yet (gates, rule R17; the release's checks always count)"}},
        Row{"Timeouts",
            fleet_text("policy: { timeouts: { attempt: 0s, wave: 1000d, rollot: 1d } }\n"),
            {"4:32: \"0s\" is not in 1s..90d", "4:42: \"1000d\" is not in 1s..90d",
             "4:49: unknown field \"rollot\" in policy.timeouts. Did you mean \"rollout\"?"}},
        Row{"Retries",
            fleet_text("policy: { retry: { transient: 11, backoff: [1m, soon] } }\n"),
            {"4:31: 11 is above 10", "4:49: policy.retry.backoff[1] \"soon\" is not a duration. Write 5m or 300s"}}),
    [](const auto& row) { return row.param.name; });

TEST(Manifests, OfTheSameNameAreRefused) {
  Problems problems;
  const Manifests got = load_manifests(
      {.paths = {KELPIE_SOURCE_DIR "/deploy/examples/kiosk/fleet.yaml", KELPIE_SOURCE_DIR "/deploy/examples/kiosk"}},
      problems);
  ASSERT_EQ(problems.errors().size(), 1U);
  EXPECT_NE(problems.errors()[0].what.find("fleet kiosk-eu is in "), std::string::npos) << problems.errors()[0].what;
}

TEST(Manifests, AreNotFoundWhereThereIsNoFile) {
  Problems problems;
  const Manifests got = load_manifests({.paths = {"/none.yaml"}}, problems);
  ASSERT_EQ(problems.errors().size(), 1U);
  EXPECT_EQ(to_string(problems.errors()[0]), "/none.yaml:1:1: there is no file \"/none.yaml\"");
}

TEST(Manifests, AreNotFoundInAFolderWithoutManifests) {
  Problems problems;
  const Manifests got = load_manifests({.paths = {KELPIE_SOURCE_DIR "/cmake"}}, problems);
  ASSERT_EQ(problems.errors().size(), 1U);
  EXPECT_EQ(problems.errors()[0].what, "no *.yaml file in it");
}

}  // namespace
}  // namespace kelpie::cli
