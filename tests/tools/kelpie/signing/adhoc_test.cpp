// Verbs of command send as releases of one step, and what is said when they make no sense.
#include "tools/kelpie/signing/adhoc.h"

#include <gtest/gtest.h>

#include "hub/api/policy.h"
#include "hub/api/release_rules.h"
#include "tests/tools/kelpie/manifest/samples.h"

namespace kelpie::cli {
namespace {

using test::digest_of;

const Sources& sources() {
  static const Sources kSources{.read = [](const std::string& path) -> Result<std::string> {
                                  if (path == "k8s/My_App.yaml")
                                    return "apiVersion: v1\nkind: Pod\nmetadata: { name: p }\n";
                                  if (path == "bad.yaml") return "kind: Pod\n";
                                  return fail(Code::NotFound, "there is no file \"" + path + "\"");
                                },
                                .resolve = {}};
  return kSources;
}

/// Steps in words, or why not.
std::string told(AdhocWish wish) {
  wish.version = "1";
  const Result<v1::Release> release = make_adhoc(wish, sources());
  if (!release) return release.error().message;
  EXPECT_TRUE(hub::check_release(*release));
  EXPECT_EQ(release->scope(), "adhoc");
  std::string out;
  for (const v1::Step& step : release->steps()) out.append(hub::sentence_of(step)).append(";");
  return out;
}

TEST(Adhoc, EveryVerbIsAReleaseTheHubTakes) {
  EXPECT_EQ(told({.verb = "install", .argument = "1.32/stable"}),
            "renew certificates with less than 30d left;copy the datastore, before a refresh or alone;"
            "install 1.32/stable, held;start, and wait until the node is ready;");
  EXPECT_EQ(told({.verb = "start"}),
            "renew certificates with less than 30d left;start, and wait until the node is ready;");
  EXPECT_EQ(told({.verb = "renew-certs"}), "renew certificates with less than 30d left;");
  EXPECT_EQ(told({.verb = "snapshot"}), "copy the datastore, before a refresh or alone;");
  EXPECT_EQ(told({.verb = "stop"}), "stop;");
  EXPECT_EQ(told({.verb = "inspect"}), "inspect;");
  EXPECT_EQ(told({.verb = "enable-addon", .argument = "registry", .args = {"--size=20Gi"}}),
            "add-ons registry --size=20Gi;");
  EXPECT_EQ(told({.verb = "disable-addon", .argument = "storage"}), "add-ons hostpath-storage (absent);");
  EXPECT_EQ(told({.verb = "preload-image", .argument = "a.b/c:1@" + digest_of('1'), .from = "m.n/c:1"}),
            "images a.b/c:1 from m.n/c:1;");
  EXPECT_EQ(told({.verb = "deploy", .argument = "k8s/My_App.yaml"}), "deploy my-app in default;");
  EXPECT_EQ(told({.verb = "remove", .argument = "my-app"}), "remove my-app;");
}

TEST(Adhoc, WhatAPersonShouldKnowOfAnAddonIsSaid) {
  EXPECT_TRUE(warnings_of({.verb = "enable-addon", .argument = "dns"}).empty());
  EXPECT_EQ(warnings_of({.verb = "enable-addon", .argument = "storage"}),
            (std::vector<std::string>{"storage is called hostpath-storage today; taken as that"}));
  EXPECT_EQ(warnings_of({.verb = "enable-addon", .argument = "observability"}).size(), 2U) << "charts, and memory";
}

TEST(Adhoc, WhatMakesNoSenseIsTold) {
  EXPECT_EQ(told({.verb = "install", .argument = "latest/stable"}),
            "\"latest/stable\" follows a track whose version moves by itself. Write 1.32/stable");
  EXPECT_EQ(told({.verb = "preload-image", .argument = "a.b/c:1"}),
            "a.b/c:1 has no digest and could change after it was signed");
  EXPECT_EQ(told({.verb = "enable-addon", .argument = "istio"}),
            "add-on istio comes from the community repository, whose scripts are cloned from the internet, run as root "
            "and signed by nobody: deploy it as a workload");
  EXPECT_EQ(told({.verb = "enable-addon", .argument = "regisry"}),
            "MicroK8s has no core add-on \"regisry\". Did you mean \"registry\"?");
  EXPECT_EQ(told({.verb = "deploy", .argument = "none.yaml"}), "there is no file \"none.yaml\"");
  EXPECT_EQ(
      told({.verb = "deploy", .argument = "bad.yaml"}),
      "bad.yaml:1:1: a Kubernetes object needs apiVersion\nbad.yaml:1:1: a Kubernetes object needs metadata.name\n"
      "2 problems, nothing was changed");
  EXPECT_EQ(told({.verb = "remove", .argument = "My App"}), "steps[0].remove.workloads[0]: \"My App\" is not a name");
}

TEST(Adhoc, ItsPolicyIsOneTheHubTakes) {
  const Result<hub::Policy> policy = hub::to_policy(adhoc_policy(), "policy");
  ASSERT_TRUE(policy) << policy.error().message;
  EXPECT_EQ(policy->waves.size(), 1U);
  EXPECT_EQ(policy->on_fail, hub::OnFail::Abort);
}

}  // namespace
}  // namespace kelpie::cli
