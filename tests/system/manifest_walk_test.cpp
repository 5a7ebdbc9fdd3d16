// From nothing to a running release with kelpie alone: hub init, hub, devices, apply, plan, start; and every way in
// which somebody must be stopped.
#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/system/operator_desk.h"

namespace kelpie::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kRelease =
    "kind: Release\nname: kiosk\nversion: 1.0.0\nmicrok8s: { channel: 1.32/stable }\nworkloads: []\n";
constexpr const char* kFleet =
    "kind: Fleet\nname: eu\nselector: region=eu\nrelease: kiosk@1.0.0\n"
    "policy: { waves: [{ name: canary, size: 1, soak: 0s }, { name: rest, upTo: 100%, soak: 0s }] }\n";
constexpr const char* kPrivileged =
    "apiVersion: v1\nkind: Pod\nmetadata: { name: p }\n"
    "spec: { containers: [{ name: c, image: \"a.b/c:1\", securityContext: { privileged: true } }] }\n";

void add_devices(OperatorDesk& desk, int count) {
  for (int i = 1; i <= count; ++i) {
    const std::string name = "pi-" + std::to_string(i);
    desk.hub().add_device(name);
    EXPECT_EQ(desk.kelpie({"device", "label", name, "region=eu"}).code, 0);
  }
}

TEST(ManifestWalk, FromNothingToARunningReleaseAndBackToAManifest) {
  OperatorDesk desk;
  add_devices(desk, 3);
  EXPECT_THAT(desk.kelpie({"audit", "list", "--device", "pi-1"}).out, HasSubstr("none → region=eu"));
  const std::string manifests = desk.file("all.yaml", std::string(kRelease) + "---\n" + kFleet);

  const Finished before = desk.kelpie({"diff", "-f", manifests, "--exit-code"});
  EXPECT_EQ(before.code, 10) << before.err;
  EXPECT_THAT(before.out, HasSubstr("new       release/kiosk@1.0.0\n  + microk8s   channel 1.32/stable\n"));

  const Finished rehearsed = desk.kelpie({"apply", "-f", manifests, "--dry-run"});
  EXPECT_EQ(rehearsed.code, 0) << rehearsed.err;
  EXPECT_EQ(desk.kelpie({"release", "list", "-o", "name"}).out, "");

  const Finished applied = desk.kelpie({"apply", "-f", manifests});
  ASSERT_EQ(applied.code, 0) << applied.err;
  EXPECT_THAT(applied.out, HasSubstr("RELEASE  kiosk@1.0.0   signed by ana ✔\n"
                                     "  from nothing of Kelpie's on 3 devices\n"));
  EXPECT_THAT(applied.out, HasSubstr("DEVICES  3 match   3 change   0 already there   0 offline\n"));
  const std::string plan = plan_of(applied.out);
  EXPECT_THAT(applied.out, HasSubstr("kelpie rollout start " + plan));
  EXPECT_EQ(desk.kelpie({"rollout", "list", "-o", "name"}).out, "") << "something started by itself";

  const Finished started = desk.kelpie({"rollout", "start", plan, "--reason", "first", "--wait"});
  EXPECT_EQ(started.code, 0) << started.err << started.out;
  EXPECT_THAT(desk.kelpie({"device", "list", "-o", "columns=NAME,RELEASE"}).out, HasSubstr("pi-3  kiosk@1.0.0"));

  const Finished again = desk.kelpie({"apply", "-f", manifests});
  EXPECT_EQ(again.out, "unchanged release/kiosk@1.0.0\nunchanged fleet/eu\n");
  const Finished exported = desk.kelpie({"export", "fleet", "eu", "--dir", desk.path("exported")});
  EXPECT_EQ(exported.code, 0) << exported.err;
  EXPECT_EQ(desk.kelpie({"export", "release", "kiosk@1.0.0", "--dir", desk.path("exported")}).code, 0);
  const Finished same = desk.kelpie({"diff", "-f", desk.path("exported"), "--exit-code"});
  EXPECT_EQ(same.code, 0) << same.out << same.err;
  const std::string trust = desk.path("installation/operator/trust.klp");
  for (const std::vector<std::string>& words : {std::vector<std::string>{"diff", "-f", manifests},
                                                {"validate", "-f", manifests},
                                                {"export", "fleet"},
                                                {"trust", "show"},
                                                {"trust", "show", trust},
                                                {"release", "verify", "kiosk@1.0.0"},
                                                {"release", "diff", "kiosk@1.0.0", "kiosk@1.0.0"},
                                                {"rollout", "plan", "--fleet", "eu"},
                                                {"key", "show"}}) {
    std::vector<std::string> as_json = words;
    as_json.insert(as_json.end(), {"-o", "json"});
    const Finished json = desk.kelpie(as_json);
    EXPECT_EQ(json.code, 0) << words[0] << json.err;
    EXPECT_THAT(json.out, HasSubstr("\"kind\": \""));
  }
}

