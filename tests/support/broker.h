// A real mosquitto as a child of the test, on a free port of the loopback interface. It dies with the test.
#pragma once

#include <cstdint>
#include <string>

#include "tests/support/child.h"
#include "tests/support/temp_dir.h"

namespace kelpie::test {

/// Ready to take connections once constructed. Throws when mosquitto cannot be started: the test fails with the reason.
class Broker {
 public:
  /// extra_config: more lines of mosquitto.conf. By default anonymous clients may do everything.
  explicit Broker(const std::string& extra_config = {});

  [[nodiscard]] std::string url() const;  // tcp://127.0.0.1:port
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string log() const { return child_.err(); }
  [[nodiscard]] pid_t pid() const { return child_.pid(); }
  /// KILL, as in a crash: clients see their connections break.
  void kill();
  /// Starts again on the same port, with nothing remembered. After kill().
  void restart();
  /// SIGSTOP and SIGCONT: connections stay open and nothing is answered in between.
  void freeze() const;
  void thaw() const;

 private:
  [[nodiscard]] bool try_start();

  TempDir folder_;
  std::string extra_config_;
  std::uint16_t port_ = 0;
  Child child_;
};

/// A port of 127.0.0.1 that was free a moment ago.
[[nodiscard]] std::uint16_t free_port();

}  // namespace kelpie::test
