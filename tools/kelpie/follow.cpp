#include "tools/kelpie/follow.h"

#include <poll.h>

#include <algorithm>

#include <fmt/core.h>

#include "tools/kelpie/interrupt.h"

namespace kelpie::cli {
namespace {

constexpr Duration kIdleLook{5'000};   // chosen: what no event tells (ages, health) is at most this old
constexpr Duration kAwayMax{120'000};  // chosen: a hub restarts in seconds; a longer silence is an answer
constexpr Duration kRetryGap{1'000};
constexpr std::size_t kLineBytesMax = 1U << 20U;  // the hub's events are far smaller

/// The hub is away: the wait before it is asked again. Nothing arrives meanwhile that could end it sooner.
void let_pass(Duration duration) {
  poll(nullptr, 0, static_cast<int>(duration.count()));
}

std::string sequence_of(std::string_view line) {
  constexpr std::string_view kKey = "\"seq\":\"";
  const std::size_t at = line.find(kKey);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = line.substr(at + kKey.size());
  return std::string(rest.substr(0, rest.find('"')));
}

bool is_heartbeat(std::string_view line) {
  return line.starts_with("{\"type\":\"HEARTBEAT\"");
}

/// Bytes as they come, cut into lines.
class Lines {
 public:
  /// False when take did not want more.
  bool feed(std::string_view bytes, const std::function<bool(std::string_view)>& take) {
    pending_.append(bytes);
    std::size_t begin = 0;
    for (std::size_t end = pending_.find('\n'); end != std::string::npos; end = pending_.find('\n', begin)) {
      const std::string_view line = std::string_view(pending_).substr(begin, end + 1 - begin);
      begin = end + 1;
      if (!take(line)) return false;
    }
    pending_.erase(0, begin);
    return pending_.size() <= kLineBytesMax;
  }

 private:
  std::string pending_;
};

std::string stream_path(const Streamed& streamed, const std::string& after) {
  std::string out = "/api/v1/events?";
  for (const auto& [name, value] :
       {std::pair("after", &after), std::pair("rollout", &streamed.rollout), std::pair("device", &streamed.device)}) {
    if (!value->empty()) out.append(out.back() == '?' ? "" : "&").append(name).append("=").append(*value);
  }
  return out;
}

Error wait_ended(const std::string& waiting_for, Duration timeout) {
  return {.code = Code::DeadlineExceeded,
          .message = fmt::format("waited {} for {}", to_string(timeout), waiting_for),
          .reason = std::string(kReasonWaitEnded),
          .hint = "it goes on at the hub; wait longer with --timeout"};
}

/// One wait: when to look, and what the last look said.
class Waiter {
 public:
  Waiter(Invocation& in, const std::function<Result<Look>(const std::string&)>& look, Duration timeout)
      : gap_(in.screen().frame_gap()), look_(look), timeout_(timeout), deadline_(clock_.steady() + timeout) {}

  Result<Look> look(const std::string& sequence) {
    sequence_ = sequence;
    looked_at_ = clock_.steady();
    is_dirty_ = false;
    return seen_ = look_(sequence_);
  }
  bool take(std::string_view line) {
    if (std::string sequence = sequence_of(line); !sequence.empty()) sequence_ = std::move(sequence);
    is_dirty_ = is_dirty_ || !is_heartbeat(line);
    return go_on();
  }
  /// Looks when it is time to. False: over, failed or out of time.
  bool go_on() {
    const SteadyTime now = clock_.steady();
    is_out_of_time_ = timeout_ > Duration(0) && now >= deadline_;
    if (is_out_of_time_) return false;
    if (now - looked_at_ < (is_dirty_ ? gap_ : kIdleLook)) return true;
    const Result<Look> now_seen = look(sequence_);
    if (!now_seen) return exit_code_of(now_seen.error()) == ExitCode::Unreachable;  // the stream tries again
    return *now_seen == Look::GoOn;
  }
  [[nodiscard]] bool is_out_of_time() const { return is_out_of_time_; }
  [[nodiscard]] const Result<Look>& seen() const { return seen_; }
  [[nodiscard]] const std::string& sequence() const { return sequence_; }

 private:
  SystemClock clock_;
  Duration gap_;
  const std::function<Result<Look>(const std::string&)>& look_;
  Duration timeout_;
  SteadyTime deadline_;
  SteadyTime looked_at_{};
  bool is_dirty_ = false;
  bool is_out_of_time_ = false;
  std::string sequence_;
  Result<Look> seen_ = Look::GoOn;
};

}  // namespace

Result<std::string> newest_sequence(Session& session) {
  api::v1::ListEventsRequest request;
  request.set_page_size(1);
  KELPIE_TRY(const api::v1::EventList page, session.call<api::v1::EventList>("ListEvents", request));
  return page.items().empty() ? std::string("0") : page.items(page.items_size() - 1).seq();
}

Result<void> stream_events(Session& session, const Streamed& streamed,
                           const std::function<bool(std::string_view line)>& take,
                           const std::function<bool()>& on_idle) {
  SystemClock clock;
  const SteadyTime deadline = clock.steady() + streamed.timeout;
  std::string after = streamed.after;
  SteadyTime heard_at = clock.steady();
  bool is_over = false;
  while (true) {
    const Duration left = streamed.timeout > Duration(0) ? deadline - clock.steady() : Duration(0);
    if (streamed.timeout > Duration(0) && left <= Duration(0)) return {};
    Lines lines;
    const auto take_line = [&](std::string_view line) {
      if (std::string sequence = sequence_of(line); !sequence.empty()) after = std::move(sequence);
      heard_at = clock.steady();
      is_over = !take(line);
      return !is_over;
    };
    Result<void> ended = session.stream(
        stream_path(streamed, after), left, [&](std::string_view bytes) { return lines.feed(bytes, take_line); },
        [&] {
          is_over = is_over || !on_idle();
          return !is_over;
        });
    if (is_over) return {};
    if (!ended && ended.error().reason == kReasonWaitEnded) return {};
    const bool is_away = !ended && exit_code_of(ended.error()) == ExitCode::Unreachable;
    if (!ended && !is_away) return ended;
    if (is_away && clock.steady() - heard_at > kAwayMax) return ended;
    let_pass(kRetryGap);  // the hub restarts
    if (!on_idle()) return {};
  }
}

Result<void> follow(Invocation& in, const Followed& followed,
                    const std::function<Result<Look>(const std::string& sequence)>& look) {
  const InterruptNotice notice;
  KELPIE_TRY(const Duration timeout, wait_timeout(in.settings(), followed.timeout_otherwise));
  KELPIE_TRY(const std::string newest, newest_sequence(in.session()));
  Waiter waiter(in, look, timeout);
  KELPIE_TRY(const Look first, waiter.look(newest));
  if (first == Look::Over) return {};
  KELPIE_TRY(stream_events(
      in.session(), {.after = newest, .rollout = followed.rollout, .device = followed.device, .timeout = timeout},
      [&](std::string_view line) { return waiter.take(line); }, [&] { return waiter.go_on(); }));
  if (!waiter.seen()) return fail(waiter.seen().error());
  if (*waiter.seen() == Look::Over) return {};
  KELPIE_TRY(const Look last, waiter.look(waiter.sequence()));  // what happened in the last moment counts
  if (last == Look::Over) return {};
  return fail(wait_ended(followed.waiting_for, timeout));
}

}  // namespace kelpie::cli
