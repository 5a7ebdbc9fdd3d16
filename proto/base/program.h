// What the two services do at their edges alike: signals, the service manager's protocol, crash points for tests, files
// at start.
#pragma once

#include <atomic>
#include <csignal>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "proto/base/result.h"

namespace kelpie {

/// SIGTERM and SIGINT as a call of on_stop, from a thread of its own. They are blocked in every thread made after
/// this: make it before any other.
class SignalWatch {
 public:
  explicit SignalWatch(std::function<void()> on_stop);
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;
  [[nodiscard]] bool is_stopping() const { return is_stopping_; }

 private:
  sigset_t set_{};
  std::atomic<bool> is_stopping_{false};
  std::jthread thread_;
};

/// systemd's readiness protocol ("READY=1", "WATCHDOG=1"); nothing when nobody asked for it.
void tell_manager(std::string_view state);

/// "after-commit:3": the process ends as if the power went, the third time it comes to that point. For tests.
/// Errors: InvalidArgument.
[[nodiscard]] Result<std::function<void(std::string_view point)>> crash_points(const std::string& text);

/// With its parents; closed to others. Errors: Unavailable.
[[nodiscard]] Result<void> make_private_folder(const std::string& path);

/// what: "trust document", for the message. Errors: NotFound; ResourceExhausted.
[[nodiscard]] Result<std::string> read_small_file(const std::string& path, std::string_view what,
                                                  std::size_t bytes_max);

}  // namespace kelpie
