// The bounded queue between other threads and the loop. Other threads call push and nothing else.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

namespace kelpie {

template <typename T>
class Inbox {
 public:
  explicit Inbox(std::size_t capacity) : capacity_(capacity) {}

  /// False when full: the caller drops and counts, and the level-triggered loop asks again.
  [[nodiscard]] bool push(T item) {
    {
      const std::lock_guard lock(mutex_);
      if (items_.size() >= capacity_) return false;
      items_.push_back(std::move(item));
    }
    ready_.notify_one();
    return true;
  }

  /// For what must not be lost (an API call that waits for its answer, a worker's exit): above the capacity too.
  void push_always(T item) {
    {
      const std::lock_guard lock(mutex_);
      items_.push_back(std::move(item));
    }
    ready_.notify_one();
  }

  /// Waits until something is there or the time is up; takes at most batch_max items in order of arrival.
  [[nodiscard]] std::vector<T> take(std::size_t batch_max, std::chrono::milliseconds wait_max) {
    std::unique_lock lock(mutex_);
    ready_.wait_for(lock, wait_max, [this] { return !items_.empty() || is_closed_; });
    std::vector<T> out;
    while (!items_.empty() && out.size() < batch_max) {
      out.push_back(std::move(items_.front()));
      items_.pop_front();
    }
    return out;
  }

  /// Wakes the loop for ever after; what is queued can still be taken.
  void close() {
    {
      const std::lock_guard lock(mutex_);
      is_closed_ = true;
    }
    ready_.notify_all();
  }

  [[nodiscard]] std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return items_.size();
  }

 private:
  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<T> items_;
  bool is_closed_ = false;
};

}  // namespace kelpie
