#include "hub/api/waits.h"

#include <fmt/core.h>

namespace kelpie::hub {

std::uint64_t Waits::open() {
  const std::lock_guard lock(mutex_);
  waiting_.emplace(++last_request_, std::make_shared<Waiting>());
  return last_request_;
}

void Waits::close(std::uint64_t request) {
  const std::lock_guard lock(mutex_);
  waiting_.erase(request);
}

Answer Waits::wait(std::uint64_t request, std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  const std::shared_ptr<Waiting> mine = waiting_.at(request);
  mine->answered.wait_for(lock, limit, [&] { return mine->answer.has_value() || is_stopped_; });
  waiting_.erase(request);
  if (mine->answer) return std::move(*mine->answer);
  constexpr std::string_view kHint = "it may still be done: repeat it with the same Idempotency-Key, or look";
  if (is_stopped_) {
    return fail({.code = Code::Unavailable,
                 .message = "the hub stops and did not answer this request",
                 .reason = "STOPPING",
                 .hint = std::string(kHint)});
  }
  return fail({.code = Code::DeadlineExceeded,
               .message = fmt::format("the hub did not answer within {} ms", limit.count()),
               .reason = {},
               .hint = std::string(kHint)});
}

void Waits::deliver(std::uint64_t request, Answer answer) {
  const std::lock_guard lock(mutex_);
  const auto at = waiting_.find(request);
  if (at == waiting_.end() || at->second->answer) return;
  at->second->answer = std::move(answer);
  at->second->answered.notify_one();
}

void Waits::ring() {
  {
    const std::lock_guard lock(mutex_);
    ++rings_;
  }
  bell_.notify_all();
}

std::uint64_t Waits::rings() const {
  const std::lock_guard lock(mutex_);
  return rings_;
}

void Waits::wait_for_ring(std::uint64_t heard, std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  bell_.wait_for(lock, limit, [&] { return rings_ != heard || is_stopped_; });
}

void Waits::stop() {
  const std::lock_guard lock(mutex_);
  is_stopped_ = true;
  for (const auto& [request, waiting] : waiting_) waiting->answered.notify_one();
  bell_.notify_all();
}

bool Waits::is_stopped() const {
  const std::lock_guard lock(mutex_);
  return is_stopped_;
}

}  // namespace kelpie::hub
