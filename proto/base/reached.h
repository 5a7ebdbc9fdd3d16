// Marks of rare branches: the simulation fails when one is never reached.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace kelpie {

/// Counts a mark when this thread records (simulation, crash tests); otherwise one load and a branch.
void note_reached(const char* mark);

/// While alive, marks of this thread are counted into it. One at a time per thread.
class ReachedMarks {
 public:
  ReachedMarks();
  ~ReachedMarks();
  ReachedMarks(const ReachedMarks&) = delete;
  ReachedMarks& operator=(const ReachedMarks&) = delete;
  [[nodiscard]] const std::map<std::string, std::uint64_t>& counts() const { return counts_; }

 private:
  friend void note_reached(const char* mark);
  std::map<std::string, std::uint64_t> counts_;
};

}  // namespace kelpie

#define KELPIE_REACHED(mark) ::kelpie::note_reached(mark)
