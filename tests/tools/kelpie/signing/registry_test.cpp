// Digests asked of a registry that says what the test wrote down: over HTTP on loopback, with and without a token.
#include "tools/kelpie/signing/registry.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <thread>

#include <fmt/core.h>
#include <gtest/gtest.h>

namespace kelpie::cli {
namespace {

/// Answers one call after another, each on a connection of its own.
class Registry {
 public:
  explicit Registry(std::function<std::string(const std::string& request, const std::string& host)> answer)
      : answer_(std::move(answer)), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(listener_, reinterpret_cast<const sockaddr*>(&address), size), 0);
    EXPECT_EQ(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    EXPECT_EQ(listen(listener_, 4), 0);
    host_ = fmt::format("127.0.0.1:{}", ntohs(address.sin_port));
    thread_ = std::jthread([this] { serve(); });
  }
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;
  ~Registry() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  [[nodiscard]] const std::string& host() const { return host_; }

 private:
  void serve() {
    for (;;) {
      const int peer = accept(listener_, nullptr, nullptr);
      if (peer < 0) return;
      std::string request;
      std::string block(4'096, '\0');
      while (request.find("\r\n\r\n") == std::string::npos) {
        const ssize_t got = read(peer, block.data(), block.size());
        if (got <= 0) break;
        request.append(block, 0, static_cast<std::size_t>(got));
      }
      const std::string response = answer_(request, host_);
      EXPECT_GE(send(peer, response.data(), response.size(), MSG_NOSIGNAL), 0);
      close(peer);
    }
  }

  std::function<std::string(const std::string&, const std::string&)> answer_;
  int listener_;
  std::string host_;
  std::jthread thread_;
};

std::string response(std::string_view status, std::string_view headers, std::string_view body) {
  return fmt::format("HTTP/1.1 {}\r\n{}Content-Length: {}\r\nConnection: close\r\n\r\n{}", status, headers, body.size(),
                     body);
}

constexpr const char* kManifest = R"({"schemaVersion":2})";
constexpr const char* kDigest = "sha256:4134dcdd95dde0e5ac8fd01d7b7e0ee3ce6fd2ddbde7b4e4a7f3b8a36e2b4f0b";

TEST(Registry, TheBytesOfTheManifestAreHashedHere) {
  const Registry registry([](const std::string& request, const std::string& /*host*/) {
    EXPECT_TRUE(request.starts_with("GET /v2/nodered/node-red/manifests/3.1 HTTP/1.1\r\n")) << request;
    return response("200 OK", fmt::format("Docker-Content-Digest: {}\r\n", kDigest), kManifest);
  });
  const Result<std::string> digest = resolve_digest(registry.host() + "/nodered/node-red:3.1");
  ASSERT_TRUE(digest) << digest.error().message;
  EXPECT_EQ(*digest, "sha256:bafebd36189ad3688b7b3915ea55d461e0bfcfbdde11e54b0a123999fb6be50f");
}

TEST(Registry, AnAnonymousTokenIsFetchedWhereOneIsWanted) {
  const Registry registry([](const std::string& request, const std::string& host) {
    if (request.starts_with("GET /token?")) {
      EXPECT_TRUE(request.starts_with("GET /token?service=the%20registry&scope=repository:a/b:pull ")) << request;
      return response("200 OK", "", R"({"token":"t0k"})");
    }
    if (request.find("Authorization: Bearer t0k\r\n") != std::string::npos) return response("200 OK", "", kManifest);
    return response(
        "401 Unauthorized",
        fmt::format("WWW-Authenticate: Bearer realm=\"http://{}/token\",service=\"the registry\"\r\n", host), "{}");
  });
  EXPECT_TRUE(resolve_digest(registry.host() + "/a/b:1"));
}

TEST(Registry, WhatIsNotThereOrNoManifestIsTold) {
  std::string status = "404 Not Found";
  std::string body = "{}";
  const Registry registry(
      [&](const std::string& /*request*/, const std::string& /*host*/) { return response(status, "", body); });
  const std::string ref = registry.host() + "/a/b:1";
  EXPECT_EQ(resolve_digest(ref).error().message, "the registry has no image " + ref);
  status = "200 OK";
  body = "<html>login</html>";
  EXPECT_EQ(resolve_digest(ref).error().message, "the registry's answer about " + ref + " is no image manifest");
  status = "503 Service Unavailable";
  EXPECT_EQ(resolve_digest(ref).error().message, "the registry answers 503 about " + ref);
  status = "401 Unauthorized";
  EXPECT_EQ(resolve_digest(ref).error().message,
            "the registry of " + ref + " wants a login, which is not supported yet");
}

}  // namespace
}  // namespace kelpie::cli
