#include "tools/kelpie/manifest/to_yaml.h"

#include <algorithm>

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "proto/base/clock.h"

namespace kelpie::cli {
namespace {

/// Plain where every reader of YAML sees the same word, in quotes elsewhere.
std::string word(const std::string& text) {
  constexpr std::string_view kFine = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/@+-";
  const bool is_plain = !text.empty() && text.find_first_not_of(kFine) == std::string::npos && text.front() != '-' &&
                        text.find_first_not_of("0123456789._eExX+-") != std::string::npos;
  const bool is_taken = text == "true" || text == "false" || text == "null" || text == "yes" || text == "no" ||
                        text == "on" || text == "off" || text == "y" || text == "n";
  return is_plain && !is_taken ? text : nlohmann::json(text).dump();
}

std::string share(std::uint32_t basis_points) {
  constexpr std::uint32_t kHundred = 100;
  const std::uint32_t rest = basis_points % kHundred;
  if (rest == 0) return fmt::format("{}%", basis_points / kHundred);
  return fmt::format("{}.{:02}%", basis_points / kHundred, rest);
}

std::string time(const google::protobuf::Duration& duration) {
  return kelpie::to_string(std::chrono::seconds(duration.seconds()));
}

std::string flow(const std::vector<std::string>& members) {
  return fmt::format("{{ {} }}", fmt::join(members, ", "));
}

template <typename Shares>
std::vector<std::string> threshold_members(const Shares& in) {
  return {fmt::format("failure: {}", share(in.failure_basis_points())),
          fmt::format("deferred: {}", share(in.deferred_basis_points())),
          fmt::format("minSuccesses: {}", in.min_successes())};
}

std::string wave_line(const api::v1::Wave& wave) {
  std::vector<std::string> members{"name: " + word(wave.name())};
  members.push_back(wave.size() != 0 ? fmt::format("size: {}", wave.size())
                                     : fmt::format("upTo: {}", share(wave.up_to_basis_points())));
  if (wave.has_soak()) members.push_back("soak: " + time(wave.soak()));
  std::vector<std::string> own;
  if (wave.has_failure_basis_points()) own.push_back("failure: " + share(wave.failure_basis_points()));
  if (wave.has_deferred_basis_points()) own.push_back("deferred: " + share(wave.deferred_basis_points()));
  if (wave.has_min_successes()) own.push_back(fmt::format("minSuccesses: {}", wave.min_successes()));
  if (!own.empty()) members.push_back("thresholds: " + flow(own));
  return flow(members);
}

std::string timeout_members(const api::v1::Timeouts& in) {
  std::vector<std::string> out;
  const auto add = [&](std::string_view name, bool is_given, const google::protobuf::Duration& duration) {
    if (is_given) out.push_back(fmt::format("{}: {}", name, time(duration)));
  };
  add("prepare", in.has_prepare(), in.prepare());
  add("grant", in.has_grant(), in.grant());
  add("step", in.has_step(), in.step());
  add("attempt", in.has_attempt(), in.attempt());
  add("verify", in.has_verify(), in.verify());
  add("reportGrace", in.has_report_grace(), in.report_grace());
  add("offlineGrace", in.has_offline_grace(), in.offline_grace());
  add("wave", in.has_wave(), in.wave());
  add("rollout", in.has_rollout(), in.rollout());
  return flow(out);
}

std::string retry_members(const api::v1::Retry& in) {
  std::vector<std::string> out;
  if (in.has_transient()) out.push_back(fmt::format("transient: {}", in.transient()));
  std::vector<std::string> pauses;
  for (const google::protobuf::Duration& pause : in.backoff()) pauses.push_back(time(pause));
  if (!pauses.empty()) out.push_back(fmt::format("backoff: [{}]", fmt::join(pauses, ", ")));
  return flow(out);
}

std::string addon_words(const v1::Addon& addon) {
  if (addon.absent()) return fmt::format("{{ name: {}, state: absent }}", word(addon.name()));
  if (addon.args().empty()) return word(addon.name());
  std::vector<std::string> args;
  for (const std::string& arg : addon.args()) args.push_back(word(arg));
  return fmt::format("{{ name: {}, args: [{}] }}", word(addon.name()), fmt::join(args, ", "));
}

std::string image_words(const v1::Image& image) {
  std::vector<std::string> members{"ref: " + word(image.ref())};
  if (!image.from().empty()) members.push_back("from: " + word(image.from()));
  members.push_back("digest: " + word(image.digest()));
  if (!image.archive().empty()) members.push_back("archive: " + word(image.archive()));
  if (image.bytes() != 0) members.push_back(fmt::format("size: {}", image.bytes()));
  return flow(members);
}

std::string host_words(const v1::MirrorHost& host, const std::string& ca_file) {
  std::vector<std::string> members{"url: " + word(host.url())};
  if (!host.capabilities().empty()) {
    members.push_back(fmt::format("capabilities: [{}]", fmt::join(host.capabilities(), ", ")));
  }
  if (host.override_path()) members.emplace_back("overridePath: true");
  if (!ca_file.empty()) members.push_back("ca: " + word(ca_file));
  return flow(members);
}

void add_mirrors(const v1::MirrorsStep& step, ExportedRelease& out) {
  if (step.mirrors().empty()) return;
  out.yaml.append("mirrors:\n");
  for (const v1::Mirror& mirror : step.mirrors()) {
    out.yaml.append(fmt::format("  - registry: {}\n    hosts:\n", word(mirror.registry())));
    for (const v1::MirrorHost& host : mirror.hosts()) {
      std::string ca_file;
      if (!host.ca().empty()) {
        ca_file = fmt::format("mirrors/{}.pem", out.files.size() + 1);
        out.files[ca_file] = host.ca();
      }
      out.yaml.append(fmt::format("      - {}\n", host_words(host, ca_file)));
    }
    if (!mirror.server().empty()) out.yaml.append(fmt::format("    server: {}\n", word(mirror.server())));
  }
}

std::string check_words(const v1::Check& check) {
  if (check.has_node_ready()) return "node-ready";
  const v1::WorkloadReadyCheck& ready = check.workload_ready();
  std::vector<std::string> members{"workload-ready: " + word(ready.workload())};
  if (ready.within_s() != 0) {
    members.push_back("within: " + kelpie::to_string(std::chrono::seconds(ready.within_s())));
  }
  return flow(members);
}

void add_workloads(const v1::DeployStep& step, ExportedRelease& out) {
  if (step.workloads().empty()) return;
  out.yaml.append("workloads:\n");
  for (const v1::Workload& workload : step.workloads()) {
    const std::string file = fmt::format("k8s/{}.json", workload.name());
    std::vector<std::string> members{"name: " + word(workload.name())};
    if (workload.namespace_() != "default") members.push_back("namespace: " + word(workload.namespace_()));
    members.push_back("manifest: " + file);
    out.yaml.append(fmt::format("  - {}\n", flow(members)));
    constexpr int kIndent = 2;
    const nlohmann::json list = nlohmann::json::parse(workload.manifest(), nullptr, false);
    out.files[file] = list.is_discarded() ? workload.manifest() : list.dump(kIndent) + "\n";
  }
}

std::string microk8s_words(const v1::InstallStep& step) {
  const std::string hold = step.hold() ? "" : ", hold: false";
  if (step.files().empty()) return fmt::format("microk8s: {{ channel: {}{} }}\n", word(step.channel()), hold);
  std::string out =
      fmt::format("microk8s:\n  channel: {}\n{}  files:\n", word(step.channel()), step.hold() ? "" : "  hold: false\n");
  for (const v1::SnapFile& file : step.files()) {
    out += fmt::format("    - {}\n", flow({"name: " + word(file.name()), "snap: " + word(file.snap()),
                                           "assertions: " + word(file.assertions())}));
  }
  return out;
}

void add_step(const v1::Step& step, ExportedRelease& out) {
  if (step.has_install()) {
    out.yaml.append(microk8s_words(step.install()));
  }
  if (step.has_certs()) {
    out.yaml.append(fmt::format("certs: {{ renewBefore: {} }}\n",
                                kelpie::to_string(std::chrono::seconds(step.certs().renew_before_s()))));
  }
  if (step.has_mirrors()) add_mirrors(step.mirrors(), out);
  if (step.has_images()) {
    out.yaml.append("images:\n");
    for (const v1::Image& image : step.images().images()) out.yaml.append(fmt::format("  - {}\n", image_words(image)));
  }
  if (step.has_addons()) {
    out.yaml.append("addons:\n");
    for (const v1::Addon& addon : step.addons().addons()) out.yaml.append(fmt::format("  - {}\n", addon_words(addon)));
  }
  if (step.has_deploy()) add_workloads(step.deploy(), out);
}

}  // namespace

std::string fleet_yaml(const api::v1::Fleet& fleet) {
  const api::v1::FleetSpec& spec = fleet.spec();
  std::string out =
      fmt::format("kind: Fleet\nname: {}\nselector: {}\n", word(fleet.metadata().name()), word(spec.selector()));
  if (!spec.release().empty()) out.append(fmt::format("release: {}\n", word(spec.release())));
  const api::v1::Policy& policy = spec.policy();
  out.append("policy:\n");
  if (!policy.waves().empty()) out.append("  waves:\n");
  for (const api::v1::Wave& wave : policy.waves()) out.append(fmt::format("    - {}\n", wave_line(wave)));
  out.append(fmt::format("  thresholds: {}\n", flow(threshold_members(policy.thresholds()))));
  if (!policy.drift().empty()) out.append(fmt::format("  drift: {}\n", word(policy.drift())));
  if (!policy.on_fail().empty()) out.append(fmt::format("  onFail: {}\n", word(policy.on_fail())));
  if (policy.has_timeouts()) out.append(fmt::format("  timeouts: {}\n", timeout_members(policy.timeouts())));
  if (policy.has_retry()) out.append(fmt::format("  retry: {}\n", retry_members(policy.retry())));
  return out;
}

ExportedRelease release_yaml(const v1::Release& release) {
  ExportedRelease out;
  out.yaml = fmt::format("kind: Release\nname: {}\nversion: {}\n", word(release.name()),
                         nlohmann::json(release.version()).dump());
  for (const v1::Step& step : release.steps()) add_step(step, out);
  const auto has = [&](v1::Step::KindCase kind) {
    return std::any_of(release.steps().begin(), release.steps().end(),
                       [&](const v1::Step& step) { return step.kind_case() == kind; });
  };
  if (has(v1::Step::kInstall) && !has(v1::Step::kSnapshot)) out.yaml.append("snapshot: false\n");
  out.yaml.append(release.checks().empty() ? "checks: []\n" : "checks:\n");
  for (const v1::Check& check : release.checks()) out.yaml.append(fmt::format("  - {}\n", check_words(check)));
  if (release.preflight().disk_free_bytes() != 0) {
    out.yaml.append(fmt::format("preflight: {{ disk: {} }}\n", release.preflight().disk_free_bytes()));
  }
  return out;
}

}  // namespace kelpie::cli
