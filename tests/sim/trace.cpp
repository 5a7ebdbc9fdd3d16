#include "tests/sim/trace.h"

#include <fmt/core.h>

namespace kelpie::test {

void Trace::mix(std::string_view text) {
  for (const char c : text) {
    hash_ ^= static_cast<unsigned char>(c);
    hash_ *= 0x100000001B3U;
  }
}

void Trace::note(SteadyTime at, std::string_view who, std::string_view what) {
  ++lines_;
  mix(std::to_string(at.ms));
  mix(who);
  mix(what);
  if (!print_) return;
  constexpr std::int64_t kMinute = 60'000;
  print_(
      fmt::format("{:3d}:{:02d}.{:03d}  {:<8} {}", at.ms / kMinute, at.ms % kMinute / 1'000, at.ms % 1'000, who, what));
}

}  // namespace kelpie::test
