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

Result<Fd> connected(const std::string& path, SteadyTime deadline) {
  Fd connection(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (connection.get() < 0) {
    return fail(Code::Unavailable, fmt::format("cannot make a socket for snapd: {}", std::strerror(errno)));
  }
  KELPIE_TRY(connect_to(connection.get(), path, deadline));
  return connection;
}

struct Form {
  std::string boundary;
  std::string before;
  std::string after;
};

Form form_of(const SnapdUpload& upload) {
  constexpr std::size_t kBoundaryBytes = 64;
  // The digest it is named after: no file holds its own.
  const std::string name = upload.file.path.substr(upload.file.path.rfind('/') + 1);
  Form form{.boundary = "kelpie" + name.substr(0, kBoundaryBytes), .before = {}, .after = {}};
  for (const std::string& flag : upload.flags) {
    form.before +=
        fmt::format("--{}\r\nContent-Disposition: form-data; name=\"{}\"\r\n\r\ntrue\r\n", form.boundary, flag);
  }
  form.before += fmt::format(
      "--{}\r\nContent-Disposition: form-data; name=\"snap\"; filename=\"{}\"\r\n"
      "Content-Type: application/octet-stream\r\n\r\n",
      form.boundary, upload.file_name);
  form.after = fmt::format("\r\n--{}--\r\n", form.boundary);
  return form;
}

std::string head_of(std::string_view method, std::string_view path) {
  return fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n", method, path);
}

}  // namespace

Result<SnapdReply> SnapdHttp::request(const std::string& method, const std::string& path, const std::string& body,
                                      Duration limit) {
  const SteadyTime deadline = SystemClock().steady() + limit;
  KELPIE_TRY(const Fd connection, connected(socket_path_, deadline));
  std::string head = head_of(method, path);
  const std::string_view type = body.starts_with('{') ? "application/json" : "application/x.ubuntu.assertion";
  if (!body.empty()) head += fmt::format("Content-Type: {}\r\nContent-Length: {}\r\n", type, body.size());
  KELPIE_TRY(HttpReply reply,
             http_exchange({.name = "snapd", .fd = connection.get(), .deadline = deadline}, head, body));
  return SnapdReply{.status = reply.status, .body = std::move(reply.body)};
}

Result<SnapdReply> SnapdHttp::upload(const SnapdUpload& upload, Duration limit) {
  const SteadyTime deadline = SystemClock().steady() + limit;
  KELPIE_TRY(const Fd connection, connected(socket_path_, deadline));
  const Form form = form_of(upload);
  const std::string head = head_of("POST", "/v2/snaps") +
                           fmt::format("Content-Type: multipart/form-data; boundary={}\r\nContent-Length: {}\r\n",
                                       form.boundary, form.before.size() + upload.file.bytes + form.after.size());
  KELPIE_TRY(
      HttpReply reply,
      http_exchange(
          {.name = "snapd", .fd = connection.get(), .deadline = deadline}, head,
          {.before = form.before, .file = upload.file.file.get(), .bytes = upload.file.bytes, .after = form.after}));
  return SnapdReply{.status = reply.status, .body = std::move(reply.body)};
}

}  // namespace kelpie::agent
