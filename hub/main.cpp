// kelpie-hub: reads its arguments, serves, says why it ended.
#include <cstdio>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "hub/config.h"
#include "hub/service.h"

namespace {

constexpr int kUsage = 2;

int say_usage(std::FILE* where) {
  fmt::print(where,
             "kelpie-hub: the fleet orchestrator's centre.\n\n"
             "usage: kelpie-hub run [flags]\n       kelpie-hub version\n\nflags of run:\n{}",
             kelpie::hub::config_help());
  return where == stdout ? 0 : kUsage;
}

int run(const std::vector<std::string>& arguments) {
  const kelpie::Result<kelpie::hub::Config> config = kelpie::hub::read_config(arguments);
  if (!config) {
    fmt::print(stderr, "kelpie-hub: {}\nhint: {}\n", config.error().message,
               config.error().hint.empty() ? "kelpie-hub help" : config.error().hint);
    return kUsage;
  }
  kelpie::log::configure(kelpie::log::Level::Info, kelpie::hub::log_format_of(*config));
  const kelpie::Result<void> outcome = kelpie::hub::serve(*config);
  if (outcome) return 0;
  kelpie::log::error("hub ends", {{"why", outcome.error().message}, {"hint", outcome.error().hint}});
  return 1;
}

bool is_help(const std::string& word) {
  return word == "help" || word == "--help" || word == "-h";
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.empty()) return say_usage(stderr);
  if (is_help(arguments[0]) || (arguments.size() > 1 && is_help(arguments[1]))) return say_usage(stdout);
  if (arguments[0] == "version" || arguments[0] == "--version") {
    fmt::print("kelpie-hub {}\n", KELPIE_VERSION);
    return 0;
  }
  if (arguments[0] != "run") return say_usage(stderr);
  return run({arguments.begin() + 1, arguments.end()});
}
