#include "device-agent/host/snapd_http.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include <fmt/core.h>

#include "device-agent/host/http_exchange.h"
#include "proto/base/fd.h"

namespace kelpie::agent {
namespace {

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

}  // namespace

Result<SnapdReply> SnapdHttp::request(const std::string& method, const std::string& path, const std::string& body,
                                      Duration limit) {
  const SteadyTime deadline = SystemClock().steady() + limit;
  const Fd connection(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (connection.get() < 0) {
    return fail(Code::Unavailable, fmt::format("cannot make a socket for snapd: {}", std::strerror(errno)));
  }
  KELPIE_TRY(connect_to(connection.get(), socket_path_, deadline));
  std::string head = fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n", method, path);
  if (!body.empty()) head += fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", body.size());
  KELPIE_TRY(HttpReply reply,
             http_exchange({.name = "snapd", .fd = connection.get(), .deadline = deadline}, head, body));
  return SnapdReply{.status = reply.status, .body = std::move(reply.body)};
}

}  // namespace kelpie::agent
