#include "hub/config.h"

#include <array>
#include <charconv>

#include <fmt/core.h>

#include "proto/base/options.h"

namespace kelpie::hub {
namespace {

std::array<Option, 11> options_of(Config& config) {
  return {{
      {"keys", &config.keys, "DIR", "folder with hub.key and trust.klp"},
      {"data", &config.data, "DIR", "folder of the store and the artifacts"},
      {"broker", &config.broker, "URL", "MQTT broker; on loopback only, until TLS comes"},
      {"socket", &config.socket, "PATH", "Unix socket of the operator API"},
      {"listen", &config.listen, "HOST:PORT", "operator API over TCP, on loopback; none unless given"},
      {"token-file", &config.token_file, "FILE",
       "bearer tokens for TCP, by hash: a line each of ROLE NAME BLAKE2b-256 EXPIRY"},
      {"archives-listen", &config.archives_listen, "HOST:PORT",
       "where devices bring archives of kelpie device diagnose, on loopback; port 0 is a free one; none when empty"},
      {"archives-per-device", &config.archives_per_device, "N", "archives kept of each device"},
      {"archives-mib", &config.archives_mib, "MIB", "of all archives together; the oldest give way"},
      {"log-format", &config.log_format, "WORD", "auto, text or json"},
      {"crash-at", &config.crash_at, "POINT:N", ""},
  }};
}

Result<std::uint32_t> number_of(std::string_view name, const std::string& text, std::uint32_t max) {
  std::uint32_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error == std::errc{} && end == text.data() + text.size() && out >= 1 && out <= max) return out;
  return fail(Code::InvalidArgument, fmt::format("{} is \"{}\", expected a number from 1 to {}", name, text, max));
}

}  // namespace

Result<Config> read_config(const std::vector<std::string>& arguments) {
  Config config;
  KELPIE_TRY(read_flags(arguments, options_of(config)));
  if (config.log_format != "auto" && config.log_format != "text" && config.log_format != "json") {
    return fail(Code::InvalidArgument,
                fmt::format("log-format is \"{}\", expected auto, text or json", config.log_format));
  }
  KELPIE_TRY(archive_limits_of(config));
  if (config.keys.empty() || config.data.empty()) return fail(Code::InvalidArgument, "keys and data must name folders");
  return config;
}

Result<ArchiveLimits> archive_limits_of(const Config& config) {
  constexpr std::uint32_t kPerDeviceMax = 100;
  constexpr std::uint32_t kMibMax = 1U << 20U;
  KELPIE_TRY(const std::uint32_t per_device,
             number_of("archives-per-device", config.archives_per_device, kPerDeviceMax));
  KELPIE_TRY(const std::uint32_t mib, number_of("archives-mib", config.archives_mib, kMibMax));
  return ArchiveLimits{.per_device_max = per_device, .bytes_max = std::uint64_t{mib} << 20U};
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
