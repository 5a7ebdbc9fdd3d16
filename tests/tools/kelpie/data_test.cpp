// JSON, YAML and names of what the hub answers.
#include "tools/kelpie/data.h"

#include <gtest/gtest.h>
#include <kelpie/api/v1/api.pb.h>

#include "tools/kelpie/object.h"

namespace kelpie::cli {
namespace {

api::v1::FleetList fleets() {
  api::v1::FleetList out;
  out.set_api_version("v1");
  out.set_kind("FleetList");
  api::v1::Fleet& fleet = *out.add_items();
  fleet.mutable_metadata()->set_name("kiosk");
  for (const auto& [key, value] : {std::pair("zone", "b"), std::pair("area", "yes"), std::pair("mid", "1.0")}) {
    (*fleet.mutable_metadata()->mutable_labels())[key] = value;
  }
  api::v1::Wave& wave = *fleet.mutable_spec()->mutable_policy()->add_waves();
  wave.set_name("canary");
  wave.mutable_soak()->set_seconds(90);
  return out;
}

TEST(Json, MapsHaveOneOrderAndDefaultsStay) {
  const std::string text = to_json(fleets(), Json::OneLine);
  EXPECT_NE(text.find(R"("labels":{"area":"yes","mid":"1.0","zone":"b"})"), std::string::npos) << text;
  EXPECT_NE(text.find(R"("revision":0)"), std::string::npos) << text;
  EXPECT_EQ(text, to_json(fleets(), Json::OneLine));
}

TEST(Yaml, QuotesWhatYamlWouldReadAsSomethingElse) {
  const std::string text = to_yaml(fleets());
  for (const char* line : {"apiVersion: v1\n", "    labels:\n      area: \"yes\"\n      mid: \"1.0\"\n      zone: b\n",
                           "items:\n- ", "      waves:\n      - ", "soak: \"90s\"\n", "nextPageToken: \"\"\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "is not in\n" << text;
  }
}

TEST(Yaml, ListsStandUnderTheirKeyAndEmptyOnesInTheirLine) {
  EXPECT_EQ(to_yaml(list_of("ContextList", {object_of("Context", {{"name", "prod"}})})),
            "apiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Context\n  name: prod\nkind: ContextList\n");
  EXPECT_EQ(to_yaml(list_of("ContextList", {})), "apiVersion: v1\nitems: []\nkind: ContextList\n");
}

TEST(Names, AreKindAndName) {
  EXPECT_EQ(to_names(fleets()), "fleet/kiosk\n");
  api::v1::EventList events;
  events.add_items()->set_seq("17");
  EXPECT_EQ(to_names(events), "event/17\n");
}

TEST(JsonLines, AreOneObjectALine) {
  api::v1::FleetList two = fleets();
  *two.add_items() = two.items(0);
  const std::string lines = to_json_lines(two);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 2);
}

}  // namespace
}  // namespace kelpie::cli
