// Registry mirrors as containerd reads them (facts, microk8s 6.4): one folder a registry, hosts.toml in it and the
// authorities that it names. Pure.
#pragma once

#include <string>
#include <vector>

#include "device-agent/core/plan.h"

namespace kelpie::agent {

struct SettingsFile {
  std::string path;
  std::string text;
};

/// The folder of a registry's files. With a port containerd looks into this spelling before the one with a colon.
[[nodiscard]] std::string mirror_folder(const std::string& hosts_folder, const std::string& registry);
/// Authorities before the file that names them.
[[nodiscard]] std::vector<SettingsFile> mirror_files(const std::string& hosts_folder, const Mirror& mirror);

}  // namespace kelpie::agent
