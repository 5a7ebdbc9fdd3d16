#include "device-agent/microk8s/hosts_toml.h"

#include <fmt/core.h>

namespace kelpie::agent {
namespace {

/// Whom containerd would ask without a file; written out, so that the file says all.
std::string origin_of(const std::string& registry) {
  if (registry == "docker.io") return "https://registry-1.docker.io";
  const std::string host = registry.substr(0, registry.find(':'));
  const bool is_local = host == "localhost" || host == "127.0.0.1";
  return (is_local ? "http://" : "https://") + registry;
}

/// Nothing needs an escape: wire/image_rules.h lets no quote or backslash pass.
std::string host_text(const MirrorHost& host, const std::string& ca_path) {
  std::string words;
  for (const std::string& word : host.capabilities) words += fmt::format("{}\"{}\"", words.empty() ? "" : ", ", word);
  if (words.empty()) words = R"("pull", "resolve")";
  std::string out = fmt::format("\n[host.\"{}\"]\n  capabilities = [{}]\n", host.url, words);
  if (host.override_path) out += "  override_path = true\n";
  if (!ca_path.empty()) out += fmt::format("  ca = \"{}\"\n", ca_path);
  return out;
}

}  // namespace

std::string mirror_folder(const std::string& hosts_folder, const std::string& registry) {
  const std::size_t colon = registry.find(':');
  if (colon == std::string::npos) return fmt::format("{}/{}", hosts_folder, registry);
  return fmt::format("{}/{}_{}_", hosts_folder, registry.substr(0, colon), registry.substr(colon + 1));
}

std::vector<SettingsFile> mirror_files(const std::string& hosts_folder, const Mirror& mirror) {
  const std::string folder = mirror_folder(hosts_folder, mirror.registry);
  std::string toml =
      fmt::format("# written by Kelpie from a signed release: other changes are taken back\nserver = \"{}\"\n",
                  mirror.server.empty() ? origin_of(mirror.registry) : mirror.server);
  std::vector<SettingsFile> files;
  for (std::size_t i = 0; i < mirror.hosts.size(); ++i) {
    std::string ca_path;
    if (!mirror.hosts[i].ca.empty()) {
      ca_path = fmt::format("{}/kelpie-{}.crt", folder, i);
      files.push_back({.path = ca_path, .text = mirror.hosts[i].ca});
    }
    toml += host_text(mirror.hosts[i], ca_path);
  }
  files.push_back({.path = folder + "/hosts.toml", .text = toml});
  return files;
}

}  // namespace kelpie::agent
