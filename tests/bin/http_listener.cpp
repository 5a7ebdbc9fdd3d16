#include "tests/bin/http_listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <string_view>
#include <vector>

#include <fmt/core.h>

#include "proto/base/result.h"

namespace kelpie::test {
namespace {

constexpr std::size_t kRequestBytesMax = 4U << 20U;
constexpr int kBacklog = 16;

/// In lower case; empty when there is none.
std::string header(std::string_view head, std::string_view name) {
  std::string low(head);
  std::transform(low.begin(), low.end(), low.begin(), [](unsigned char c) { return std::tolower(c); });
  const std::string start = fmt::format("\r\n{}:", name);
  const auto at = low.find(start);
  if (at == std::string::npos) return {};
  const std::size_t from = std::min(low.find_first_not_of(' ', at + start.size()), low.size());
  return low.substr(from, low.find("\r\n", from) - from);
}

std::optional<std::size_t> content_length(std::string_view head) {
  const std::string value = header(head, "content-length");
  if (value.empty()) return 0;
  std::size_t length = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), length);
  if (error != std::errc() || length > kRequestBytesMax) return std::nullopt;
  return length;
}

bool send_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::string_view next_word(std::string_view& text) {
  const std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(std::min(word.size() + 1, text.size()));
  return word;
}

}  // namespace

HttpListener::~HttpListener() {
  for (const auto& [fd, connection] : connections_) close(fd);
  for (const auto& [fd, is_listening] : listeners_) close(fd);
}

int HttpListener::listen_at(const std::string& socket_path) {
  unlink(socket_path.c_str());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  KELPIE_ASSERT(socket_path.size() < sizeof(address.sun_path));
  socket_path.copy(address.sun_path, socket_path.size());
  KELPIE_ASSERT(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  KELPIE_ASSERT(listen(fd, kBacklog) == 0);
  listeners_[fd] = true;
  return fd;
}

int HttpListener::listen_on_loopback(int& port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  KELPIE_ASSERT(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  KELPIE_ASSERT(listen(fd, kBacklog) == 0);
  socklen_t size = sizeof(address);
  KELPIE_ASSERT(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  port = ntohs(address.sin_port);
  listeners_[fd] = true;
  return fd;
}

void HttpListener::stop_listening(int listener) {
  if (listeners_.erase(listener) != 0) close(listener);
}

void HttpListener::serve(int wait_ms, const Answerer& answer) {
  std::vector<pollfd> polled;
  for (const auto& [fd, is_listening] : listeners_) polled.push_back({.fd = fd, .events = POLLIN, .revents = 0});
  for (const auto& [fd, connection] : connections_) polled.push_back({.fd = fd, .events = POLLIN, .revents = 0});
  if (poll(polled.data(), polled.size(), wait_ms) <= 0) return;
  for (const pollfd& one : polled) {
    if (one.revents == 0) continue;
    if (listeners_.contains(one.fd)) {
      const int fd = accept4(one.fd, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd >= 0) connections_[fd] = {.listener = one.fd, .received = {}};
      continue;
    }
    const auto found = connections_.find(one.fd);
    if (found == connections_.end() || take(one.fd, found->second, answer)) continue;
    close(one.fd);
    connections_.erase(found);
  }
}

bool HttpListener::take(int fd, Connection& connection, const Answerer& answer) {
  std::array<char, 65'536> buffer{};
  const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
  if (got <= 0) return false;
  std::string& received = connection.received;
  received.append(buffer.data(), static_cast<std::size_t>(got));
  for (;;) {
    constexpr std::string_view kEnd = "\r\n\r\n";
    const auto end = received.find(kEnd);
    if (end == std::string::npos) return received.size() <= kRequestBytesMax;
    const std::string head = received.substr(0, end);
    const std::optional<std::size_t> length = content_length(head);
    if (!length) return false;
    const std::size_t total = end + kEnd.size() + *length;
    if (received.size() < total) return true;
    std::string_view line = std::string_view(head).substr(0, head.find("\r\n"));
    HttpRequest request{
        .listener = connection.listener, .method = std::string(next_word(line)), .path = {}, .body = {}};
    request.path = next_word(line);
    request.body = received.substr(end + kEnd.size(), *length);
    received.erase(0, total);
    const std::optional<HttpAnswer> answered = answer(request);
    if (!answered) return false;
    const bool is_sent =
        send_all(fd, fmt::format("HTTP/1.1 {} -\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n{}", answered->status,
                                 answered->type, answered->body.size(), answered->body));
    if (!is_sent || header(head, "connection") == "close") return false;
  }
}

}  // namespace kelpie::test
