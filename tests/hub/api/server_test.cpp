// The real server over a Unix socket and over TCP, with a real client.
#include "hub/api/server.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "hub/api/auth.h"
#include "proto/base/fd.h"
#include "tests/hub/api/fake_hub.h"

namespace kelpie::hub {
namespace {

using namespace std::chrono_literals;
using test::FakeHub;
using test::told;

std::string token_line(const std::string& role, const std::string& name, const std::string& token) {
  return fmt::format("{} {} {} -\n", role, name, blake2b_256(token).hex());
}

/// "200 body"
std::string answer(const wire::HttpRequest& request) {
  const Result<wire::HttpResponse> out = wire::http_call(request);
  return out ? fmt::format("{} {}", out->status, out->body) : out.error().message;
}
/// "404 DEVICE_UNKNOWN"
std::string status_and_reason(const wire::HttpRequest& request) {
  const std::string text = answer(request);
  const std::size_t at = text.find("\"reason\":\"");
  if (at == std::string::npos) return text.substr(0, 3);
  return text.substr(0, 4) + text.substr(at + 10, text.find('"', at + 10) - at - 10);
}

constexpr const char* kAddBody = R"({"name":"pi-1","fingerprint":"9c4177d000000000000000000000e2b8"})";

TEST(Server, AddsAndShowsADeviceOverTheSocket) {
  const FakeHub hub;
  const std::string added = answer(hub.on_socket("POST", "/api/v1/devices", kAddBody));
  EXPECT_EQ(added.substr(0, 4), "200 ") << added;
  EXPECT_NE(added.find(R"("name":"pi-1","id":"9c4177d000000000000000000000e2b8","revision":1)"), std::string::npos);
  const std::string listed = answer(hub.on_socket("GET", "/api/v1/devices"));
  EXPECT_NE(listed.find(R"("kind":"DeviceList")"), std::string::npos) << listed;
  EXPECT_NE(listed.find(R"("name":"pi-1")"), std::string::npos);
  EXPECT_EQ(status_and_reason(hub.on_socket("GET", "/api/v1/devices/pi-2")), "404 DEVICE_UNKNOWN");
  EXPECT_EQ(hub.taken()[0], "AddDevice by " + caller_of_peer(geteuid()).name);
}

TEST(Server, TheSocketIsForItsGroupOnly) {
  const FakeHub hub;
  struct stat status {};
  ASSERT_EQ(stat(hub.socket_path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0660U);
}

TEST(Server, TheSameKeyDoesNothingTwice) {
  const FakeHub hub;
  wire::HttpRequest request = hub.on_socket("POST", "/api/v1/devices", kAddBody);
  request.headers.emplace_back("Idempotency-Key", "01J");
  const std::string first = answer(request);
  EXPECT_EQ(first.substr(0, 4), "200 ");
  EXPECT_EQ(answer(request), first);
  request.body = R"({"name":"pi-2","fingerprint":"9c4177d000000000000000000000e2b9"})";
  EXPECT_EQ(status_and_reason(request), "409 IDEMPOTENCY_KEY");
  request.headers.back().second = "two words";
  EXPECT_EQ(status_and_reason(request), "400 BAD_REQUEST");
}

TEST(Server, AFleetIsOnlyAppliedOverTheRevisionThatWasRead) {
  const FakeHub hub;
  wire::HttpRequest request = hub.on_socket("PUT", "/api/v1/fleets/edge", R"({"spec":{"selector":"role=edge"}})");
  EXPECT_EQ(status_and_reason(request), "200");
  request.body = R"({"spec":{"selector":"role=other"}})";
  request.headers.emplace_back("If-Match", "\"7\"");
  EXPECT_EQ(status_and_reason(request), "409 STALE");
  request.headers.back().second = "\"1\"";
  EXPECT_EQ(status_and_reason(request), "200");
  request.headers.back().second = "newest";
  EXPECT_EQ(status_and_reason(request), "400 BAD_REQUEST");
}

TEST(Server, ADryRunShowsAndChangesNothing) {
  const FakeHub hub;
  const std::string shown = answer(hub.on_socket("POST", "/api/v1/devices?dryRun=true", kAddBody));
  EXPECT_NE(shown.find(R"("name":"pi-1")"), std::string::npos) << shown;
  EXPECT_EQ(status_and_reason(hub.on_socket("GET", "/api/v1/devices/pi-1")), "404 DEVICE_UNKNOWN");
}

TEST(Server, TheCallersRequestIdComesBack) {
  const FakeHub hub;
  wire::HttpRequest request = hub.on_socket("GET", "/api/v1/devices/pi-2");
  request.headers.emplace_back("X-Request-Id", "my-1");
  EXPECT_NE(answer(request).find(R"("requestId":"my-1")"), std::string::npos);
  request.headers.back().second = "not an id";
  EXPECT_EQ(answer(request).find("not an id"), std::string::npos);
}

TEST(Server, OverTcpATokenSaysWhoAndWhat) {
  const FakeHub hub(token_line("viewer", "page", "see") + token_line("admin", "ana", "all"));
  EXPECT_EQ(status_and_reason(hub.on_tcp("GET", "/api/v1/devices", "")), "401 UNAUTHENTICATED");
  EXPECT_EQ(status_and_reason(hub.on_tcp("GET", "/api/v1/devices", "wrong")), "401 UNAUTHENTICATED");
  EXPECT_EQ(status_and_reason(hub.on_tcp("GET", "/api/v1/devices", "see")), "200");
  wire::HttpRequest add = hub.on_tcp("POST", "/api/v1/devices", "see");
  add.body = kAddBody;
  EXPECT_EQ(status_and_reason(add), "403 ROLE_TOO_LOW");
  add = hub.on_tcp("POST", "/api/v1/devices", "all");
  add.body = kAddBody;
  EXPECT_EQ(status_and_reason(add), "200");
  EXPECT_EQ(hub.taken(), (std::vector<std::string>{"ListDevices by page", "AddDevice by ana"}));
}

TEST(Server, ARevokedTokenEndsAtOnce) {
  const FakeHub hub(token_line("viewer", "page", "see"));
  EXPECT_EQ(status_and_reason(hub.on_tcp("GET", "/api/v1/devices", "see")), "200");
  std::ofstream(hub.dir() / "tokens") << "";
  EXPECT_EQ(status_and_reason(hub.on_tcp("GET", "/api/v1/devices", "see")), "401 UNAUTHENTICATED");
}

TEST(Server, GuessingTokensClosesTheDoor) {
  const FakeHub hub(token_line("viewer", "page", "see"));
  for (std::size_t i = 0; i < kAuthFailuresPerMinute; ++i) {
    EXPECT_EQ(status_and_reason(hub.on_tcp("GET", "/api/v1/devices", "guess")), "401 UNAUTHENTICATED");
  }
  EXPECT_EQ(status_and_reason(hub.on_tcp("GET", "/api/v1/devices", "see")), "429 RATE_LIMITED");
}

TEST(Server, AReboundNameIsRefusedBeforeItsToken) {
  const FakeHub hub(token_line("viewer", "page", "see"));
  wire::HttpRequest request = hub.on_tcp("GET", "/api/v1/devices", "see");
  request.headers.emplace_back("Host", "evil.example");
  EXPECT_EQ(status_and_reason(request), "403 HOST_REFUSED");
}

TEST(Server, ListensOnLoopbackOnly) {
  const test::TempDir dir;
  for (const char* address : {"0.0.0.0:0", "192.0.2.1:0", "hub.example:80", "127.0.0.1", "[::]:0"}) {
    EXPECT_EQ(told(Server::start({.listen = address}, [](const ApiCall&) { return true; })).substr(0, 17),
              "INVALID_ARGUMENT:")
        << address;
  }
}

TEST(Server, ReplacesADeadHubsSocketButNotALiveOnes) {
  const test::TempDir dir;
  const auto start = [&] {
    return Server::start({.socket_path = dir / "s", .listen = ""}, [](const ApiCall&) { return true; });
  };
  const auto first = start();
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(told(start()).substr(0, 15), "ALREADY_EXISTS:");
  (*first)->stop();
  EXPECT_FALSE(std::filesystem::exists(dir / "s"));
  std::ofstream(dir / "s") << "a file";
  EXPECT_EQ(told(start()).substr(0, 15), "ALREADY_EXISTS:");
}

TEST(Server, ABodyHasALimit) {
  const FakeHub hub({}, [](ServerOptions& options) { options.request_bytes_max = 1'000; });
  EXPECT_EQ(status_and_reason(hub.on_socket("POST", "/api/v1/devices", std::string(1'001, ' '))), "413 TOO_LARGE");
  EXPECT_EQ(status_and_reason(hub.on_socket("POST", "/api/v1/devices", std::string(1'000, ' '))), "400 BAD_REQUEST");
  EXPECT_TRUE(hub.taken().empty());
}

TEST(Server, LivesAndIsReadyWhileTheLoopAnswers) {
  FakeHub hub({}, [](ServerOptions& options) { options.wait_max = 50ms; });
  EXPECT_EQ(answer(hub.on_tcp("GET", "/livez", "")), "200 ok\n");
  EXPECT_EQ(answer(hub.on_tcp("GET", "/readyz", "")), "200 ok\n");
  hub.lose_broker();
  EXPECT_EQ(answer(hub.on_tcp("GET", "/readyz", "")), "503 no link to the broker\n");
  hub.fall_silent();
  EXPECT_EQ(answer(hub.on_tcp("GET", "/livez", "")), "200 ok\n");
  EXPECT_EQ(answer(hub.on_tcp("GET", "/readyz", "")).substr(0, 3), "504");
}

TEST(Server, AConnectionWithoutARequestIsClosedSoon) {
  const FakeHub hub({}, [](ServerOptions& options) { options.head_max = 1s; });
  const Fd fd(socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  hub.socket_path().copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_TRUE(write_all(fd, "GET /livez HTTP/1.1\r\n"));
  pollfd closed{.fd = fd.get(), .events = POLLIN, .revents = 0};
  constexpr int kPatienceMs = 20'000;
  EXPECT_EQ(poll(&closed, 1, kPatienceMs), 1);
}

TEST(Server, MetricsAreForViewers) {
  const FakeHub hub;
  EXPECT_EQ(status_and_reason(hub.on_tcp("GET", "/metrics", "")), "401 UNAUTHENTICATED");
  const std::string text = answer(hub.on_socket("GET", "/metrics"));
  EXPECT_NE(text.find("kelpie_broker_connected 1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("kelpie_devices_connection{state=\"online\"} 0\n"), std::string::npos);
}

TEST(Server, AFullInboxIsToldAtOnce) {
  const test::TempDir dir;
  const auto server = Server::start({.socket_path = dir / "s", .listen = ""}, [](const ApiCall&) { return false; });
  ASSERT_TRUE(server) << server.error().message;
  EXPECT_EQ(status_and_reason({.url = "http://hub/api/v1/devices", .unix_socket = dir / "s"}), "503 QUEUE_FULL");
}

TEST(Server, WhoeverWaitsIsAnsweredWhenItStops) {
  FakeHub hub;
  hub.fall_silent();
  std::string told_caller;
  std::jthread caller([&] { told_caller = status_and_reason(hub.on_socket("GET", "/api/v1/devices")); });
  while (hub.taken().empty()) std::this_thread::yield();
  hub.server().stop();
  caller.join();
  EXPECT_EQ(told_caller, "503 STOPPING");
}

TEST(Server, KeepsArtifactsUnderTheirHash) {
  const FakeHub hub;
  const std::string bytes(100'000, 'x');
  const std::string path = "/artifacts/" + blake2b_256(bytes).hex();
  EXPECT_EQ(status_and_reason(hub.on_socket("GET", path)).substr(0, 3), "404");
  EXPECT_EQ(answer(hub.on_socket("PUT", path, bytes)).substr(0, 4), "201 ");
  EXPECT_EQ(answer(hub.on_socket("GET", path)), "200 " + bytes);
  wire::HttpRequest part = hub.on_socket("GET", path);
  part.headers.emplace_back("Range", "bytes=0-4");
  EXPECT_EQ(answer(part), "206 xxxxx");
  wire::HttpRequest beyond = hub.on_socket("GET", path);
  beyond.headers.emplace_back("Range", "bytes=100000-");
  EXPECT_EQ(status_and_reason(beyond), "416 RANGE_NOT_SATISFIABLE");
  EXPECT_EQ(status_and_reason(hub.on_socket("PUT", path, "other")), "400 DIGEST_MISMATCH");
  EXPECT_EQ(status_and_reason(hub.on_socket("DELETE", path)), "405 METHOD_NOT_ALLOWED");
}

TEST(Server, AnUploadByAViewerIsRefused) {
  const FakeHub hub(token_line("viewer", "page", "see"));
  wire::HttpRequest put = hub.on_tcp("PUT", "/artifacts/" + blake2b_256("x").hex(), "see");
  put.body = "x";
  EXPECT_EQ(status_and_reason(put), "403 ROLE_TOO_LOW");
}

}  // namespace
}  // namespace kelpie::hub
