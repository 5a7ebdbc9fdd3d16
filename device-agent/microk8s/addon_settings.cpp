#include "device-agent/microk8s/addon_settings.h"

#include <fmt/core.h>

#include "device-agent/microk8s/addon_proofs.h"
#include "device-agent/microk8s/commands.h"

namespace kelpie::agent {
namespace {

using wire::AddonSettings;

/// The servers behind "forward ." of CoreDNS' own file. Question for a real device: whether every track writes it so.
AddonSettings read_corefile(const Json& config) {
  for (const std::string& line : lines_of(config.at({"data", "Corefile"}).text())) {
    std::vector<std::string> words = words_of(line);
    if (words.size() < 3 || words[0] != "forward" || words[1] != ".") continue;
    words.erase(words.begin(), words.begin() + 2);
    if (words.back() == "{") words.pop_back();
    return {{"servers", joined(words, ",")}};
  }
  return {};
}

Tried<AddonSettings> read_dns(const Work& work) {
  KELPIE_TRY(const Json config, get_object(work, {"configmaps", "coredns", "-n", "kube-system"}));
  AddonSettings out = read_corefile(config);
  KELPIE_TRY(const Json service, get_object(work, {"services", "kube-dns", "-n", "kube-system"}));
  const std::string& address = service.at({"spec", "clusterIP"}).text();
  if (!address.empty()) out["cluster-ip"] = address;
  return out;
}

Tried<AddonSettings> read_storage(const Work& work) {
  KELPIE_TRY(const Json storage, get_object(work, {"storageclasses", "microk8s-hostpath"}));
  AddonSettings out;
  if (storage.has("reclaimPolicy")) out["reclaim-policy"] = storage.text("reclaimPolicy");
  const std::string& is_default =
      storage.at({"metadata", "annotations"}).text("storageclass.kubernetes.io/is-default-class");
  if (!is_default.empty()) out["default-class"] = is_default;
  return out;
}

Tried<AddonSettings> read_registry(const Work& work) {
  KELPIE_TRY(const Json claim,
             get_object(work, {"persistentvolumeclaims", "registry-claim", "-n", "container-registry"}));
  AddonSettings out;
  const std::string& size = claim.at({"spec", "resources", "requests", "storage"}).text();
  if (!size.empty()) out["size"] = size;
  const std::string& storage = claim.at({"spec", "storageClassName"}).text();
  if (!storage.empty()) out["storageclass"] = storage;
  return out;
}

/// nginx has it among its container's arguments; where Traefik keeps it depends on the track, so it is not read.
Tried<AddonSettings> read_ingress(const Work& work, std::optional<int> minor) {
  if (minor.value_or(wire::kTraefikSinceMinor) >= wire::kTraefikSinceMinor) return AddonSettings{};
  KELPIE_TRY(const Json nginx, get_object(work, {"daemonsets", "nginx-ingress-microk8s-controller", "-n", "ingress"}));
  constexpr std::string_view kCertificate = "--default-ssl-certificate=";
  for (const Json& container : nginx.at({"spec", "template", "spec", "containers"}).items()) {
    for (const Json& arg : container.at("args").items()) {
      if (!arg.text().starts_with(kCertificate)) continue;
      return AddonSettings{{"default-ssl-certificate", arg.text().substr(kCertificate.size())}};
    }
  }
  return AddonSettings{{"default-ssl-certificate", ""}};
}

Tried<AddonSettings> read_metallb(const Work& work) {
  KELPIE_TRY(const Json pool, read_pool(work));
  std::vector<std::string> ranges;
  for (const Json& range : pool.at({"spec", "addresses"}).items()) ranges.push_back(range.text());
  if (ranges.empty()) return AddonSettings{};
  return AddonSettings{{"ranges", joined(ranges, ",")}};
}

Tried<AddonSettings> read_host_access(const Work& work) {
  const std::string address = host_access_address(work);
  if (address.empty()) return AddonSettings{};
  return AddonSettings{{"ip", address}};
}

}  // namespace

Tried<AddonSettings> read_settings(const Work& work, const wire::AddonRow& row, std::optional<int> minor) {
  if (row.name == "dns") return read_dns(work);
  if (row.name == "hostpath-storage") return read_storage(work);
  if (row.name == "registry") return read_registry(work);
  if (row.name == "ingress") return read_ingress(work, minor);
  if (row.name == "metallb") return read_metallb(work);
  if (row.name == "host-access") return read_host_access(work);
  return AddonSettings{};
}

std::string other_settings(const AddonSettings& wanted, const AddonSettings& seen) {
  std::vector<std::string> others;
  for (const auto& [key, value] : wanted) {
    const auto at = seen.find(key);
    if (at == seen.end() || at->second == value) continue;
    others.push_back(fmt::format("{} {}, not {}", key, at->second.empty() ? "none" : at->second, value));
  }
  return joined(others);
}

std::vector<std::string> unseen_settings(const AddonSettings& wanted, const AddonSettings& seen) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : wanted) {
    if (!seen.contains(key)) keys.push_back(key);
  }
  return keys;
}

}  // namespace kelpie::agent
