#include "device-agent/host/http_exchange.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

#include <fmt/core.h>

namespace kelpie::agent {
namespace {

constexpr std::size_t kReplyBytesMax = 4U << 20U;  // chosen: snapd's list of every snap and app is some 300 KiB
constexpr std::string_view kHeadEnd = "\r\n\r\n";

tl::unexpected<Error> lost(const HttpPeer& peer, std::string_view what) {
  return fail(Code::Unavailable, fmt::format("cannot {} {}: {}", what, peer.name, std::strerror(errno)));
}
tl::unexpected<Error> no_http(const HttpPeer& peer, std::string_view what) {
  return fail(Code::Unavailable, fmt::format("{}'s answer has {}", peer.name, what));
}

Result<void> send_all(const HttpPeer& peer, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(peer.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return lost(peer, "write to");
    if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
    if (!bytes.empty()) KELPIE_TRY(await_ready(peer, POLLOUT));
  }
  return {};
}

Result<void> send_file(const HttpPeer& peer, int file, std::uint64_t bytes) {
  std::array<char, 65'536> buffer{};
  for (std::uint64_t at = 0; at < bytes;) {
    const std::size_t piece = std::min<std::uint64_t>(buffer.size(), bytes - at);
    const ssize_t got = pread(file, buffer.data(), piece, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return fail(Code::DataLoss, fmt::format("the file for {} ends early", peer.name));
    KELPIE_TRY(send_all(peer, std::string_view(buffer.data(), static_cast<std::size_t>(got))));
    at += static_cast<std::uint64_t>(got);
  }
  return {};
}

/// To the end of the connection: we ask the peer to close it.
Result<std::string> receive_all(const HttpPeer& peer) {
  std::string out;
  std::array<char, 16'384> buffer{};
  for (;;) {
    KELPIE_TRY(await_ready(peer, POLLIN));
    const ssize_t got = recv(peer.fd, buffer.data(), buffer.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got < 0) return lost(peer, "read from");
    if (got == 0) return out;
    out.append(buffer.data(), static_cast<std::size_t>(got));
    if (out.size() > kReplyBytesMax) {
      return fail(Code::ResourceExhausted,
                  fmt::format("{}'s answer has more than {} bytes", peer.name, kReplyBytesMax));
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

Result<std::string> join_chunks(const HttpPeer& peer, std::string_view rest) {
  std::string out;
  for (;;) {
    const std::size_t line_end = rest.find("\r\n");
    if (line_end == std::string_view::npos) return no_http(peer, "a cut chunk");
    const std::string_view line = rest.substr(0, line_end);
    const std::optional<std::size_t> size = number(line.substr(0, line.find(';')), 16);
    rest.remove_prefix(line_end + 2);
    if (!size || *size > rest.size()) return no_http(peer, "a cut chunk");
    if (*size == 0) return out;
    out.append(rest.substr(0, *size));
    rest.remove_prefix(std::min(*size + 2, rest.size()));
  }
}

Result<HttpReply> parse_reply(const HttpPeer& peer, std::string_view bytes) {
  constexpr std::string_view kVersion = "HTTP/1.1 ";
  constexpr std::size_t kStatusDigits = 3;
  const std::size_t head_end = bytes.find(kHeadEnd);
  if (!bytes.starts_with(kVersion) || head_end == std::string_view::npos) return no_http(peer, "no head");
  const std::string_view head = bytes.substr(0, head_end);
  const std::optional<std::size_t> status = number(head.substr(kVersion.size(), kStatusDigits), 10);
  if (!status) return no_http(peer, "no status");
  HttpReply out{.status = static_cast<int>(*status), .body = {}};
  const std::string_view rest = bytes.substr(head_end + kHeadEnd.size());
  if (header(head, "transfer-encoding") == "chunked") {
    KELPIE_TRY(out.body, join_chunks(peer, rest));
    return out;
  }
  const std::string length = header(head, "content-length");
  const std::optional<std::size_t> said = number(length, 10);
  // Programs end in the middle of answers: half of one must not pass for a whole one.
  if (!said || *said != rest.size())
    return no_http(peer, fmt::format("{} bytes, said are \"{}\"", rest.size(), length));
  out.body = rest;
  return out;
}

}  // namespace

Result<void> await_ready(const HttpPeer& peer, std::int16_t events) {
  for (;;) {
    const std::int64_t left = (peer.deadline - SystemClock().steady()).count();
    if (left <= 0) return fail(Code::DeadlineExceeded, fmt::format("{} did not answer in time", peer.name));
    pollfd polled{.fd = peer.fd, .events = events, .revents = 0};
    if (poll(&polled, 1, static_cast<int>(std::min<std::int64_t>(left, INT32_MAX))) > 0) return {};
  }
}

Result<HttpReply> http_exchange(const HttpPeer& peer, std::string_view head, std::string_view body) {
  KELPIE_TRY(send_all(peer, fmt::format("{}\r\n", head)));
  KELPIE_TRY(send_all(peer, body));
  KELPIE_TRY(const std::string reply, receive_all(peer));
  return parse_reply(peer, reply);
}

Result<HttpReply> http_exchange(const HttpPeer& peer, std::string_view head, const HttpFileBody& body) {
  KELPIE_TRY(send_all(peer, fmt::format("{}\r\n{}", head, body.before)));
  KELPIE_TRY(send_file(peer, body.file, body.bytes));
  KELPIE_TRY(send_all(peer, body.after));
  KELPIE_TRY(const std::string reply, receive_all(peer));
  return parse_reply(peer, reply);
}

}  // namespace kelpie::agent
