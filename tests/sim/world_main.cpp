// kelpie-world: replays one seed of the simulation with its transcript.
#include <charconv>
#include <cstdio>
#include <string_view>

#include <fmt/core.h>

#include "proto/base/log.h"
#include "proto/base/reached.h"
#include "tests/sim/swarm.h"

namespace {

constexpr const char* kUsage =
    "usage: kelpie-world --seed N [--quiet]\n"
    "  --seed N   the seed to replay\n"
    "  --quiet    the outcome only\n"
    "exit: 0 the seed is fine, 1 it is not, 2 usage\n";

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t seed = 0;
  bool has_seed = false;
  bool is_quiet = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--quiet") {
      is_quiet = true;
    } else if (word == "--seed" && i + 1 < argc) {
      const std::string_view number = argv[++i];
      const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), seed);
      has_seed = error == std::errc() && end == number.data() + number.size();
    } else if (word == "--help" || word == "-h") {
      fmt::print("{}", kUsage);
      return 0;
    } else {
      fmt::print(stderr, "error: unknown argument \"{}\"\n{}", word, kUsage);
      return 2;
    }
  }
  if (!has_seed) {
    fmt::print(stderr, "error: --seed needs a number\n{}", kUsage);
    return 2;
  }
  kelpie::log::configure(kelpie::log::Level::Error, kelpie::log::Format::Text);
  const auto print = [](const std::string& line) { fmt::print("{}\n", line); };
  const kelpie::ReachedMarks reached;
  const kelpie::test::SeedOutcome outcome =
      is_quiet ? kelpie::test::run_seed(seed) : kelpie::test::run_seed(seed, print);
  fmt::print("seed {}: {} · {} rollouts, {} attempts, {} lines, hash {:016x}\n", seed,
             outcome.violation.empty() ? "fine" : outcome.violation, outcome.rollouts, outcome.attempts, outcome.lines,
             outcome.hash);
  std::string marks;
  for (const auto& [mark, count] : reached.counts()) marks += fmt::format(" {}={}", mark, count);
  fmt::print("rare branches:{}\n", marks.empty() ? " none" : marks);
  return outcome.violation.empty() ? 0 : 1;
}
