#include "hub/api/router.h"

#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>
#include <kelpie/api/v1/api.pb.h>

#include "tests/hub/api/samples.h"

namespace kelpie::hub {
namespace {

using test::told;

const Router& router() {
  static const Router out;
  return out;
}

HttpRequest request_of(std::string method, std::string_view target, std::string body = {}) {
  HttpRequest out;
  out.method = std::move(method);
  set_target(out, target);
  out.body = std::move(body);
  return out;
}

Result<Bound> bind_to(const HttpRequest& request) {
  KELPIE_TRY(const Match match, router().match(request.method, request.path));
  return bind(match, request);
}

TEST(Router, EveryRpcIsReachedByItsOwnPattern) {
  for (const Route& route : router().routes()) {
    std::string path;
    for (const PathSegment& segment : route.segments) path += "/" + (segment.is_variable ? "x" : segment.text);
    if (!route.verb.empty()) path += ":" + route.verb;
    const Result<Match> match = router().match(route.method, path);
    ASSERT_TRUE(match) << path;
    EXPECT_EQ(match->route->rpc->name(), route.rpc->name());
  }
}

TEST(Router, OnlyReadingIsForViewersAndOnlyAdminsAddDevices) {
  for (const Route& route : router().routes()) {
    EXPECT_EQ(route.role == api::v1::VIEWER, route.method == "GET") << route.pattern;
  }
  EXPECT_EQ(router().match("POST", "/api/v1/devices")->route->role, api::v1::ADMIN);
}

TEST(Router, AnotherMethodIsToldWhatIsPossible) {
  EXPECT_EQ(told(router().match("DELETE", "/api/v1/devices")),
            "METHOD_NOT_ALLOWED: DELETE is not possible at /api/v1/devices; possible: GET, POST");
  EXPECT_EQ(told(router().match("GET", "/api/v2/devices")), "NOT_FOUND: there is nothing at /api/v2/devices");
}

TEST(Router, PathVariablesAreDecoded) {
  const Result<Match> match = router().match("GET", "/api/v1/releases/kiosk%401.4");
  ASSERT_TRUE(match);
  EXPECT_EQ(match->variables, (Pairs{{"name", "kiosk@1.4"}}));
}

TEST(Bind, TakesPathQueryAndBody) {
  const Result<Bound> bound = bind_to(
      request_of("POST", "/api/v1/devices/pi-1:label?dryRun=true", R"({"set":{"site":"oslo"},"remove":["ring"]})"));
  ASSERT_TRUE(bound) << bound.error().message;
  const auto& input = dynamic_cast<const api::v1::LabelDeviceRequest&>(*bound->input);
  EXPECT_TRUE(bound->is_dry_run);
  EXPECT_EQ(input.name(), "pi-1");
  EXPECT_EQ(input.set().at("site"), "oslo");
  EXPECT_EQ(input.remove(0), "ring");
}

TEST(Bind, TakesProtobufAsItIs) {
  api::v1::RenameDeviceRequest given;
  given.set_new_name("pi-2");
  HttpRequest request = request_of("POST", "/api/v1/devices/pi-1:rename", given.SerializeAsString());
  request.headers["content-type"] = "application/protobuf";
  const Result<Bound> bound = bind_to(request);
  ASSERT_TRUE(bound) << bound.error().message;
  EXPECT_EQ(dynamic_cast<const api::v1::RenameDeviceRequest&>(*bound->input).new_name(), "pi-2");
}

struct RefusedRow {
  std::string name;
  HttpRequest request;
  std::string told;
};
class RefusedRequests : public testing::TestWithParam<RefusedRow> {};

TEST_P(RefusedRequests, SayWhatIsWrong) {
  EXPECT_EQ(told(bind_to(GetParam().request)), GetParam().told);
}

INSTANTIATE_TEST_SUITE_P(
    Bind, RefusedRequests,
    testing::Values(
        RefusedRow{"UnknownParameter", request_of("GET", "/api/v1/devices?color=red"),
                   "BAD_REQUEST: color: there is no such parameter here"},
        RefusedRow{"ParameterTwice", request_of("GET", "/api/v1/devices?fleet=a&fleet=b"),
                   "BAD_REQUEST: fleet: is given twice"},
        RefusedRow{"NoNumber", request_of("GET", "/api/v1/devices?pageSize=many"),
                   "BAD_REQUEST: pageSize: \"many\" is not a whole number"},
        RefusedRow{"BodyOfAGet", request_of("GET", "/api/v1/devices", "{}"), "BAD_REQUEST: GET takes no body"},
        RefusedRow{"OtherNameInBody", request_of("POST", "/api/v1/devices/a:rename", R"({"name":"b"})"),
                   "BAD_REQUEST: name: the body says \"b\", the address \"a\""},
        RefusedRow{"UnknownField", request_of("PUT", "/api/v1/fleets/a", R"({"spec":{"polcy":{}}})"),
                   "BAD_REQUEST: spec.polcy: there is no such field"},
        RefusedRow{"UnknownFieldAtTheTop", request_of("PUT", "/api/v1/fleets/a", R"({"spek":{}})"),
                   "BAD_REQUEST: spek: there is no such field"},
        RefusedRow{"RuleThatIsNotBuilt",
                   request_of("PUT", "/api/v1/fleets/a", R"({"spec":{"policy":{"joiners":"after"}}})"),
                   "NOT_SUPPORTED: spec.policy.joiners: is not supported yet"},
        RefusedRow{"GateOfAWave",
                   request_of("PUT", "/api/v1/fleets/a", R"({"spec":{"policy":{"waves":[{"gates":["checks"]}]}}})"),
                   "NOT_SUPPORTED: spec.policy.waves[0].gates: is not supported yet"}),
    [](const auto& row) { return row.param.name; });

TEST(Bind, OtherContentTypesAreRefused) {
  HttpRequest request = request_of("POST", "/api/v1/devices", "name=x");
  request.headers["content-type"] = "application/x-www-form-urlencoded";
  EXPECT_EQ(told(bind_to(request)).substr(0, 23), "UNSUPPORTED_MEDIA_TYPE:");
}

}  // namespace
}  // namespace kelpie::hub
