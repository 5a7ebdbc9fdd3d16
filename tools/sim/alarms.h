// When each of many is due next. Only what is due is touched, however many there are.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "proto/base/clock.h"

namespace kelpie::sim {

class Alarms {
 public:
  /// In place of the time it had.
  void set(std::size_t who, SteadyTime at) {
    clear(who);
    if (who >= at_.size()) at_.resize(who + 1);
    at_[who] = at;
    order_.insert({at, who});
  }
  void clear(std::size_t who) {
    if (who >= at_.size() || !at_[who]) return;
    order_.erase({*at_[who], who});
    at_[who].reset();
  }
  /// The earliest that is due, which is cleared with it.
  [[nodiscard]] std::optional<std::size_t> take(SteadyTime now) {
    if (order_.empty() || order_.begin()->first > now) return std::nullopt;
    const std::size_t who = order_.begin()->second;
    clear(who);
    return who;
  }
  [[nodiscard]] std::optional<SteadyTime> next() const {
    return order_.empty() ? std::nullopt : std::optional(order_.begin()->first);
  }

 private:
  std::set<std::pair<SteadyTime, std::size_t>> order_;
  std::vector<std::optional<SteadyTime>> at_;
};

}  // namespace kelpie::sim
