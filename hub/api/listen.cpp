#include "hub/api/listen.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include <fmt/core.h>

#include "proto/base/fd.h"

namespace kelpie::hub {
namespace {

constexpr int kBacklog = 128;  // chosen: a burst of scripts; the kernel's usual cap
constexpr mode_t kSocketMode = S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP;

Error cannot(std::string_view what, const std::string& where) {
  return {.code = Code::Unavailable, .message = fmt::format("cannot {} \"{}\": {}", what, where, std::strerror(errno))};
}

int stream_socket(int family) {
  return socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/// What a dead hub left behind is removed; what somebody uses is not.
Result<void> clear_path(const std::string& path, const sockaddr_un& address) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) return {};
  if (!S_ISSOCK(status.st_mode)) {
    return fail(Code::AlreadyExists, fmt::format("cannot listen on \"{}\": it is there and is no socket", path));
  }
  const Fd probe(stream_socket(AF_UNIX));
  const auto* to = reinterpret_cast<const sockaddr*>(&address);
  if (!probe.is_open()) return fail(cannot("probe", path));
  if (connect(probe.get(), to, sizeof address) == 0 || errno == EAGAIN) {
    return fail(Code::AlreadyExists, fmt::format("cannot listen on \"{}\": another hub does", path));
  }
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return fail(cannot("remove", path));
  return {};
}

struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};

Result<HostPort> host_and_port_of(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  HostPort out;
  bool is_fine = colon != std::string::npos;
  if (is_fine) {
    out.host = address.substr(0, colon);
    const char* const end = address.data() + address.size();
    const auto [rest, error] = std::from_chars(address.data() + colon + 1, end, out.port);
    is_fine = error == std::errc() && rest == end;
  }
  if (!is_fine) return fail(Code::InvalidArgument, fmt::format("\"{}\" is not host:port", address));
  if (out.host.size() > 2 && out.host.front() == '[' && out.host.back() == ']') {
    out.host = out.host.substr(1, out.host.size() - 2);
  }
  if (out.host == "localhost") out.host = "127.0.0.1";
  return out;
}

Result<Listening> listen_on(int family, const sockaddr* to, socklen_t length, const std::string& address) {
  Fd opened(stream_socket(family));
  const int is_on = 1;
  if (!opened.is_open() || setsockopt(opened.get(), SOL_SOCKET, SO_REUSEADDR, &is_on, sizeof is_on) != 0 ||
      bind(opened.get(), to, length) != 0 || listen(opened.get(), kBacklog) != 0) {
    return fail(cannot("listen on", address));
  }
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  if (getsockname(opened.get(), reinterpret_cast<sockaddr*>(&bound), &size) != 0)
    return fail(cannot("listen on", address));
  const bool is_v4 = family == AF_INET;
  const std::uint16_t port = ntohs(is_v4 ? reinterpret_cast<const sockaddr_in&>(bound).sin_port
                                         : reinterpret_cast<const sockaddr_in6&>(bound).sin6_port);
  const std::string host = address.substr(0, address.rfind(':'));
  return Listening{.fd = opened.release(), .address = fmt::format("{}:{}", host, port)};
}

}  // namespace

Result<Listening> listen_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return fail(Code::InvalidArgument,
                fmt::format("socket path \"{}\" is longer than {} bytes", path, sizeof address.sun_path - 1));
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  KELPIE_TRY(clear_path(path, address));
  Fd opened(stream_socket(AF_UNIX));
  // The mode is set before there is a path, so that no moment is open to others; the umask can only take from it.
  if (!opened.is_open() || fchmod(opened.get(), kSocketMode) != 0 ||
      bind(opened.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      chmod(path.c_str(), kSocketMode) != 0 || listen(opened.get(), kBacklog) != 0) {
    return fail(cannot("listen on", path));
  }
  return Listening{.fd = opened.release(), .address = path};
}

Result<Listening> listen_loopback(const std::string& address) {
  KELPIE_TRY(const HostPort wanted, host_and_port_of(address));
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(wanted.port);
  constexpr std::uint32_t kLoopbackNet = 127;
  if (inet_pton(AF_INET, wanted.host.c_str(), &v4.sin_addr) == 1 && ntohl(v4.sin_addr.s_addr) >> 24U == kLoopbackNet) {
    return listen_on(AF_INET, reinterpret_cast<const sockaddr*>(&v4), sizeof v4, address);
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(wanted.port);
  if (inet_pton(AF_INET6, wanted.host.c_str(), &v6.sin6_addr) == 1 && IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr)) {
    return listen_on(AF_INET6, reinterpret_cast<const sockaddr*>(&v6), sizeof v6, address);
  }
  return fail({.code = Code::InvalidArgument,
               .message = fmt::format("cannot listen on \"{}\": it is not this machine's loopback", address),
               .reason = {},
               .hint = "listen on 127.0.0.1 and put a TLS proxy before it"});
}

}  // namespace kelpie::hub
