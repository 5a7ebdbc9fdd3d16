// HTTP calls against a server that says what the test wrote down, byte for byte.
#include "proto/wire/http_client.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/support/broker.h"
#include "tests/support/one_answer.h"

namespace kelpie::wire {
namespace {

using kelpie::test::OneAnswer;

HttpRequest request_to(const OneAnswer& answer) {
  return {.url = "http://hub/v1/fleet", .unix_socket = answer.socket()};
}

TEST(HttpClient, AnAnswerCarriesItsChallenge) {
  OneAnswer answer(
      "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"https://a/t\"\r\nContent-Length: 0\r\n\r\n");
  const Result<HttpResponse> response = http_call(request_to(answer));
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 401);
  EXPECT_EQ(response->challenge, "Bearer realm=\"https://a/t\"");
}

TEST(HttpClient, BringsStatusTypeAndBody) {
  const OneAnswer answer("HTTP/1.1 409 Conflict\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
  const Result<HttpResponse> response = http_call(request_to(answer));

  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 409);
  EXPECT_EQ(response->content_type, "application/json");
  EXPECT_EQ(response->body, "{}");
}

TEST(HttpClient, SendsMethodHeadersAndBody) {
  OneAnswer answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  HttpRequest request = request_to(answer);
  request.method = "PUT";
  request.headers = {{"Authorization", "Bearer x"}};
  request.body = "{\"a\":1}";
  ASSERT_TRUE(http_call(request));

  const std::string received = answer.received();
  EXPECT_TRUE(received.starts_with("PUT /v1/fleet HTTP/1.1\r\n")) << received;
  EXPECT_NE(received.find("\r\nAuthorization: Bearer x\r\n"), std::string::npos) << received;
  EXPECT_NE(received.find("\r\nContent-Length: 7\r\n"), std::string::npos) << received;
}

TEST(HttpClient, StopsAtItsCap) {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";
  const OneAnswer fits(head + "0123456789");
  HttpRequest request = request_to(fits);
  request.response_bytes_max = 10;
  EXPECT_TRUE(http_call(request));

  const OneAnswer large(head + "0123456789");
  request = request_to(large);
  request.response_bytes_max = 9;
  const Result<HttpResponse> response = http_call(request);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::ResourceExhausted);
}

TEST(HttpClient, GivesUpWhenItsTimeIsOver) {
  const OneAnswer silent("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234", OneAnswer::Then::HoldOpen);
  HttpRequest request = request_to(silent);
  request.timeout = std::chrono::milliseconds(100);
  const Result<HttpResponse> response = http_call(request);

  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::DeadlineExceeded);
}

TEST(HttpClient, RefusesABodyThatWasCutShort) {
  const OneAnswer answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234");
  const Result<HttpResponse> response = http_call(request_to(answer));

  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::Unavailable);
}

TEST(HttpStream, PassesBytesOnUntilTheCallerHasEnough) {
  const OneAnswer answer("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nline\n", OneAnswer::Then::HoldOpen);
  std::string seen;
  const Result<HttpResponse> response = http_stream(request_to(answer), [&](std::string_view bytes) {
    seen += bytes;
    return !seen.ends_with('\n');
  });

  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(seen, "line\n");
  EXPECT_TRUE(response->body.empty());
}

TEST(HttpStream, EndsWhenTheCallerIsDoneThoughNothingMoreArrives) {
  const OneAnswer answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n", OneAnswer::Then::HoldOpen);
  std::string received;

  const Result<HttpResponse> response = http_stream(
      request_to(answer),
      [&](std::string_view bytes) {
        received.append(bytes);
        return true;
      },
      [&] { return received.empty(); });

  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(received, "a");
}

TEST(HttpStream, CollectsTheBodyOfARefusal) {
  const OneAnswer answer("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone");
  const Result<HttpResponse> response = http_stream(request_to(answer), [](std::string_view) {
    ADD_FAILURE() << "a refusal is no stream";
    return true;
  });

  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 404);
  EXPECT_EQ(response->body, "none");
}

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
