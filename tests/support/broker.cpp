#include "tests/support/broker.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <stdexcept>

#include <fmt/core.h>

namespace kelpie::test {
namespace {

constexpr int kStartsMax = 10;  // another process may take the port between our look and mosquitto's bind

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool accepts_connections(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  const bool is_open = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  close(fd);
  return is_open;
}

std::string find_mosquitto() {
  // Debian puts it where the PATH of ordinary users does not lead.
  for (const char* path : {"/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto", "/usr/bin/mosquitto"}) {
    if (access(path, X_OK) == 0) return path;
  }
  throw std::runtime_error("mosquitto is not installed: apt-get install mosquitto");
}

}  // namespace

std::uint16_t free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof(address);
  const bool is_bound = bind(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0 &&
                        getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  close(fd);
  if (!is_bound) throw std::runtime_error("no free port on 127.0.0.1");
  return ntohs(address.sin_port);
}

Broker::Broker(const std::string& extra_config) : extra_config_(extra_config) {
  for (int i = 0; i < kStartsMax; ++i) {
    port_ = free_port();
    if (try_start()) return;
  }
  throw std::runtime_error(fmt::format("mosquitto does not start: {}", log()));
}

std::string Broker::url() const {
  return fmt::format("tcp://127.0.0.1:{}", port_);
}

void Broker::kill() {
  child_.kill_now();
}

void Broker::restart() {
  for (int i = 0; i < kStartsMax; ++i) {
    if (try_start()) return;
  }
  throw std::runtime_error(fmt::format("mosquitto does not start again on port {}: {}", port_, log()));
}

void Broker::freeze() const {
  child_.signal(SIGSTOP);
}

void Broker::thaw() const {
  child_.signal(SIGCONT);
}

bool Broker::try_start() {
  std::string config = fmt::format("listener {} 127.0.0.1\n", port_);
  config += "persistence false\nlog_dest stderr\nset_tcp_nodelay true\n";
  config += "max_inflight_messages 1000\nmax_queued_messages 10000\n";  // as deploy/mosquitto has it: above our window
  if (extra_config_.find("allow_anonymous") == std::string::npos) config += "allow_anonymous true\n";
  if (geteuid() == 0) config += "user root\n";  // otherwise it drops to a user who cannot read our folder
  config += extra_config_;
  write_file(folder_ / "mosquitto.conf", config);
  child_ = Child::start({.argv = {find_mosquitto(), "-c", folder_ / "mosquitto.conf"},
                         .env = {},
                         .out_file = folder_ / "out",
                         .err_file = folder_ / "err"});
  bool is_ready = false;
  const bool has_settled = eventually([&] {
    if (!child_.is_running()) return true;
    // Another test's broker may have got the port meanwhile: ours says when it has it.
    is_ready = child_.err().find(" running") != std::string::npos && accepts_connections(port_);
    return is_ready;
  });
  return has_settled && is_ready;
}

}  // namespace kelpie::test
