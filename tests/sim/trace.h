// What happened in a world, in order: hashed always, so that two runs of a seed can be compared; printed on demand.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "proto/base/clock.h"

namespace kelpie::test {

class Trace {
 public:
  /// print: empty unless a transcript is wanted.
  explicit Trace(std::function<void(const std::string& line)> print) : print_(std::move(print)) {}
  void note(SteadyTime at, std::string_view who, std::string_view what);
  /// Into the hash only: the bytes of a frame.
  void mix(std::string_view text);
  [[nodiscard]] std::uint64_t hash() const { return hash_; }
  [[nodiscard]] std::uint64_t lines() const { return lines_; }

 private:
  std::function<void(const std::string& line)> print_;
  std::uint64_t hash_ = 0xCBF29CE484222325U;  // FNV-1a
  std::uint64_t lines_ = 0;
};

}  // namespace kelpie::test