TEST(ManifestWalk, AFleetGoesAndItsDevicesKeepWhatTheyRun) {
  OperatorDesk desk;
  add_devices(desk, 1);
  const std::string manifests = desk.file("all.yaml", std::string(kRelease) + "---\n" + kFleet);
  const Finished applied = desk.kelpie({"apply", "-f", manifests});
  ASSERT_EQ(applied.code, 0) << applied.err;
  EXPECT_EQ(desk.kelpie({"rollout", "start", plan_of(applied.out), "--reason", "first", "--wait"}).code, 0);

  const Finished asked = desk.kelpie({"fleet", "delete", "eu"});
  EXPECT_EQ(asked.code, 2);
  EXPECT_THAT(asked.err, HasSubstr("delete fleet eu of 1 device"));
  const Finished rehearsed = desk.kelpie({"fleet", "delete", "eu", "--dry-run"});
  EXPECT_EQ(rehearsed.code, 0) << rehearsed.err;
  EXPECT_THAT(rehearsed.err, HasSubstr("fleet eu would be deleted"));
  EXPECT_THAT(desk.kelpie({"fleet", "list"}).out, HasSubstr("eu"));
  const Finished deleted = desk.kelpie({"fleet", "delete", "eu", "-y"});
  EXPECT_EQ(deleted.code, 0) << deleted.err;
  EXPECT_THAT(desk.kelpie({"fleet", "list"}).out, Not(HasSubstr("eu")));
  EXPECT_THAT(desk.kelpie({"device", "list", "-o", "columns=FLEET,RELEASE"}).out, HasSubstr("-      kiosk@1.0.0"));
}

TEST(ManifestWalk, TheHubRunsOnTheFilesThatInitMade) {
  const TempDir dir;
  Broker broker;
  ASSERT_EQ(plain_kelpie({"hub", "init", "--dir", dir / "i", "--broker", broker.url(), "--no-passphrase"}).code, 0);
  Child hub = Child::start({.argv = {KELPIE_BIN_DIR "/kelpie-hub", "run", "--config", dir / "i/hub/hub.conf"},
                            .env = {},
                            .out_file = {},
                            .err_file = {}});
  EXPECT_TRUE(eventually([&] {
    return plain_kelpie({"hub", "status", "--hub", dir / "i/hub.sock", "--exit-code", "-q"}).code == 0;
  })) << hub.err();
  const Finished again = plain_kelpie({"hub", "init", "--dir", dir / "i", "--no-passphrase"});
  EXPECT_EQ(again.code, 5);
  EXPECT_THAT(again.err, HasSubstr("keys are never overwritten"));
}

TEST(ManifestWalk, ABadManifestChangesNothing) {
  OperatorDesk desk;
  const std::string good = desk.file("a.yaml", kRelease);
  const std::string bad = desk.file("b.yaml", "kind: Fleet\nname: eu\nselector: region=eu\nrelese: kiosk@1.0.0\n");
  const Finished refused = desk.kelpie({"apply", "-f", good, "-f", bad});
  EXPECT_EQ(refused.code, 2);
  EXPECT_EQ(refused.out, "");
  EXPECT_THAT(refused.err, HasSubstr(bad + ":4:1: unknown field \"relese\". Did you mean \"release\"?\n"
                                           "error: 1 problem, nothing was changed\n"));
  EXPECT_EQ(desk.kelpie({"release", "list", "-o", "name"}).out, "");
}

TEST(ManifestWalk, AReleaseNeverChanges) {
  OperatorDesk desk;
  ASSERT_EQ(desk.kelpie({"release", "create", "-f", desk.file("a.yaml", kRelease)}).code, 0);
  const std::string other = desk.file("b.yaml", std::string(kRelease) + "addons: [dns]\n");
  const Finished refused = desk.kelpie({"apply", "-f", other});
  EXPECT_EQ(refused.code, 5);
  EXPECT_THAT(refused.err, HasSubstr("releases never change"));
  EXPECT_THAT(desk.kelpie({"diff", "-f", other}).out,
              HasSubstr("changed   release/kiosk@1.0.0\n  + add-ons    dns enabled"));
}

