// What the requests of all connections share: who may come in, the way to the loop and back, places for viewers.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>

#include "hub/api/auth.h"
#include "hub/api/router.h"
#include "hub/api/server.h"
#include "hub/api/waits.h"

namespace kelpie::hub {

struct Visitor {
  Transport transport = Transport::Loopback;
  uid_t uid = 0;  // of the process behind the socket; only with Transport::Socket
};

class Desk {
 public:
  Desk(ServerOptions options, std::function<bool(ApiCall)> push)
      : options_(std::move(options)), push_(std::move(push)) {}

  [[nodiscard]] const ServerOptions& options() const { return options_; }
  [[nodiscard]] const Router& router() const { return router_; }
  [[nodiscard]] Waits& waits() { return waits_; }

  /// Errors: UNAUTHENTICATED, RATE_LIMITED; those of Tokens::load.
  [[nodiscard]] Result<Caller> authenticate(const HttpRequest& request, const Visitor& visitor);
  /// That a device's word is the one of this attempt; it has 256 bits, so nobody is stopped from guessing.
  /// Errors: UNAUTHENTICATED.
  [[nodiscard]] Result<void> admit(const HttpRequest& request, const AttemptId& attempt) const;
  /// Pushes the call and waits for its answer. Errors: QUEUE_FULL; the answer's; those of Waits::wait.
  [[nodiscard]] Answer ask(ApiCall call);

  /// Errors: TOO_MANY_VIEWERS.
  [[nodiscard]] Result<void> seat_viewer();
  void unseat_viewer() { --viewers_; }
  /// Errors: Unavailable when as many devices bring archives as are let in at once.
  [[nodiscard]] Result<void> seat_bringer();
  void unseat_bringer() { --bringers_; }

 private:
  const ServerOptions options_;
  const std::function<bool(ApiCall)> push_;
  const Router router_;
  Waits waits_;
  std::mutex failures_mutex_;
  FailureLimit failures_;
  std::atomic<std::size_t> viewers_{0};
  std::atomic<std::size_t> bringers_{0};
};

}  // namespace kelpie::hub
