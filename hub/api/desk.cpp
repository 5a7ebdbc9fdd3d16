#include "hub/api/desk.h"

#include <fmt/core.h>
#include <sodium.h>

#include "hub/api/problem.h"
#include "hub/api/watch.h"
#include "hub/core/archives.h"

namespace kelpie::hub {

Result<Caller> Desk::authenticate(const HttpRequest& request, const Visitor& visitor) {
  if (visitor.transport == Transport::Socket) return caller_of_peer(visitor.uid);
  const WallTime now = SystemClock().wall();
  {
    const std::lock_guard lock(failures_mutex_);
    if (failures_.is_reached(now)) {
      return fail(problem(Code::ResourceExhausted, kReasonRateLimited,
                          "too many wrong tokens within a minute; no token is looked at now", "try again in a minute"));
    }
  }
  // Read anew each time, so that a revoked token ends at once.
  Tokens tokens;
  if (!options_.token_file.empty()) {
    KELPIE_TRY(tokens, Tokens::load(options_.token_file));
  }
  const Result<std::string_view> token = bearer_token(request);
  if (!token) return fail(token.error());
  Result<Caller> caller = tokens.find(*token, now);
  if (!caller) {
    const std::lock_guard lock(failures_mutex_);
    failures_.count(now);
  }
  return caller;
}

Result<void> Desk::admit(const HttpRequest& request, const AttemptId& attempt) const {
  KELPIE_TRY(const std::string_view given, bearer_token(request));
  const std::string wanted = archive_token(options_.archive_secret, attempt).hex();
  if (given.size() == wanted.size() && sodium_memcmp(given.data(), wanted.data(), wanted.size()) == 0) return {};
  return fail(problem(Code::PermissionDenied, kReasonUnauthenticated, "the token is not this attempt's"));
}

Answer Desk::ask(ApiCall call) {
  const std::uint64_t request = waits_.open();
  call.request = request;
  if (push_(std::move(call))) return waits_.wait(request, options_.wait_max);
  waits_.close(request);
  return fail(problem(Code::Unavailable, "QUEUE_FULL", "the hub has more to do than it takes on", "try again soon"));
}

Result<void> Desk::seat_viewer() {
  if (++viewers_ <= kViewersMax) return {};
  --viewers_;
  return fail(problem(Code::ResourceExhausted, "TOO_MANY_VIEWERS",
                      fmt::format("{} viewers watch already, and no more can", kViewersMax)));
}

Result<void> Desk::seat_bringer() {
  constexpr std::size_t kBringersMax = 16;  // chosen: 64 MiB on their way in at most
  if (++bringers_ <= kBringersMax) return {};
  --bringers_;
  return fail(Code::Unavailable, fmt::format("{} devices bring archives already", kBringersMax));
}

}  // namespace kelpie::hub
