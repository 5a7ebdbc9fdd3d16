// HTTP calls: what is wrong before and while connecting. Answers are covered with the hub's API.
#include "proto/wire/http_client.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/support/broker.h"

namespace kelpie::wire {
namespace {

TEST(HttpClient, SaysThatNobodyListens) {
  const HttpRequest request{.url = fmt::format("http://127.0.0.1:{}/", kelpie::test::free_port())};
  const Result<HttpResponse> response = http_call(request);

  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::Unavailable);
  EXPECT_NE(response.error().message.find(request.url), std::string::npos);
}

TEST(HttpClient, SaysThatTheSocketIsMissing) {
  const kelpie::test::TempDir folder;
  const Result<HttpResponse> response = http_call({.url = "http://hub/", .unix_socket = folder / "none"});

  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::Unavailable);
  EXPECT_NE(response.error().message.find(folder / "none"), std::string::npos);
}

TEST(HttpClient, RefusesOtherSchemesAndLineBreaksInHeaders) {
  const std::vector<HttpRequest> requests = {
      {.url = "file:///etc/passwd"}, {.url = "hub"}, {.url = "http://hub/", .headers = {{"A", "b\r\nC: d"}}}};
  for (const HttpRequest& request : requests) {
    const Result<HttpResponse> response = http_call(request);
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, Code::InvalidArgument);
  }
}

}  // namespace
}  // namespace kelpie::wire
