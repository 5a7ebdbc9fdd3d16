// Ctrl-C while something is waited for: says that the hub goes on, and exits with 130.
#pragma once

#include <csignal>

namespace kelpie::cli {

class InterruptNotice {
 public:
  InterruptNotice();
  InterruptNotice(const InterruptNotice&) = delete;
  InterruptNotice& operator=(const InterruptNotice&) = delete;
  ~InterruptNotice();

 private:
  struct sigaction before_ {};
};

}  // namespace kelpie::cli
