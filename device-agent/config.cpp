#include "device-agent/config.h"

#include <unistd.h>

#include <array>

#include <fmt/core.h>

#include "proto/base/options.h"

namespace kelpie::agent {
namespace {

constexpr Duration kLookEveryMin = std::chrono::seconds(1);
constexpr Duration kLookEveryMax = std::chrono::hours(1);  // chosen: facts older than that are history

std::array<Option, 9> options_of(Config& config) {
  return {{
      {"state", &config.state, "DIR", "folder that kelpie-agent init made"},
      {"broker", &config.broker, "URL", "MQTT broker, if not the one given to init; on loopback only, until TLS comes"},
      {"microk8s", &config.paths.microk8s, "PATH", "the microk8s command"},
      {"snap-data", &config.paths.snap_data, "DIR", "MicroK8s' $SNAP_DATA"},
      {"snap-common", &config.paths.snap_common, "DIR", "MicroK8s' $SNAP_COMMON"},
      {"snapd-socket", &config.snapd_socket, "PATH", "snapd's socket"},
      {"look-every", &config.look_every, "DURATION",
       "how often the device is looked at; more is looked at every tenth"},
      {"log-format", &config.log_format, "WORD", "auto, text or json"},
      {"crash-at", &config.crash_at, "POINT:N", ""},
  }};
}

std::array<Option, 3> options_of(InitConfig& config) {
  return {{
      {"trust", &config.trust, "FILE", "the trust document, trust.klp of kelpie hub init"},
      {"broker", &config.broker, "URL", "MQTT broker: tcp://HOST:PORT; on loopback only, until TLS comes"},
      {"state", &config.state, "DIR", "folder for the device's identity and state"},
  }};
}

}  // namespace

Result<Config> read_config(const std::vector<std::string>& arguments) {
  Config first;
  KELPIE_TRY(read_flags(arguments, options_of(first)));
  std::vector<std::string> all = arguments;
  const std::string written = config_file(first.state);
  if (access(written.c_str(), F_OK) == 0) all.insert(all.begin(), {"--config", written});
  Config config;
  KELPIE_TRY(read_flags(all, options_of(config)));
  if (config.log_format != "auto" && config.log_format != "text" && config.log_format != "json") {
    return fail(Code::InvalidArgument,
                fmt::format("log-format is \"{}\", expected auto, text or json", config.log_format));
  }
  config.paths.artifacts = config.state + "/artifacts";
  const Result<Duration> look_every = parse_duration(config.look_every);
  if (!look_every || *look_every < kLookEveryMin || *look_every > kLookEveryMax) {
    return fail(Code::InvalidArgument,
                fmt::format("look-every is \"{}\", expected a time from 1s to 1h", config.look_every));
  }
  return config;
}

Result<InitConfig> read_init_config(const std::vector<std::string>& arguments) {
  InitConfig config;
  KELPIE_TRY(read_flags(arguments, options_of(config)));
  return config;
}

std::string config_help() {
  Config defaults;
  return help_of(options_of(defaults));
}

std::string init_help() {
  InitConfig defaults;
  return help_of(options_of(defaults));
}

Duration look_every_of(const Config& config) {
  return *parse_duration(config.look_every);
}

log::Format log_format_of(const Config& config) {
  if (config.log_format == "json") return log::Format::Json;
  return config.log_format == "text" ? log::Format::Text : log::Format::Auto;
}

std::string key_file(const std::string& state) {
  return state + "/identity.key";
}
std::string trust_file(const std::string& state) {
  return state + "/trust.klp";
}
std::string config_file(const std::string& state) {
  return state + "/agent.conf";
}

}  // namespace kelpie::agent