TEST(ManifestWalk, AStalePlanIsNotStarted) {
  OperatorDesk desk;
  add_devices(desk, 1);
  ASSERT_EQ(desk.kelpie({"apply", "-f", desk.file("a.yaml", std::string(kRelease) + "---\n" + kFleet)}).code, 0);
  const std::string plan = plan_of(desk.kelpie({"rollout", "plan", "--fleet", "eu"}).out);
  desk.hub().add_device("pi-2");
  ASSERT_EQ(desk.kelpie({"device", "label", "pi-2", "region=eu"}).code, 0);
  const Finished refused = desk.kelpie({"rollout", "start", plan});
  EXPECT_EQ(refused.code, 5);
  EXPECT_THAT(refused.err, HasSubstr("is stale: pi-2 now matches too"));
  EXPECT_EQ(desk.kelpie({"rollout", "list", "-o", "name"}).out, "");
}

TEST(ManifestWalk, AKeyOfNobodySignsNothing) {
  OperatorDesk desk;
  const std::string release = desk.file("a.yaml", kRelease);
  ASSERT_EQ(plain_kelpie({"key", "new", desk.path("eve.key"), "--no-passphrase"}).code, 0);
  const Finished eve = desk.kelpie_as(desk.path("eve.key"), {"release", "create", "-f", release});
  EXPECT_EQ(eve.code, 4);
  EXPECT_THAT(eve.err, HasSubstr("belongs to no operator of"));
  ASSERT_EQ(plain_kelpie({"hub", "init", "--dir", desk.path("other"), "--no-passphrase"}).code, 0);
  const Finished other =
      desk.kelpie_as(desk.path("other/operator/operator.key"), {"release", "create", "-f", release, "-o", "json"});
  EXPECT_EQ(other.code, 4);
  EXPECT_THAT(other.out, HasSubstr("INSTALLATION"));
  EXPECT_THAT(other.err, HasSubstr("this hub belongs to installation"));
  EXPECT_EQ(desk.kelpie_as("", {"release", "create", "-f", release}).code, 2);
  EXPECT_EQ(desk.kelpie({"release", "list", "-o", "name"}).out, "");
}

TEST(ManifestWalk, APassphraseOpensTheKeyAndAnotherDoesNot) {
  const TempDir secrets;
  write_file(secrets / "right", "correct horse\n");
  write_file(secrets / "wrong", "battery staple\n");
  ASSERT_EQ(chmod((secrets / "right").c_str(), S_IRUSR | S_IWUSR), 0);
  ASSERT_EQ(chmod((secrets / "wrong").c_str(), S_IRUSR | S_IWUSR), 0);
  OperatorDesk desk({"--passphrase-file", secrets / "right"});
  const std::string release = desk.file("a.yaml", kRelease);
  const auto create = [&](const std::string& name) {
    return desk.kelpie({"release", "create", "-f", release, "--passphrase-file", secrets / name});
  };
  EXPECT_EQ(create("wrong").code, 4);
  ASSERT_EQ(chmod((secrets / "right").c_str(), S_IRUSR | S_IWUSR | S_IROTH), 0);
  EXPECT_THAT(create("right").err, HasSubstr("is open to others"));
  ASSERT_EQ(chmod((secrets / "right").c_str(), S_IRUSR | S_IWUSR), 0);
  EXPECT_EQ(create("right").code, 0);
  const Finished unasked = desk.kelpie({"release", "create", "-f", release});
  EXPECT_EQ(unasked.code, 2);
  EXPECT_THAT(unasked.err, HasSubstr("there is no terminal to ask on"));
}

TEST(ManifestWalk, APassphraseIsAskedForAndNeverShown) {
  const TempDir dir;
  const std::string key = dir / "ben.key";
  const std::string secret = "correct horse battery";
  const Finished differing = kelpie_on_terminal(
      {"key", "new", key}, {{.prompt = "new passphrase of", .answer = secret}, {.prompt = "once more", .answer = "x"}});
  EXPECT_EQ(differing.code, 2);
  EXPECT_THAT(differing.out, HasSubstr("the two passphrases differ"));
  const Finished made = kelpie_on_terminal({"key", "new", key}, {{.prompt = "new passphrase of", .answer = secret},
                                                                 {.prompt = "once more", .answer = secret}});
  EXPECT_EQ(made.code, 0) << made.out;
  EXPECT_THAT(made.out, Not(HasSubstr("horse")));
  EXPECT_TRUE(read_file(key).starts_with("kelpie-key-v1 argon2id "));
  const Finished shown = kelpie_on_terminal({"key", "show", key}, {{.prompt = "passphrase of", .answer = secret}});
  EXPECT_EQ(shown.code, 0) << shown.out;
  EXPECT_THAT(shown.out, HasSubstr("fingerprint  "));
  const Finished wrong = kelpie_on_terminal({"key", "show", key}, {{.prompt = "passphrase of", .answer = "wrong"}});
  EXPECT_EQ(wrong.code, 4);
}

