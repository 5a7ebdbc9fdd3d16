// kelpie-agent: reads its arguments, begins a device or serves, says why it ended.
#include <cstdio>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "device-agent/config.h"
#include "device-agent/doctor/doctor.h"
#include "device-agent/init.h"
#include "device-agent/service.h"

namespace kelpie::agent {
namespace {

constexpr int kUsage = 2;

int say_usage(std::FILE* where) {
  fmt::print(where,
             "kelpie-agent: carries out signed releases on the local MicroK8s.\n\n"
             "usage: kelpie-agent init --trust FILE --broker URL [--state DIR]   makes this device's identity\n"
             "       kelpie-agent init --new-state [--state DIR]                 after its state was lost\n"
             "       kelpie-agent run [flags]\n"
             "       kelpie-agent status [--state DIR]\n"
             "       kelpie-agent doctor [--fix] [-o json] [flags]               what is wrong here, and what to type\n"
             "       kelpie-agent version\n\nflags of init:\n{}\nflags of run:\n{}",
             init_help(), config_help());
  return where == stdout ? 0 : kUsage;
}

int say_wrong(const Error& error) {
  fmt::print(stderr, "kelpie-agent: {}\n", error.message);
  fmt::print(stderr, "hint: {}\n", error.hint.empty() ? "kelpie-agent help" : error.hint);
  return error.code == Code::InvalidArgument && error.reason.empty() ? kUsage : 1;
}

int init(std::vector<std::string> arguments) {
  const bool is_renewal = std::erase(arguments, "--new-state") > 0;
  const Result<InitConfig> config = read_init_config(arguments);
  if (!config) return say_wrong(config.error());
  if (is_renewal) {
    if (const Result<void> outcome = renew_state(config->state); !outcome) return say_wrong(outcome.error());
    fmt::print("the next start of the agent begins a new install\n");
    return 0;
  }
  SystemEntropy entropy;
  const Result<Identity> made = make_identity(*config, entropy);
  if (!made) return say_wrong(made.error());
  fmt::print("{}", introduction(*made));
  return 0;
}

int status(const std::vector<std::string>& arguments) {
  const Result<std::string> text = read_config(arguments).and_then(describe);
  if (!text) return say_wrong(text.error());
  fmt::print("{}", *text);
  return 0;
}

int run(const std::vector<std::string>& arguments) {
  const Result<Config> config = read_config(arguments);
  if (!config) return say_wrong(config.error());
  log::configure(log::Level::Info, log_format_of(*config));
  const Result<void> outcome = serve(*config);
  if (outcome) return 0;
  log::error("agent ends", {{"why", outcome.error().message}, {"hint", outcome.error().hint}});
  return 1;
}

int doctor(const std::vector<std::string>& arguments) {
  const Result<DoctorConfig> config = read_doctor_config(arguments);
  if (!config) return say_wrong(config.error());
  const Diagnosis diagnosis = diagnose(*config);
  fmt::print("{}", diagnosis.text);
  return diagnosis.has_trouble ? 1 : 0;
}

bool is_help(const std::string& word) {
  return word == "help" || word == "--help" || word == "-h";
}

int dispatch(const std::vector<std::string>& arguments) {
  if (arguments.empty()) return say_usage(stderr);
  const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
  if (is_help(arguments[0]) || (!rest.empty() && is_help(rest[0]))) return say_usage(stdout);
  if (arguments[0] == "init") return init(rest);
  if (arguments[0] == "status") return status(rest);
  if (arguments[0] == "run") return run(rest);
  if (arguments[0] == "doctor") return doctor(rest);
  if (arguments[0] != "version" && arguments[0] != "--version") return say_usage(stderr);
  fmt::print("kelpie-agent {}\n", KELPIE_VERSION);
  return 0;
}

}  // namespace
}  // namespace kelpie::agent

int main(int argc, char** argv) {
  return kelpie::agent::dispatch({argv + 1, argv + argc});
}
