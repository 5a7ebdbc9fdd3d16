// The schema is the tables: what validation takes, it describes, and nothing that is not built.
#include "tools/kelpie/manifest/json_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/child.h"

namespace kelpie::cli {
namespace {

// With every add-on of the core repository on a line of its own: taken with which arguments, or refused and why.
TEST(JsonSchema, DescribesAPathAndListsTheAddons) {
  const std::string schema = *json_schema_of("release.addons");
  EXPECT_EQ(schema + "\n", kelpie::test::read_file(KELPIE_SOURCE_DIR "/tests/golden/release_addons.json"));
  const auto parsed = nlohmann::json::parse(schema);
  EXPECT_EQ(parsed["items"]["anyOf"][1]["required"], (nlohmann::json{"name"}));
  // Facts, microk8s 10 and the listing of the guide of 2023.
  for (const char* const name : {"cert-manager", "cis-hardening", "community",        "dashboard",
                                 "dns",          "gpu",           "ha-cluster",       "helm",
                                 "helm3",        "host-access",   "hostpath-storage", "ingress",
                                 "kube-ovn",     "mayastor",      "metallb",          "metrics-server",
                                 "minio",        "nvidia",        "observability",    "prometheus",
                                 "rbac",         "registry",      "rook-ceph",        "storage"}) {
    const auto& row = parsed["x-addons"][name];
    EXPECT_TRUE(row.contains("proof") || row.contains("as") || row.contains("why")) << name;
  }
  EXPECT_THAT(parsed["x-addons"]["community/…"]["names"], testing::Contains("istio"));
}

TEST(JsonSchema, KnowsBothKindsAndNothingUnbuilt) {
  const auto release = nlohmann::json::parse(*json_schema_of("Release"));
  EXPECT_EQ(release["required"], (nlohmann::json{"kind", "name", "version"}));
  EXPECT_FALSE(release["properties"].contains("secrets"));
  EXPECT_TRUE(json_schema_of("fleet.policy.waves.thresholds"));
}

TEST(JsonSchema, SuggestsThePathThatWasMeant) {
  EXPECT_EQ(json_schema_of("flet").error().message, "kelpie schema has no \"flet\". Did you mean \"fleet\"?");
  EXPECT_EQ(json_schema_of("release.addon").error().message, "Release has no \"addon\". Did you mean \"addons\"?");
  EXPECT_EQ(json_schema_of("release.secrets").error().message,
            "Release.secrets is not supported yet (secrets sealed to each device)");
}

}  // namespace
}  // namespace kelpie::cli