TEST(ManifestWalk, ASignedReleaseInAFileIsJudgedWithoutAHub) {
  OperatorDesk desk;
  const std::string frame = desk.path("kiosk.klp");
  const std::string trust = desk.path("installation/operator/trust.klp");
  ASSERT_EQ(desk.kelpie({"release", "create", "-f", desk.file("a.yaml", kRelease), "--save", frame}).code, 0);
  const Finished good = plain_kelpie({"release", "verify", frame, "--trust", trust});
  EXPECT_EQ(good.code, 0) << good.err;
  EXPECT_THAT(good.out, HasSubstr("kiosk@1.0.0   signed by ana"));
  std::string bytes = read_file(frame);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  const Finished changed = plain_kelpie({"release", "verify", desk.file("changed.klp", bytes), "--trust", trust});
  EXPECT_NE(changed.code, 0);
  EXPECT_EQ(changed.out, "");
}

TEST(ManifestWalk, SaysWhichImagesTheNodeItselfNeeds) {
  const TempDir dir;
  const std::string path = dir / "bare.yaml";
  write_file(path, "kind: Release\nname: bare\nversion: \"1\"\nmicrok8s: { channel: 1.32/stable }\n");
  const Finished table = plain_kelpie({"release", "images", path});
  EXPECT_EQ(table.code, 0) << table.err;
  EXPECT_THAT(table.out, HasSubstr("registry.k8s.io/pause:3.10"));
  const Finished json = plain_kelpie({"release", "images", path, "-o", "json"});
  EXPECT_THAT(json.out, HasSubstr("registry.k8s.io/pause:3.10"));
}

TEST(ManifestWalk, DangerousWorkNeedsTwoPersonsWhoSawTheSame) {
  const TempDir other;
  const Finished ben = plain_kelpie({"key", "new", other / "ben.key", "--no-passphrase", "-o", "json"});
  const std::size_t at = ben.out.find("\"publicKey\": \"");
  ASSERT_NE(at, std::string::npos) << ben.out << ben.err;
  constexpr std::size_t kKeyHex = 64;
  OperatorDesk desk({"--no-passphrase", "--add-operator", "ben=" + ben.out.substr(at + 14, kKeyHex)});
  add_devices(desk, 1);
  write_file(other / "trust.klp", read_file(desk.path("installation/operator/trust.klp")));
  desk.file("pod.yaml", kPrivileged);
  const std::string release = desk.file(
      "a.yaml", "kind: Release\nname: probe\nversion: \"1\"\nworkloads: [{ name: probe, manifest: pod.yaml }]\n");
  ASSERT_EQ(desk.kelpie({"release", "create", "-f", release}).code, 0);
  const Finished shown = desk.kelpie({"rollout", "plan", "probe@1", "pi-1"});
  EXPECT_THAT(shown.out, HasSubstr("! dangerous: workload probe: a privileged container"));
  const std::string plan = plan_of(shown.out);

  const Finished unasked = desk.kelpie({"rollout", "start", plan});
  EXPECT_EQ(unasked.code, 2);
  EXPECT_THAT(unasked.err, HasSubstr("start dangerous probe@1 on 1 device"));
  const Finished alone = desk.kelpie({"rollout", "start", plan, "--yes"});
  EXPECT_EQ(alone.code, 4) << alone.err;
  EXPECT_THAT(alone.err, HasSubstr("dangerous work needs 2 persons; signed by ana"));
  EXPECT_EQ(desk.kelpie({"rollout", "list", "-o", "name"}).out, "");

  ASSERT_EQ(desk.kelpie({"rollout", "start", plan, "--save", desk.path("plan.klp")}).code, 0);
  EXPECT_EQ(desk.kelpie({"rollout", "start", plan, "--co-sign", desk.path("plan.klp"), "--yes"}).code, 5);
  const std::string other_plan =
      plan_of(desk.kelpie({"rollout", "plan", "probe@1", "pi-1", "--waves", "all", "--soak", "1s"}).out);
  const auto co_sign = [&](const std::string& id) {
    return desk.kelpie_as(other / "ben.key",
                          {"rollout", "start", id, "--co-sign", desk.path("plan.klp"), "--yes", "--wait"});
  };
  const Finished mixed = co_sign(other_plan);
  EXPECT_EQ(mixed.code, 4);
  EXPECT_THAT(mixed.err, HasSubstr("nothing was signed: the other person signed other waves or limits"));
  EXPECT_THAT(mixed.err, HasSubstr("plan.klp\": "));
  const Finished both = co_sign(plan);
  EXPECT_EQ(both.code, 0) << both.err << both.out;
  EXPECT_THAT(desk.kelpie({"event", "list"}).out, HasSubstr("signed by ana, ben")) << "the persons, whoever called";
  EXPECT_THAT(desk.kelpie({"audit", "list"}).out, HasSubstr("signed by ana, ben"));
  EXPECT_THAT(desk.kelpie({"release", "show", "probe@1"}).out,
              HasSubstr("dangerous: workload probe: a privileged container"));
}

