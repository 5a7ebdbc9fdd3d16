#include "hub/config.h"

#include <array>

#include <fmt/core.h>

#include "proto/base/options.h"

namespace kelpie::hub {
namespace {

std::array<Option, 8> options_of(Config& config) {
  return {{
      {"keys", &config.keys, "DIR", "folder with hub.key and trust.klp"},
      {"data", &config.data, "DIR", "folder of the store and the artifacts"},
      {"broker", &config.broker, "URL", "MQTT broker; on loopback only, until TLS comes"},
      {"socket", &config.socket, "PATH", "Unix socket of the operator API"},
      {"listen", &config.listen, "HOST:PORT", "operator API over TCP, on loopback; none unless given"},
      {"token-file", &config.token_file, "FILE",
       "bearer tokens for TCP, by hash: a line each of ROLE NAME BLAKE2b-256 EXPIRY"},
      {"log-format", &config.log_format, "WORD", "auto, text or json"},
      {"crash-at", &config.crash_at, "POINT:N", ""},
  }};
}

}  // namespace

Result<Config> read_config(const std::vector<std::string>& arguments) {
  Config config;
  KELPIE_TRY(read_flags(arguments, options_of(config)));
  if (config.log_format != "auto" && config.log_format != "text" && config.log_format != "json") {
    return fail(Code::InvalidArgument,
                fmt::format("log-format is \"{}\", expected auto, text or json", config.log_format));
  }
  if (config.keys.empty() || config.data.empty()) return fail(Code::InvalidArgument, "keys and data must name folders");
  return config;
}

std::string config_help() {
  Config defaults;
  return help_of(options_of(defaults));
}

log::Format log_format_of(const Config& config) {
  if (config.log_format == "json") return log::Format::Json;
  return config.log_format == "text" ? log::Format::Text : log::Format::Auto;
}

}  // namespace kelpie::hub
