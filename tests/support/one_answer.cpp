#include "tests/support/one_answer.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <utility>

#include <gtest/gtest.h>

namespace kelpie::test {

OneAnswer::OneAnswer(std::string response, Then then)
    : response_(std::move(response)), then_(then), listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket().copy(address.sun_path, sizeof(address.sun_path) - 1);
  EXPECT_EQ(bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_EQ(listen(listener_, 1), 0);
  thread_ = std::jthread([this] { serve(); });
}

OneAnswer::~OneAnswer() {
  shutdown(listener_, SHUT_RDWR);  // wakes a server that nobody called
  if (thread_.joinable()) thread_.join();
  close(listener_);
}

std::string OneAnswer::received() {
  if (thread_.joinable()) thread_.join();
  return received_;
}

void OneAnswer::serve() {
  const int peer = accept(listener_, nullptr, nullptr);
  if (peer < 0) return;
  std::string block(4'096, '\0');
  while (received_.find("\r\n\r\n") == std::string::npos) {
    const ssize_t got = read(peer, block.data(), block.size());
    if (got <= 0) break;
    received_.append(block, 0, static_cast<std::size_t>(got));
  }
  EXPECT_GE(send(peer, response_.data(), response_.size(), MSG_NOSIGNAL), 0);
  if (then_ == Then::HoldOpen) {
    while (read(peer, block.data(), block.size()) > 0) continue;
  }
  close(peer);
}

}  // namespace kelpie::test
