// HTTP calls against a server that says what the test wrote down, byte for byte.
#include "proto/wire/http_client.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <thread>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/support/broker.h"

namespace kelpie::wire {
namespace {

/// Answers one call over a Unix socket with fixed bytes, then closes or, when told so, says no more.
class Answer {
 public:
  enum class Then { Close, HoldOpen };

  explicit Answer(std::string response, Then then = Then::Close)
      : response_(std::move(response)), then_(then), listener_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(address.sun_path, sizeof(address.sun_path) - 1);
    EXPECT_EQ(bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(listen(listener_, 1), 0);
    thread_ = std::jthread([this] { serve(); });
  }
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;
  ~Answer() {
    shutdown(listener_, SHUT_RDWR);  // wakes a server that nobody called
    thread_.join();
    close(listener_);
  }

  [[nodiscard]] HttpRequest request() const { return {.url = "http://hub/v1/fleet", .unix_socket = path()}; }
  /// What the client sent; after the call.
  [[nodiscard]] std::string received() {
    thread_.join();
    thread_ = std::jthread([] {});
    return received_;
  }

 private:
  [[nodiscard]] std::string path() const { return folder_ / "socket"; }
  void serve() {
    const int peer = accept(listener_, nullptr, nullptr);
    if (peer < 0) return;
    std::string block(4'096, '\0');
    while (received_.find("\r\n\r\n") == std::string::npos) {
      const ssize_t got = read(peer, block.data(), block.size());
      if (got <= 0) break;
      received_.append(block, 0, static_cast<std::size_t>(got));
    }
    EXPECT_GE(send(peer, response_.data(), response_.size(), MSG_NOSIGNAL), 0);
    if (then_ == Then::HoldOpen) {
      while (read(peer, block.data(), block.size()) > 0) continue;  // until the client gives up
    }
    close(peer);
  }

  const kelpie::test::TempDir folder_;
  const std::string response_;
  const Then then_;
  const int listener_;
  std::string received_;
  std::jthread thread_;
};

TEST(HttpClient, AnAnswerCarriesItsChallenge) {
  Answer answer(
      "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"https://a/t\"\r\nContent-Length: 0\r\n\r\n");
  const Result<HttpResponse> response = http_call(answer.request());
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 401);
  EXPECT_EQ(response->challenge, "Bearer realm=\"https://a/t\"");
}

TEST(HttpClient, BringsStatusTypeAndBody) {
  const Answer answer("HTTP/1.1 409 Conflict\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
  const Result<HttpResponse> response = http_call(answer.request());

  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 409);
  EXPECT_EQ(response->content_type, "application/json");
  EXPECT_EQ(response->body, "{}");
}

TEST(HttpClient, SendsMethodHeadersAndBody) {
  Answer answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  HttpRequest request = answer.request();
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
  const Answer fits(head + "0123456789");
  HttpRequest request = fits.request();
  request.response_bytes_max = 10;
  EXPECT_TRUE(http_call(request));

  const Answer large(head + "0123456789");
  request = large.request();
  request.response_bytes_max = 9;
  const Result<HttpResponse> response = http_call(request);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::ResourceExhausted);
}

TEST(HttpClient, GivesUpWhenItsTimeIsOver) {
  const Answer silent("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234", Answer::Then::HoldOpen);
  HttpRequest request = silent.request();
  request.timeout = std::chrono::milliseconds(100);
  const Result<HttpResponse> response = http_call(request);

  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::DeadlineExceeded);
}

TEST(HttpClient, RefusesABodyThatWasCutShort) {
  const Answer answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234");
  const Result<HttpResponse> response = http_call(answer.request());

  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::Unavailable);
}

TEST(HttpStream, PassesBytesOnUntilTheCallerHasEnough) {
  const Answer answer("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nline\n", Answer::Then::HoldOpen);
  std::string seen;
  const Result<HttpResponse> response = http_stream(answer.request(), [&](std::string_view bytes) {
    seen += bytes;
    return !seen.ends_with('\n');
  });

  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(seen, "line\n");
  EXPECT_TRUE(response->body.empty());
}

TEST(HttpStream, EndsWhenTheCallerIsDoneThoughNothingMoreArrives) {
  const Answer answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n", Answer::Then::HoldOpen);
  std::string received;

  const Result<HttpResponse> response = http_stream(
      answer.request(),
      [&](std::string_view bytes) {
        received.append(bytes);
        return true;
      },
      [&] { return received.empty(); });

  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(received, "a");
}

TEST(HttpStream, CollectsTheBodyOfARefusal) {
  const Answer answer("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone");
  const Result<HttpResponse> response = http_stream(answer.request(), [](std::string_view) {
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
