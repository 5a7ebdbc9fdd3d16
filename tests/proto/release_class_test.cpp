// Which releases need the signatures of dangerous work, and that no way of writing one hides it.
#include "proto/wire/release_class.h"

#include <gtest/gtest.h>
#include <kelpie/v1/release.pb.h>

namespace kelpie::wire {
namespace {

std::vector<std::string> dangers(const std::string& pod_spec, const std::string& kind = "Pod") {
  v1::Release release;
  v1::Workload& workload = *release.add_steps()->mutable_deploy()->add_workloads();
  workload.set_name("kiosk");
  workload.set_manifest(R"({"apiVersion":"v1","items":[{"apiVersion":"v1","kind":")" + kind +
                        R"(","metadata":{"name":"kiosk"},"spec":)" + pod_spec + R"(}],"kind":"List"})");
  return dangers_of(release);
}

std::vector<std::string> of(const std::string& danger) {
  return {"workload kiosk: " + danger};
}

TEST(ReleaseClass, OrdinaryWorkloadsAreAChange) {
  EXPECT_TRUE(
      dangers(R"({"containers":[{"image":"a/b:1","name":"c","securityContext":{"privileged":false}}]})").empty());
  EXPECT_TRUE(dangers(R"({"hostNetwork":false,"volumes":[{"emptyDir":{},"name":"v"}]})").empty());
  EXPECT_TRUE(dangers(R"({"containers":[{"args":["-c","\"hostPath\":","privileged"],"name":"hostPath"}]})").empty());
  EXPECT_TRUE(dangers(R"({"replicas":1,"x":-1.5e+3,"y":null,"z":true})", "Deployment").empty());
}

TEST(ReleaseClass, WhatReachesTheNodeIsDangerous) {
  EXPECT_EQ(dangers(R"({"containers":[{"securityContext":{"privileged":true}}]})"), of("a privileged container"));
  EXPECT_EQ(dangers(R"({"volumes":[{"hostPath":{"path":"/"},"name":"root"}]})"), of("a hostPath volume"));
  EXPECT_EQ(dangers(R"({"hostNetwork":true})"), of("hostNetwork"));
  EXPECT_EQ(dangers(R"({"hostPID":true})"), of("hostPID"));
  EXPECT_EQ(dangers(R"({"hostIPC":true})"), of("hostIPC"));
  EXPECT_EQ(dangers(R"({"capabilities":{"add":["SYS_ADMIN"]}})"), of("an added capability"));
  EXPECT_EQ(dangers(R"({"procMount":"Unmasked"})"), of("an unmasked /proc"));
  EXPECT_EQ(dangers(R"({"seccompProfile":{"type":"Unconfined"}})"), of("an unconfined container"));
  for (const std::string kind : {"APIService", "ClusterRole", "ClusterRoleBinding", "MutatingWebhookConfiguration",
                                 "PersistentVolume", "ValidatingWebhookConfiguration"}) {
    EXPECT_EQ(dangers("{}", kind), of("a " + kind));
  }
}

TEST(ReleaseClass, NoSpellingHidesIt) {
  EXPECT_EQ(dangers(R"({"privileged":false,"privileged":true})"), of("a privileged container"));
  EXPECT_EQ(dangers(R"({"host\u0050ath":{"path":"/"}})"), of("a key with an escape"));
  EXPECT_EQ(dangers("{}", R"(Cluster\u0052ole)"), of("a kind with an escape"));
  // kubectl reads YAML too: what is no JSON token may mean anything.
  for (const std::string spec : {"{privileged: true}", R"({"privileged": true})", R"({'privileged':true})",
                                 "{\"a\":1,#\n\"b\":2}", R"({"a":&x 1})", R"({"a":")"}) {
    const std::vector<std::string> found = dangers(spec);
    ASSERT_FALSE(found.empty()) << spec;
    EXPECT_EQ(found.front(), of("a manifest that is no canonical JSON").front()) << spec;
  }
}

TEST(ReleaseClass, AnAddonDisabledWithItsDataIsDangerous) {
  v1::Release release;
  v1::AddonsStep& addons = *release.add_steps()->mutable_addons();
  for (const char* name : {"hostpath-storage", "ingress"}) addons.add_addons()->set_name(name);
  EXPECT_TRUE(dangers_of(release).empty());
  for (v1::Addon& addon : *addons.mutable_addons()) addon.set_absent(true);
  EXPECT_EQ(dangers_of(release), (std::vector<std::string>{"add-on hostpath-storage: disabled with its data"}));
}

}  // namespace
}  // namespace kelpie::wire
