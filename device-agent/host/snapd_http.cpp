#include "device-agent/host/snapd_http.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

#include <fmt/core.h>

#include "proto/base/fd.h"

namespace kelpie::agent {
namespace {

constexpr std::size_t kReplyBytesMax = 4U << 20U;  // chosen: a list of every snap and app is some 300 KiB
constexpr std::string_view kHeadEnd = "\r\n\r\n";

tl::unexpected<Error> lost(std::string_view what) {
  return fail(Code::Unavailable, fmt::format("cannot {} snapd: {}", what, std::strerror(errno)));
}
tl::unexpected<Error> no_http(std::string_view what) {
  return fail(Code::Unavailable, fmt::format("snapd's answer has {}", what));
}

/// Errors: DeadlineExceeded when the socket is not ready in time.
Result<void> await(int fd, std::int16_t events, SteadyTime deadline) {
  for (;;) {
    const std::int64_t left = (deadline - SystemClock().steady()).count();
    if (left <= 0) return fail(Code::DeadlineExceeded, "snapd did not answer in time");
    pollfd polled{.fd = fd, .events = events, .revents = 0};
    if (poll(&polled, 1, static_cast<int>(std::min<std::int64_t>(left, INT32_MAX))) > 0) return {};
  }
}

Result<void> connect_to(int fd, const std::string& path, SteadyTime deadline) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return fail(Code::Unavailable, fmt::format("\"{}\" is too long for the path of a socket", path));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  // A full backlog says EAGAIN and is asked again; nothing else of a Unix socket is slow.
  while (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    if (errno != EAGAIN && errno != EINTR) {
      return fail(errno == ENOENT ? Code::NotFound : Code::Unavailable,
                  fmt::format("cannot connect to snapd at \"{}\": {}", path, std::strerror(errno)));
    }
    if (SystemClock().steady() >= deadline) return fail(Code::DeadlineExceeded, "snapd did not answer in time");
    constexpr int kAgainMs = 10;
    static_cast<void>(poll(nullptr, 0, kAgainMs));
  }
  return {};
}

Result<void> send_all(int fd, std::string_view bytes, SteadyTime deadline) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return lost("write to");
    if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
    if (!bytes.empty()) KELPIE_TRY(await(fd, POLLOUT, deadline));
  }
  return {};
}

/// To the end of the connection: we ask snapd to close it.
Result<std::string> receive_all(int fd, SteadyTime deadline) {
  std::string out;
  std::array<char, 16'384> buffer{};
  for (;;) {
    KELPIE_TRY(await(fd, POLLIN, deadline));
    const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got < 0) return lost("read from");
    if (got == 0) return out;
    out.append(buffer.data(), static_cast<std::size_t>(got));
    if (out.size() > kReplyBytesMax) {
      return fail(Code::ResourceExhausted, fmt::format("snapd's answer has more than {} bytes", kReplyBytesMax));
    }
  }
}

/// Value of a header, lower case; empty when there is none.
std::string header(std::string_view head, std::string_view name) {
  const auto lower = [](std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
    return out;
  };
  const std::string all = lower(head);
  const std::size_t at = all.find(fmt::format("\r\n{}:", name));
  if (at == std::string::npos) return {};
  const std::size_t from = std::min(all.find_first_not_of(' ', at + name.size() + 3), all.size());
  return all.substr(from, all.find("\r\n", from) - from);
}

std::optional<std::size_t> number(std::string_view text, int base) {
  std::size_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return out;
}

Result<std::string> join_chunks(std::string_view rest) {
  std::string out;
  for (;;) {
    const std::size_t line_end = rest.find("\r\n");
    if (line_end == std::string_view::npos) return no_http("a cut chunk");
    const std::string_view line = rest.substr(0, line_end);
    const std::optional<std::size_t> size = number(line.substr(0, line.find(';')), 16);
    rest.remove_prefix(line_end + 2);
    if (!size || *size > rest.size()) return no_http("a cut chunk");
    if (*size == 0) return out;
    out.append(rest.substr(0, *size));
    rest.remove_prefix(std::min(*size + 2, rest.size()));
  }
}

Result<SnapdReply> parse_reply(std::string_view bytes) {
  constexpr std::string_view kVersion = "HTTP/1.1 ";
  constexpr std::size_t kStatusDigits = 3;
  const std::size_t head_end = bytes.find(kHeadEnd);
  if (!bytes.starts_with(kVersion) || head_end == std::string_view::npos) return no_http("no head");
  const std::string_view head = bytes.substr(0, head_end);
  const std::optional<std::size_t> status = number(head.substr(kVersion.size(), kStatusDigits), 10);
  if (!status) return no_http("no status");
  SnapdReply out{.status = static_cast<int>(*status), .body = {}};
  const std::string_view rest = bytes.substr(head_end + kHeadEnd.size());
  if (header(head, "transfer-encoding") == "chunked") {
    KELPIE_TRY(out.body, join_chunks(rest));
    return out;
  }
  const std::string length = header(head, "content-length");
  const std::optional<std::size_t> said = number(length, 10);
  // snapd restarts in the middle of answers: half of one must not pass for a whole one.
  if (!said || *said != rest.size()) return no_http(fmt::format("{} bytes, said are \"{}\"", rest.size(), length));
  out.body = rest;
  return out;
}

}  // namespace

Result<SnapdReply> SnapdHttp::request(const std::string& method, const std::string& path, const std::string& body,
                                      Duration limit) {
  const SteadyTime deadline = SystemClock().steady() + limit;
  const Fd connection(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (connection.get() < 0) return lost("make a socket for");
  KELPIE_TRY(connect_to(connection.get(), socket_path_, deadline));
  std::string text = fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n", method, path);
  if (!body.empty()) text += fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", body.size());
  text.append("\r\n").append(body);
  KELPIE_TRY(send_all(connection.get(), text, deadline));
  KELPIE_TRY(const std::string reply, receive_all(connection.get(), deadline));
  return parse_reply(reply);
}

}  // namespace kelpie::agent
