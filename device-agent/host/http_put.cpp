#include "device-agent/host/http_put.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include <fmt/core.h>

#include "device-agent/host/http_exchange.h"
#include "proto/base/fd.h"

namespace kelpie::agent {
namespace {

struct Address {
  sockaddr_storage bytes{};
  socklen_t size = 0;
  std::string host;  // with the port, for the header
  std::string path;
};

tl::unexpected<Error> refuse(const std::string& url) {
  return fail(Code::PermissionDenied,
              fmt::format("\"{}\" is no http://127.0.0.1:PORT/ path: archives stay on loopback until TLS comes", url));
}

/// A number and nothing else: a name could be answered with anything.
bool set_host(Address& address, const std::string& host, std::uint16_t port) {
  in_addr v4{};
  constexpr std::uint32_t kLoopbackNet = 127;
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1 && ntohl(v4.s_addr) >> 24U == kLoopbackNet) {
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_addr = v4;
    out.sin_port = htons(port);
    std::memcpy(&address.bytes, &out, sizeof out);
    address.size = sizeof out;
    return true;
  }
  if (host != "[::1]") return false;
  sockaddr_in6 out{};
  out.sin6_family = AF_INET6;
  out.sin6_addr = in6addr_loopback;
  out.sin6_port = htons(port);
  std::memcpy(&address.bytes, &out, sizeof out);
  address.size = sizeof out;
  return true;
}

Result<Address> parse_address(const std::string& url) {
  constexpr std::string_view kScheme = "http://";
  const std::size_t slash = url.find('/', kScheme.size());
  const bool is_plain = std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (!url.starts_with(kScheme) || slash == std::string::npos || !is_plain) return refuse(url);
  Address out{.host = url.substr(kScheme.size(), slash - kScheme.size()), .path = url.substr(slash)};
  const std::size_t colon = out.host.rfind(':');
  if (colon == std::string::npos) return refuse(url);
  std::uint16_t port = 0;
  const char* const end = out.host.data() + out.host.size();
  const auto [at, error] = std::from_chars(out.host.data() + colon + 1, end, port);
  if (error != std::errc{} || at != end || port == 0) return refuse(url);
  if (!set_host(out, out.host.substr(0, colon), port)) return refuse(url);
  return out;
}

Result<void> connect_to(const Address& address, const HttpPeer& peer) {
  const auto refused = [&](int error) {
    return fail(Code::Unavailable,
                fmt::format("cannot connect to the hub at {}: {}", address.host, std::strerror(error)));
  };
  if (connect(peer.fd, reinterpret_cast<const sockaddr*>(&address.bytes), address.size) == 0) return {};
  if (errno != EINPROGRESS) return refused(errno);
  KELPIE_TRY(await_ready(peer, POLLOUT));
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(peer.fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return refused(errno);
  if (error != 0) return refused(error);
  return {};
}

}  // namespace

Result<UploadReply> put_on_loopback(const Upload& upload) {
  KELPIE_TRY(const Address address, parse_address(upload.url));
  const Fd connection(socket(address.bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!connection.is_open()) {
    return fail(Code::Unavailable, fmt::format("cannot make a socket for the hub: {}", std::strerror(errno)));
  }
  const HttpPeer peer{.name = "the hub", .fd = connection.get(), .deadline = SystemClock().steady() + upload.limit};
  KELPIE_TRY(connect_to(address, peer));
  const std::string head = fmt::format(
      "PUT {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAuthorization: Bearer {}\r\nContent-Type: "
      "application/gzip\r\n"
      "Content-Length: {}\r\n",
      address.path, address.host, upload.token, upload.body.size());
  KELPIE_TRY(HttpReply reply, http_exchange(peer, head, upload.body));
  return UploadReply{.status = reply.status, .body = std::move(reply.body)};
}

}  // namespace kelpie::agent
