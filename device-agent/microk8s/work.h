// What one phase of a step has in hand: the device, its deadline, and the ways to end. Deadlines are those of the
// call; a child gets what is left of it at most.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "device-agent/core/call.h"
#include "device-agent/host/host.h"
#include "device-agent/microk8s/json.h"
#include "device-agent/microk8s/reasons.h"

namespace kelpie::agent {

class Work {
 public:
  Work(Host& host, Duration limit) : host_(host), until_(host.pause.now() + limit) {}
  /// Part of the same work with a deadline of its own, never later than the whole's.
  [[nodiscard]] Work part(Duration limit) const;

  [[nodiscard]] Host& host() const { return host_; }
  [[nodiscard]] const DevicePaths& paths() const { return host_.paths; }
  [[nodiscard]] SteadyTime now() const { return host_.pause.now(); }
  [[nodiscard]] Duration left() const { return until_ - now(); }
  [[nodiscard]] bool is_over() const { return left() <= Duration{}; }
  /// One line for people.
  void say(std::string_view progress) const;
  /// What this step must find again after a restart, in place of what it noted before; at most 512 bytes.
  void note(std::string note) const;

  /// Waits for at most what is left. Trouble: Interrupted.
  [[nodiscard]] Tried<void> wait(Duration duration) const;

 private:
  Host& host_;
  SteadyTime until_;
};

/// The ways a phase ends well; trouble is the other.
[[nodiscard]] CallResult satisfied(std::string_view summary);
[[nodiscard]] CallResult prepared(std::string_view summary, const Json& restore);
[[nodiscard]] CallResult unmet(const Trouble& why);
/// Cuts what goes into reports to what reports can carry.
[[nodiscard]] CallResult failed(const Trouble& why);

/// Seconds for people: "40 s".
[[nodiscard]] std::string in_seconds(Duration duration);
/// "57.2 MiB", as ctr writes it.
[[nodiscard]] std::string in_mebibytes(std::uint64_t bytes);
/// The last line that says something, without colours: what failed programs say last.
[[nodiscard]] std::string last_line(std::string_view output);
/// As reports can carry it: no escapes, no control characters, UTF-8 only.
[[nodiscard]] std::string plain_text(std::string_view output);
[[nodiscard]] bool has_any(std::string_view text, std::initializer_list<std::string_view> words);
[[nodiscard]] std::vector<std::string> lines_of(std::string_view text);
[[nodiscard]] std::vector<std::string> words_of(std::string_view line);
[[nodiscard]] std::string joined(const std::vector<std::string>& parts, std::string_view between = ", ");

}  // namespace kelpie::agent
