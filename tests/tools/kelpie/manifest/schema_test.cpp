// The schema is the tables: what validation takes, it describes, and nothing that is not built.
#include "tools/kelpie/manifest/json_schema.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace kelpie::cli {
namespace {

TEST(JsonSchema, DescribesAPath) {
  EXPECT_EQ(*json_schema_of("release.addons"), R"({
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "release.addons",
  "description": "core add-ons; those not named are left alone",
  "type": "array",
  "items": {
    "anyOf": [
      {
        "type": "string"
      },
      {
        "type": "object",
        "properties": {
          "name": {
            "description": "of the core repository: dns, hostpath-storage, ingress, …",
            "type": "string"
          },
          "args": {
            "description": "each on its own: [--size=20Gi]",
            "type": "array",
            "items": {
              "type": "string"
            }
          },
          "state": {
            "description": "absent disables it; present unless given",
            "type": "string",
            "enum": [
              "present",
              "absent"
            ]
          }
        },
        "additionalProperties": false,
        "required": [
          "name"
        ]
      }
    ]
  }
})");
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
