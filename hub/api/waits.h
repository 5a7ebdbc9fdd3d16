// Where HTTP threads wait: for the loop's answer to a call, and for news of the event stream.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "hub/api/call.h"

namespace kelpie::hub {

class Waits {
 public:
  /// A request number nobody else has. Whoever opens one calls wait() or close() with it.
  [[nodiscard]] std::uint64_t open();
  void close(std::uint64_t request);
  /// Errors: the answer's; DeadlineExceeded; Unavailable when the server stops.
  [[nodiscard]] Answer wait(std::uint64_t request, std::chrono::milliseconds limit);
  /// An answer nobody waits for any more is dropped: its caller was told that it may come late.
  void deliver(std::uint64_t request, Answer answer);

  void ring();  // there are new events
  [[nodiscard]] std::uint64_t rings() const;
  /// Returns when the bell was rung after `heard`, the limit has passed or the server stops.
  void wait_for_ring(std::uint64_t heard, std::chrono::milliseconds limit);

  /// Wakes everybody, for ever.
  void stop();
  [[nodiscard]] bool is_stopped() const;

 private:
  struct Waiting {
    std::condition_variable answered;
    std::optional<Answer> answer;
  };

  mutable std::mutex mutex_;
  std::map<std::uint64_t, std::shared_ptr<Waiting>> waiting_;
  std::uint64_t last_request_ = 0;
  std::condition_variable bell_;
  std::uint64_t rings_ = 0;
  bool is_stopped_ = false;
};

}  // namespace kelpie::hub
