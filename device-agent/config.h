// What kelpie-agent is told at start. Immutable afterwards.
#pragma once

#include <string>
#include <vector>

#include "device-agent/host/host.h"
#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/result.h"

namespace kelpie::agent {

struct Config {
  std::string state = "/var/lib/kelpie-agent";  // identity, trust, agent.conf, state slots, artifacts
  std::string broker;                           // as init wrote it into agent.conf
  DevicePaths paths;
  std::string snapd_socket = "/run/snapd.socket";
  std::string look_every = "60s";
  std::string log_format = "auto";
  std::string crash_at;  // tests only: "after-intent:3" kills the process at the third time
};

/// What `init` is told, beside the folder.
struct InitConfig {
  std::string state = "/var/lib/kelpie-agent";
  std::string trust;
  std::string broker;
};

/// agent.conf of the state folder first, then --config FILE, then flags.
/// Errors: InvalidArgument that lists every problem.
[[nodiscard]] Result<Config> read_config(const std::vector<std::string>& arguments);
[[nodiscard]] Result<InitConfig> read_init_config(const std::vector<std::string>& arguments);
[[nodiscard]] std::string config_help();
[[nodiscard]] std::string init_help();
[[nodiscard]] Duration look_every_of(const Config& config);
[[nodiscard]] log::Format log_format_of(const Config& config);

/// Files of the state folder.
[[nodiscard]] std::string key_file(const std::string& state);
[[nodiscard]] std::string trust_file(const std::string& state);
[[nodiscard]] std::string config_file(const std::string& state);

}  // namespace kelpie::agent