TEST(ManifestWalk, AnAdHocCommandRunsOnceAndTellsHowItEnded) {
  OperatorDesk desk;
  add_devices(desk, 2);
  const Finished sent = desk.kelpie({"command", "send", "enable-addon", "dns", "pi-1", "--wait"});
  EXPECT_EQ(sent.code, 0) << sent.err << sent.out;
  EXPECT_EQ(desk.hub().devices().at("pi-1")->ran().size(), 1U);
  EXPECT_EQ(desk.hub().devices().at("pi-2")->ran().size(), 0U);
  EXPECT_THAT(desk.kelpie({"command", "list"}).out, HasSubstr("enable-addon dns"));

  desk.hub().devices().at("pi-2")->fail_from_now_on();
  const Finished failed = desk.kelpie({"command", "send", "inspect", "pi-2", "--wait"});
  EXPECT_EQ(failed.code, 1) << failed.err << failed.out;
  const Finished asked = desk.kelpie({"command", "send", "stop", "-l", "region=eu"});
  EXPECT_EQ(asked.code, 2);
  EXPECT_THAT(asked.err, HasSubstr("stop on 2 devices"));
  const Finished data = desk.kelpie({"command", "send", "disable-addon", "hostpath-storage", "pi-1"});
  EXPECT_THAT(data.err, HasSubstr("dangerous: add-on hostpath-storage: disabled with its data"));
  EXPECT_THAT(desk.kelpie({"command", "send", "enable-addon", "dsn", "pi-1"}).err,
              HasSubstr("MicroK8s has no core add-on \"dsn\". Did you mean \"dns\"?"));
  EXPECT_THAT(desk.kelpie({"command", "send", "enabel-addon", "dns", "pi-1"}).err,
              HasSubstr("there is no verb \"enabel-addon\". Did you mean \"enable-addon\"?"));
}

TEST(ManifestWalk, PartsOfThePolicyAreReplacedForOnePlan) {
  OperatorDesk desk;
  add_devices(desk, 4);
  ASSERT_EQ(desk.kelpie({"apply", "-f", desk.file("a.yaml", std::string(kRelease) + "---\n" + kFleet)}).code, 0);
  const Finished plan = desk.kelpie({"rollout", "plan", "kiosk@1.0.0", "--fleet", "eu", "--waves", "1,50%,rest",
                                     "--max-failed", "50%", "--soak", "90s", "--exit-code"});
  EXPECT_EQ(plan.code, 10);
  EXPECT_THAT(plan.out, HasSubstr("canary"));
  EXPECT_THAT(plan.out, ::testing::ContainsRegex("rest +2 +1m30s +1 +1 +1 "));
  EXPECT_EQ(desk.kelpie({"rollout", "plan", "kiosk@1.0.0", "--fleet", "eu", "--waves", "x"}).code, 2);
  EXPECT_THAT(desk.kelpie({"rollout", "plan", "kiosk@1.0.0"}).err, HasSubstr("for which devices?"));
  EXPECT_THAT(desk.kelpie({"rollout", "plan", "kisk@1.0.0", "--fleet", "eu"}).err, HasSubstr("there is no release"));
}

}  // namespace
}  // namespace kelpie::test
