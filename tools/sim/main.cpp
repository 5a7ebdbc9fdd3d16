// kelpie-sim: reads its arguments, runs or lists a simulated fleet, says why it ended.
#include <cstdio>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "proto/base/log.h"
#include "proto/base/program.h"
#include "tools/sim/settings.h"

namespace kelpie::sim {
namespace {

constexpr int kUsage = 2;
constexpr std::size_t kTrustBytesMax = 80U << 10U;  // a trust document's cap and its frame

int say_wrong(const Error& error, int code) {
  fmt::print(stderr, "kelpie-sim: {}\n", error.message);
  if (!error.hint.empty()) fmt::print(stderr, "hint: {}\n", error.hint);
  return code;
}

Result<void> run(const Settings& settings) {
  KELPIE_TRY(const std::string frame, read_small_file(settings.trust_file, "trust document", kTrustBytesMax));
  KELPIE_TRY(const wire::Trust trust, wire::open_first_trust(as_bytes(frame)));
  KELPIE_TRY(const auto simulator, Simulator::open(settings.fleet, trust));
  simulator->run();
  return {};
}

int dispatch(const std::vector<std::string>& arguments) {
  const Result<Settings> settings = read_settings(arguments);
  if (!settings) return say_wrong(settings.error(), kUsage);
  switch (settings->doing) {
    case Doing::Help: fmt::print("{}", help()); return 0;
    case Doing::Version: fmt::print("kelpie-sim {}\n", KELPIE_VERSION); return 0;
    case Doing::List:
      for (const RosterEntry& entry : make_roster(settings->fleet.count, settings->fleet.labels))
        fmt::print("{}\n", to_json_line(entry, settings->fleet.seed));
      return 0;
    case Doing::Run: break;
  }
  log::configure(log::Level::Warn, log::Format::Auto);
  const Result<void> outcome = run(*settings);
  return outcome ? 0 : say_wrong(outcome.error(), 1);
}

}  // namespace
}  // namespace kelpie::sim

int main(int argc, char** argv) {
  return kelpie::sim::dispatch({argv + 1, argv + argc});
}
