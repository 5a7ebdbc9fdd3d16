#include "tools/kelpie/interrupt.h"

#include <unistd.h>

#include <string_view>

#include "tools/kelpie/exit_code.h"

namespace kelpie::cli {
namespace {

extern "C" void leave_on_interrupt(int) {
  constexpr std::string_view kText = "\nstopped waiting; what runs on the hub goes on\n";
  // Nobody to tell when stderr is gone; only calls that a signal may interrupt anything for.
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, kText.data(), kText.size());
  _exit(static_cast<int>(ExitCode::Interrupted));
}

}  // namespace

InterruptNotice::InterruptNotice() {
  struct sigaction action {};
  action.sa_handler = leave_on_interrupt;
  sigaction(SIGINT, &action, &before_);
}

InterruptNotice::~InterruptNotice() {
  sigaction(SIGINT, &before_, nullptr);
}

}  // namespace kelpie::cli
