#include "tools/kelpie/manifest/addons.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/core.h>

#include "tools/kelpie/suggest.h"

namespace kelpie::cli {
namespace {

constexpr int kForever = 1'000;

enum class Needs { Nothing, Classic, Arguments };

struct CoreAddon {
  std::string_view name;
  std::string_view older_name = {};
  Needs needs = Needs::Nothing;
  int last_minor = kForever;
};

constexpr std::array<CoreAddon, 20> kCore = {{
    {.name = "cert-manager"},
    {.name = "cis-hardening"},
    {.name = "dashboard", .last_minor = 35},
    {.name = "dns"},
    {.name = "ha-cluster"},
    {.name = "helm"},
    {.name = "helm3"},
    {.name = "host-access"},
    {.name = "hostpath-storage", .older_name = "storage"},
    {.name = "ingress"},
    {.name = "kube-ovn", .needs = Needs::Classic},
    {.name = "mayastor"},
    {.name = "metallb", .needs = Needs::Arguments},
    {.name = "metrics-server"},
    {.name = "minio"},
    {.name = "nvidia", .older_name = "gpu", .needs = Needs::Classic},
    {.name = "observability", .older_name = "prometheus"},
    {.name = "rbac"},
    {.name = "registry"},
    {.name = "rook-ceph"},
}};

constexpr std::array<std::string_view, 34> kCommunity = {"amd",
                                                         "argocd",
                                                         "cilium",
                                                         "cloudnative-pg",
                                                         "dashboard-ingress",
                                                         "easyhaproxy",
                                                         "falco",
                                                         "fluentd",
                                                         "forgejo",
                                                         "gopaddle",
                                                         "inaccel",
                                                         "istio",
                                                         "jaeger",
                                                         "kata",
                                                         "keda",
                                                         "knative",
                                                         "kubearmor",
                                                         "kwasm",
                                                         "linkerd",
                                                         "microcks",
                                                         "multus",
                                                         "nfs",
                                                         "ngrok",
                                                         "openebs",
                                                         "openfaas",
                                                         "osm-edge",
                                                         "parking",
                                                         "portainer",
                                                         "shifu",
                                                         "sosivio",
                                                         "stunner",
                                                         "traefik",
                                                         "trivy",
                                                         "sriov-device-plugin"};

const CoreAddon* core_addon(std::string_view name) {
  const auto at = std::find_if(kCore.begin(), kCore.end(), [&](const CoreAddon& one) {
    return one.name == name || (!one.older_name.empty() && one.older_name == name);
  });
  return at == kCore.end() ? nullptr : &*at;
}

std::string unknown(const std::string& name) {
  std::vector<std::string> names;
  names.reserve(kCore.size());
  for (const CoreAddon& one : kCore) names.emplace_back(one.name);
  return fmt::format("MicroK8s has no core add-on \"{}\"{}", name, did_you_mean(name, names));
}

/// registry --size: "20Gi" and up, an older spelling without dashes.
void judge_registry(AddonVerdict& verdict) {
  for (std::string& arg : verdict.addon.args) {
    if (arg.starts_with("size=")) arg.insert(0, "--");
    constexpr std::string_view kSize = "--size=";
    if (!arg.starts_with(kSize)) continue;
    constexpr int kGibibytesMin = 20;
    int number = 0;
    const char* end = arg.data() + arg.size();
    const auto [rest, error] = std::from_chars(arg.data() + kSize.size(), end, number);
    if (error != std::errc{} || std::string_view(rest, static_cast<std::size_t>(end - rest)) != "Gi" ||
        number < kGibibytesMin) {
      verdict.trouble = fmt::format("registry takes --size=NGi from {}Gi, not \"{}\"", kGibibytesMin, arg);
    }
  }
}

void judge_ingress(AddonVerdict& verdict, const Channel& channel) {
  constexpr int kFirstTraefikMinor = 35;
  const bool is_traefik = channel.minor >= kFirstTraefikMinor;
  for (const std::string& arg : verdict.addon.args) {
    if (is_traefik == arg.starts_with('-')) continue;
    verdict.trouble =
        is_traefik ? fmt::format(
                         "ingress of {} is Traefik and takes --default-ssl-certificate=ns/name, not "
                         "\"{}\"",
                         track_of(channel), arg)
                   : fmt::format("ingress of {} is nginx and takes default-ssl-certificate=ns/secret, not \"{}\"",
                                 track_of(channel), arg);
  }
  if (is_traefik) verdict.warnings.emplace_back("ingress pulls a Helm chart from the internet while it is enabled");
}

void judge_track(const CoreAddon& core, AddonVerdict& verdict, const Channel& channel) {
  if (channel.minor > core.last_minor) {
    verdict.trouble = fmt::format("add-on {} left MicroK8s with 1.{}", core.name, core.last_minor + 1);
  } else if (core.needs == Needs::Classic && channel.is_strict) {
    verdict.trouble = fmt::format("add-on {} needs a classic track; {} is strict", core.name, to_string(channel));
  } else if (core.name == "ingress") {
    judge_ingress(verdict, channel);
  }
}

void judge_core(const CoreAddon& core, AddonVerdict& verdict, const std::optional<Channel>& channel) {
  if (core.needs == Needs::Arguments && verdict.addon.args.empty()) {
    verdict.trouble =
        fmt::format("{} needs addresses: {{ name: {}, args: [10.0.0.10-10.0.0.20] }}", core.name, core.name);
    return;
  }
  if (core.name == "registry") judge_registry(verdict);
  if (channel && verdict.trouble.empty()) judge_track(core, verdict, *channel);
}

}  // namespace

AddonVerdict judge_addon(AddonWish wish, const std::optional<Channel>& channel) {
  AddonVerdict verdict{.addon = std::move(wish), .trouble = {}, .warnings = {}};
  std::string& name = verdict.addon.name;
  if (const std::size_t slash = name.find('/'); slash != std::string::npos) {
    if (name.substr(0, slash) != "core") {
      verdict.trouble = fmt::format("add-ons of other repositories than core are not supported yet: \"{}\"", name);
      return verdict;
    }
    name.erase(0, slash + 1);
  }
  if (const std::size_t colon = name.find(':'); colon != std::string::npos) {
    verdict.addon.args.insert(verdict.addon.args.begin(), name.substr(colon + 1));
    name.resize(colon);
  }
  const CoreAddon* core = core_addon(name);
  if (core == nullptr) {
    const bool is_community = std::find(kCommunity.begin(), kCommunity.end(), name) != kCommunity.end();
    verdict.trouble =
        name == "community" || is_community
            ? fmt::format("add-on {} comes from the community repository, which is not supported yet", name)
            : unknown(name);
    return verdict;
  }
  if (name == "storage") verdict.warnings.emplace_back("storage is called hostpath-storage today; taken as that");
  name = core->name;
  for (const std::string& arg : verdict.addon.args) {
    const auto is_printable = [](char c) { return c > 0x20 && c < 0x7F; };
    if (arg.empty() || !std::all_of(arg.begin(), arg.end(), is_printable)) {
      verdict.trouble = fmt::format("argument \"{}\" holds a blank: write each argument on its own", arg);
      return verdict;
    }
  }
  if (verdict.addon.is_absent) {
    if (!verdict.addon.args.empty()) verdict.trouble = fmt::format("an absent add-on has no arguments: {}", name);
    return verdict;
  }
  judge_core(*core, verdict, channel);
  return verdict;
}

}  // namespace kelpie::cli
