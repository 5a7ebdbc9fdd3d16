// What kelpie-hub is told at start. Immutable afterwards.
#pragma once

#include <string>
#include <vector>

#include "hub/core/state.h"
#include "proto/base/log.h"
#include "proto/base/result.h"

namespace kelpie::hub {

struct Config {
  std::string keys = "/etc/kelpie/hub";      // hub.key and trust.klp
  std::string data = "/var/lib/kelpie-hub";  // store, artifacts
  std::string broker = "tcp://127.0.0.1:1883";
  std::string socket = "/run/kelpie/hub.sock";
  std::string listen;                           // empty: no TCP
  std::string token_file;                       // empty: nobody has a token
  std::string archives_listen = "127.0.0.1:0";  // where devices bring archives; empty: nowhere
  std::string archives_per_device = "3";
  std::string archives_mib = "1024";  // of all devices together
  std::string log_format = "auto";
  std::string crash_at;  // tests only: "after-commit:3" kills the process at the third time
};

/// Errors: InvalidArgument that lists every problem.
[[nodiscard]] Result<Config> read_config(const std::vector<std::string>& arguments);
[[nodiscard]] std::string config_help();
/// Errors: InvalidArgument that names the option.
[[nodiscard]] Result<ArchiveLimits> archive_limits_of(const Config& config);
[[nodiscard]] log::Format log_format_of(const Config& config);

}  // namespace kelpie::hub
