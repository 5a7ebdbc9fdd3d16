// The way out for archives: one body to one address on this machine, and to no other.
#include "device-agent/host/http_put.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "proto/base/fd.h"

namespace kelpie::agent {
namespace {

using namespace std::chrono_literals;

/// Takes one connection on a free port, reads this many bytes and answers.
class Hub {
 public:
  Hub(std::size_t wanted, std::string answer) : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(listener_.get(), 1), 0);
    EXPECT_EQ(getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this, wanted, answer = std::move(answer)] { serve(wanted, answer); });
  }
  [[nodiscard]] std::string url() const { return fmt::format("http://127.0.0.1:{}/archives/a/b/1", port_); }
  [[nodiscard]] std::string asked() {
    thread_.join();
    return asked_;
  }

 private:
  void serve(std::size_t wanted, const std::string& answer) {
    const Fd connection(accept(listener_.get(), nullptr, nullptr));
    std::array<char, 4'096> buffer{};
    while (asked_.find("\r\n\r\n") == std::string::npos || asked_.size() - asked_.find("\r\n\r\n") - 4 < wanted) {
      const ssize_t got = read(connection.get(), buffer.data(), buffer.size());
      if (got <= 0) return;
      asked_.append(buffer.data(), static_cast<std::size_t>(got));
    }
    EXPECT_TRUE(write_all(connection, answer));
  }

  Fd listener_;
  std::uint16_t port_ = 0;
  std::string asked_;
  std::jthread thread_;
};

TEST(HttpPut, BringsTheBodyAndTheToken) {
  const std::string body(100'000, '\x1f');
  Hub hub(body.size(), "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok");
  const Result<UploadReply> reply = put_on_loopback({.url = hub.url(), .token = "ab12", .body = body, .limit = 20s});
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->status, 201);
  EXPECT_EQ(reply->body, "ok");
  const std::string asked = hub.asked();
  EXPECT_TRUE(asked.starts_with("PUT /archives/a/b/1 HTTP/1.1\r\n")) << asked.substr(0, 200);
  EXPECT_NE(asked.find("\r\nAuthorization: Bearer ab12\r\n"), std::string::npos);
  EXPECT_TRUE(asked.ends_with(body));
}

TEST(HttpPut, HandsOnARefusal) {
  Hub hub(1, "HTTP/1.1 409 Conflict\r\nContent-Length: 4\r\n\r\nover");
  const Result<UploadReply> reply = put_on_loopback({.url = hub.url(), .token = "t", .body = "x", .limit = 20s});
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->status, 409);
  EXPECT_EQ(reply->body, "over");
}

TEST(HttpPut, GoesNowhereButLoopback) {
  for (const char* const url :
       {"http://192.0.2.1:80/x", "http://hub.example:80/x", "http://localhost:80/x", "http://127.0.0.1@192.0.2.1:80/x",
        "http://127.0.0.1.example:80/x", "http://2130706433:80/x", "https://127.0.0.1:80/x", "http://127.0.0.1/x",
        "http://127.0.0.1:0/x", "http://127.0.0.1:99999/x", "http://127.0.0.1:80", "http://[::2]:80/x",
        "http://127.0.0.1:80/x\r\nHost: a", "", "ftp://127.0.0.1:80/x"}) {
    const Result<UploadReply> reply = put_on_loopback({.url = url, .token = "t", .body = "x", .limit = 1s});
    ASSERT_FALSE(reply) << url;
    EXPECT_EQ(reply.error().code, Code::PermissionDenied) << url << ": " << reply.error().message;
  }
}

TEST(HttpPut, SaysThatNobodyListens) {
  std::string url;
  {
    Hub hub(0, "");
    url = hub.url();
    static_cast<void>(put_on_loopback({.url = url, .token = "t", .body = "x", .limit = 20s}));
  }
  const Result<UploadReply> reply = put_on_loopback({.url = url, .token = "t", .body = "x", .limit = 20s});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::Unavailable);
  EXPECT_NE(reply.error().message.find("cannot connect to the hub at 127.0.0.1:"), std::string::npos);
}

}  // namespace
}  // namespace kelpie::agent
