// The real kelpie-sim as a child of a test, with orders through a FIFO.
#pragma once

#include <string>
#include <vector>

#include "tests/support/child.h"
#include "tests/support/temp_dir.h"

namespace kelpie::test {

class SimProgram {
 public:
  /// flags: beside --broker and --trust.
  SimProgram(const std::string& broker_url, const std::string& trust_file, const std::vector<std::string>& flags);

  /// Until it says so; false when it ended or took too long.
  [[nodiscard]] bool is_ready(std::chrono::milliseconds patience = kPatience);
  /// Types a line and waits for its answer, on standard output or standard error.
  std::string order(const std::string& line);
  [[nodiscard]] Child& child() { return child_; }

 private:
  TempDir dir_;
  int orders_ = -1;
  Child child_;
};

/// What kelpie-sim list prints.
[[nodiscard]] std::vector<std::string> sim_roster(std::size_t count, std::uint64_t seed);

}  // namespace kelpie::test
