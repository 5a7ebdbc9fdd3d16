// Requests as values and errors as bodies.
#include <gtest/gtest.h>
#include <kelpie/api/v1/api.pb.h>

#include "hub/api/exchange.h"
#include "hub/api/problem.h"
#include "hub/api/render.h"
#include "tests/hub/api/samples.h"

namespace kelpie::hub {
namespace {

using test::told;

TEST(Exchange, SplitsTheTargetAtTheFirstQuestionMark) {
  HttpRequest request;
  set_target(request, "/a%2Fb?x=1?2");
  EXPECT_EQ(request.path, "/a%2Fb");
  EXPECT_EQ(request.query, "x=1?2");
}

TEST(Exchange, DecodesQueries) {
  const Result<Pairs> pairs = parse_query("where=update%3Dfailed&a=b+c&&flag");
  ASSERT_TRUE(pairs) << pairs.error().message;
  EXPECT_EQ(*pairs, (Pairs{{"where", "update=failed"}, {"a", "b c"}, {"flag", ""}}));
}

TEST(Exchange, RefusesBadEscapesControlCharactersAndNoUtf8) {
  EXPECT_EQ(percent_decode("%41").value(), "A");
  EXPECT_FALSE(percent_decode("%4"));
  EXPECT_FALSE(percent_decode("%zz"));
  EXPECT_FALSE(percent_decode("%00"));
  EXPECT_FALSE(percent_decode("%ff"));
  EXPECT_FALSE(percent_decode("%c0%80"));
}

TEST(Exchange, AQueryHasALimit) {
  std::string query;
  for (int i = 0; i < 65; ++i) query += "a=1&";
  EXPECT_EQ(told(parse_query(query)), "INVALID_ARGUMENT: more than 64 query parameters");
}

TEST(Problem, ACodeIsAStatusAndSomeReasonsAreToo) {
  EXPECT_EQ(status_of({.code = Code::NotFound}), 404);
  EXPECT_EQ(status_of({.code = Code::NotSupported}), 501);
  EXPECT_EQ(status_of({.code = Code::PermissionDenied}), 403);
  EXPECT_EQ(status_of(problem(Code::PermissionDenied, kReasonUnauthenticated, "x")), 401);
  EXPECT_EQ(status_of(problem(Code::InvalidArgument, kReasonWrongMethod, "x")), 405);
}

TEST(Problem, SaysWhatWhyWhereAndWhatNext) {
  Error error = problem(Code::InvalidArgument, "X", "spec.policy.waves[1].size: is odd", "try again");
  EXPECT_EQ(error_answer(error, "r1").body,
            R"({"error":{"code":"INVALID_ARGUMENT","reason":"X","message":"spec.policy.waves[1].size: is odd",)"
            R"("hint":"try again","fields":[{"path":"spec.policy.waves[1].size","line":0,"column":0,)"
            R"("message":"is odd"}],"requestId":"r1"}})");
}

TEST(Problem, ATokenIsAskedForInTheHeader) {
  const HttpAnswer answer = error_answer(problem(Code::PermissionDenied, kReasonUnauthenticated, "x"), "r1");
  EXPECT_EQ(answer.status, 401);
  EXPECT_EQ(answer.headers, (Pairs{{"WWW-Authenticate", "Bearer realm=\"kelpie\""}}));
}

TEST(Render, KeysNeverVanishAndRevisionsAreTags) {
  api::v1::Fleet fleet;
  fleet.mutable_metadata()->set_revision(4);
  const HttpAnswer answer = render(fleet, {});
  EXPECT_EQ(answer.headers, (Pairs{{"ETag", "\"4\""}}));
  EXPECT_NE(answer.body.find(R"("apiVersion":"")"), std::string::npos);
}

TEST(Render, GivesProtobufToWhomItSuits) {
  api::v1::Device device;
  device.set_kind("Device");
  HttpRequest request;
  request.headers["accept"] = "application/protobuf";
  const HttpAnswer answer = render(device, request);
  EXPECT_EQ(answer.content_type, "application/protobuf");
  EXPECT_EQ(answer.body, device.SerializeAsString());
}

}  // namespace
}  // namespace kelpie::hub
