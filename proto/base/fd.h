// The owner of an open file descriptor: closed exactly once, on every way out.
#pragma once

#include <unistd.h>

#include <string_view>
#include <utility>

namespace kelpie {

/// Holds none when negative: what open(2), socket(2) and their like return goes in as it is.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() { reset(); }
  void reset() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// All of it, however many writes that takes. False with errno set.
[[nodiscard]] bool write_all(const Fd& fd, std::string_view bytes);

}  // namespace kelpie
