// snapd over its socket: whole answers in both lengths, and everything that is not one.
#include "device-agent/host/snapd_http.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <thread>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "device-agent/host/system_files.h"
#include "tests/support/child.h"
#include "tests/support/temp_dir.h"

namespace kelpie::agent {
namespace {

using namespace std::chrono_literals;

/// Takes one connection, reads the request's head and says what it was told to say; then closes, or stays silent.
class Snapd {
 public:
  explicit Snapd(std::string answer, bool closes = true) {
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path().c_str(), sizeof(address.sun_path) - 1);
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(listen(listener_, 1), 0);
    thread_ = std::jthread([this, answer = std::move(answer), closes] { serve(answer, closes); });
  }
  ~Snapd() {
    if (thread_.joinable()) thread_.join();
    close(listener_);
    if (connection_ >= 0) close(connection_);
  }
  [[nodiscard]] std::string path() const { return dir_ / "snapd.socket"; }
  [[nodiscard]] std::string asked() {
    thread_.join();
    return asked_;
  }

 private:
  [[nodiscard]] bool is_whole() const {
    constexpr std::string_view kLength = "Content-Length: ";
    const std::size_t end = asked_.find("\r\n\r\n");
    const std::size_t length = asked_.find(kLength);
    if (end == std::string::npos) return false;
    return length == std::string::npos || asked_.size() >= end + 4 + std::stoul(asked_.substr(length + kLength.size()));
  }
  void serve(const std::string& answer, bool closes) {
    connection_ = accept(listener_, nullptr, nullptr);
    std::array<char, 4'096> buffer{};
    while (!is_whole()) {
      const ssize_t got = read(connection_, buffer.data(), buffer.size());
      if (got <= 0) break;
      asked_.append(buffer.data(), static_cast<std::size_t>(got));
    }
    std::string_view rest = answer;
    while (!rest.empty()) {
      const ssize_t sent = send(connection_, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (sent <= 0) break;
      rest.remove_prefix(static_cast<std::size_t>(sent));
    }
    if (closes) shutdown(connection_, SHUT_RDWR);
  }

  test::TempDir dir_;
  int listener_ = -1;
  int connection_ = -1;
  std::string asked_;
  std::jthread thread_;
};

Result<SnapdReply> ask(const Snapd& snapd, Duration limit = 30s) {
  return SnapdHttp(snapd.path()).request("GET", "/v2/snaps/microk8s", "", limit);
}

TEST(SnapdHttp, AsksAsSnapdWantsToBeAsked) {
  Snapd snapd("HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}");
  const Result<SnapdReply> reply = SnapdHttp(snapd.path()).request("POST", "/v2/snaps/microk8s", "{}", 30s);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->status, 202);
  EXPECT_EQ(reply->body, "{}");
  EXPECT_EQ(snapd.asked(),
            "POST /v2/snaps/microk8s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
}

constexpr const char* kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";  // sha256 of "abc"

TEST(SnapdHttp, HandsASnapOverFromTheFileThatWasHashed) {
  const test::TempDir dir;
  test::write_file(dir / kAbc, "abc");
  const Result<Artifact> snap = SystemFiles().open_artifact(dir / kAbc, kAbc, 1'000, {});
  ASSERT_TRUE(snap);
  test::write_file(dir / "other", "xyz");
  std::filesystem::rename(dir / "other", dir / kAbc);  // by somebody, meanwhile
  Snapd snapd("HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}");
  const Result<SnapdReply> reply =
      SnapdHttp(snapd.path()).upload({.flags = {"classic"}, .file_name = "microk8s.snap", .file = *snap}, 30s);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->status, 202);
  const std::string boundary = std::string("kelpie") + kAbc;
  const std::string form = fmt::format(
      "--{0}\r\nContent-Disposition: form-data; name=\"classic\"\r\n\r\ntrue\r\n"
      "--{0}\r\nContent-Disposition: form-data; name=\"snap\"; filename=\"microk8s.snap\"\r\n"
      "Content-Type: application/octet-stream\r\n\r\nabc\r\n--{0}--\r\n",
      boundary);
  EXPECT_EQ(snapd.asked(),
            fmt::format("POST /v2/snaps HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: "
                        "multipart/form-data; boundary={}\r\nContent-Length: {}\r\n\r\n{}",
                        boundary, form.size(), form));
}

TEST(SnapdHttp, AnAssertionIsNoJson) {
  Snapd snapd("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
  ASSERT_TRUE(SnapdHttp(snapd.path()).request("POST", "/v2/assertions", "type: account\n", 30s));
  EXPECT_NE(snapd.asked().find("Content-Type: application/x.ubuntu.assertion\r\n"), std::string::npos);
}

struct Answer {
  const char* name;
  std::string bytes;
  std::string read;  // "status body", or the error's message
};
class SnapdSays : public ::testing::TestWithParam<Answer> {};

TEST_P(SnapdSays, Answer) {
  const Snapd snapd(GetParam().bytes);
  const Result<SnapdReply> reply = ask(snapd);
  EXPECT_EQ(reply ? std::to_string(reply->status) + " " + reply->body : reply.error().message, GetParam().read);
  EXPECT_TRUE(reply || reply.error().code == Code::Unavailable);
}

INSTANTIATE_TEST_SUITE_P(
    Snapd, SnapdSays,
    ::testing::Values(
        Answer{"NotFound", "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno.", "404 no."},
        Answer{"OfNoLength", "HTTP/1.1 204 No Content\r\ncontent-LENGTH:0\r\n\r\n", "204 "},
        Answer{"Chunked",
               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n 1 2 3 4 5\r\n0\r\n\r\n",
               "200 hello 1 2 3 4 5"},
        Answer{"Empty", "", "snapd's answer has no head"},
        Answer{"OfAnotherProtocol", "SSH-2.0\r\n\r\n", "snapd's answer has no head"},
        Answer{"WithoutStatus", "HTTP/1.1 OK!\r\n\r\n", "snapd's answer has no status"},
        Answer{"CutInItsHead", "HTTP/1.1 200 OK\r\nContent-Le", "snapd's answer has no head"},
        Answer{"CutInItsBody", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
               "snapd's answer has 4 bytes, said are \"10\""},
        Answer{"WithNoEndToTell", "HTTP/1.1 200 OK\r\n\r\nbody", "snapd's answer has 4 bytes, said are \"\""},
        Answer{"CutInAChunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf",
               "snapd's answer has a cut chunk"},
        Answer{"CutBetweenChunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
               "snapd's answer has a cut chunk"},
        Answer{"OfNoChunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
               "snapd's answer has a cut chunk"}),
    [](const auto& one) { return one.param.name; });

TEST(SnapdHttp, TooLargeIsGivenUp) {
  const Snapd snapd("HTTP/1.1 200 OK\r\n\r\n" + std::string(5U << 20U, 'x'));
  EXPECT_EQ(ask(snapd).error().code, Code::ResourceExhausted);
}

TEST(SnapdHttp, SilenceEndsAtTheDeadline) {
  const Snapd snapd("HTTP/1.1 200 OK\r\n", false);
  EXPECT_EQ(ask(snapd, 50ms).error().code, Code::DeadlineExceeded);
}

TEST(SnapdHttp, WithoutSocketItIsNotFound) {
  const test::TempDir dir;
  SnapdHttp snapd(dir / "none");
  const Result<SnapdReply> reply = snapd.request("GET", "/v2/system-info", "", 30s);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::NotFound);
  EXPECT_NE(reply.error().message.find("No such file"), std::string::npos);
  EXPECT_EQ(SnapdHttp(std::string(200, 'x')).request("GET", "/", "", 30s).error().code, Code::Unavailable);
}

}  // namespace
}  // namespace kelpie::agent
