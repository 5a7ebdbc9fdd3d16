#include "tools/sim/microk8s/parts.h"

#include <algorithm>
#include <charconv>

#include <fmt/core.h>

#include "proto/base/digest.h"
#include "tools/sim/microk8s/sim_microk8s.h"

namespace kelpie::sim {
namespace {

constexpr std::uint64_t kPullBytesPerMs = 5'000;  // chosen: 40 Mbit/s, a household's line
constexpr Duration kPullStart{1'500};             // chosen: names, tokens, manifests
constexpr Duration kApiStart{25'000};             // facts, microk8s 2.2: 45–70 s from boot to readyz on a Pi 5
constexpr Duration kNodeReady{12'000};            // chosen
constexpr Duration kPodStart{3'000};
constexpr Duration kLostAfter{60'000};

bool fits(const Fault& fault, std::string_view subject) {
  if (fault.subject.empty()) return true;
  const bool is_prefix = fault.kind == FaultKind::RegistryUnreachable || fault.kind == FaultKind::RegistryUnauthorized;
  return is_prefix ? subject.starts_with(fault.subject) : subject == fault.subject;
}

}  // namespace

void add_effect(DeviceState& state, std::string effect) {
  if (state.effects.size() >= kEffectsMax) state.effects.erase(state.effects.begin());
  state.effects.push_back(std::move(effect));
}

bool strikes(DeviceState& state, FaultKind kind, std::string_view subject) {
  for (Fault& fault : state.faults) {
    if (fault.kind != kind || fault.times == 0 || !fits(fault, subject)) continue;
    if (fault.times != kAlways) --fault.times;
    return true;
  }
  return false;
}

Duration paced(const DeviceState& state, Duration usual) {
  int percent = state.pace_percent;
  for (const Fault& fault : state.faults) {
    if (fault.kind != FaultKind::Slow || fault.times == 0) continue;
    int slow = 0;
    std::from_chars(fault.subject.data(), fault.subject.data() + fault.subject.size(), slow);
    percent = percent * std::max(slow, 100) / 100;
  }
  return usual * percent / 100;
}

WallTime wall_of(SteadyTime time) {
  constexpr std::int64_t kEpochMs = 1'764'028'800'000;  // chosen: where the device's steady clock is put
  return {kEpochMs + time.ms};
}

std::string wall_text(SteadyTime time) {
  return seconds_text(wall_of(time));
}

std::string seconds_text(WallTime time) {
  constexpr std::size_t kToSeconds = 19;
  return to_rfc3339(time).substr(0, kToSeconds) + "Z";
}

CertificateTimes certificate_times(const DeviceState& state, std::string_view file) {
  const auto at = state.certificates.find(std::string(file));
  return at == state.certificates.end() ? CertificateTimes{} : at->second;
}

bool is_refreshing(const DeviceState& state) {
  return std::any_of(state.changes.begin(), state.changes.end(), [](const auto& entry) {
    const SnapChange& change = entry.second;
    return change.status == "Doing" && (change.action == "refresh" || change.action == "revert");
  });
}

bool is_api_up(const DeviceState& state, SteadyTime now) {
  const Kubernetes& kubernetes = state.kubernetes;
  return state.snap.is_active && kubernetes.are_services_active && now >= kubernetes.api_at &&
         now >= kubernetes.api_down_until;
}

bool is_node_ready(const DeviceState& state, SteadyTime now) {
  const Kubernetes& kubernetes = state.kubernetes;
  if (!is_api_up(state, now) || kubernetes.is_never_ready || now < kubernetes.ready_at) return false;
  if (kubernetes.lost_at && now >= *kubernetes.lost_at) return false;
  // Without its network plug-in kubelet says NotReady.
  const auto calico = state.objects.find("DaemonSet/kube-system/calico-node");
  return calico != state.objects.end() && calico->second.ready_at && now >= *calico->second.ready_at;
}

int minor_of(const DeviceState& state) {
  int minor = 0;
  const std::string& version = state.snap.now.version;
  if (version.starts_with("v1.")) std::from_chars(version.data() + 3, version.data() + version.size(), minor);
  return minor;
}

std::string platform_of(const DeviceState& state) {
  return fmt::format("linux/{}", state.architecture);
}

std::string repository_of(std::string_view ref) {
  ref = ref.substr(0, ref.find('@'));
  const auto slash = ref.rfind('/');
  const auto colon = ref.rfind(':');
  if (colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash)) ref = ref.substr(0, colon);
  return std::string(ref);
}

std::string full_reference(std::string_view ref) {
  std::string full(ref);
  const std::string first = full.substr(0, full.find('/'));
  const bool has_slash = first.size() != full.size();
  const bool is_host = has_slash && (first.find_first_of(".:") != std::string::npos || first == "localhost");
  if (!has_slash) full.insert(0, "library/");
  if (!is_host) full.insert(0, "docker.io/");
  if (full.find('@') == std::string::npos && repository_of(full) == full) full += ":latest";
  return full;
}

std::string sandbox_image(const DeviceState& state) {
  const int minor = minor_of(state);
  if (minor <= 24) return "k8s.gcr.io/pause:3.1";
  if (minor == 25) return "k8s.gcr.io/pause:3.7";
  return minor <= 31 ? "registry.k8s.io/pause:3.7" : "registry.k8s.io/pause:3.10";
}

const Image* find_image(const DeviceState& state, const std::string& ref) {
  const std::string full = full_reference(ref);
  if (const auto found = state.images.find(full); found != state.images.end() && found->second.is_complete)
    return &found->second;
  const auto at = full.find('@');
  if (at == std::string::npos) return nullptr;
  for (const auto& [name, image] : state.images) {
    if (image.is_complete && image.digest == full.substr(at + 1) && repository_of(name) == repository_of(full))
      return &image;
  }
  return nullptr;
}

namespace {

/// Addresses of a hosts.toml in the order in which containerd asks: hosts as written, then the server.
std::vector<std::string> hosts_in(std::string_view toml) {
  std::vector<std::string> hosts;
  std::string server;
  for (std::size_t from = 0; from < toml.size();) {
    const std::size_t end = std::min(toml.find('\n', from), toml.size());
    const std::string_view line = toml.substr(from, end - from);
    from = end + 1;
    const std::size_t scheme = line.find("://");
    const bool is_host = line.starts_with("[host.\"");
    if (scheme == std::string_view::npos || (!is_host && !line.starts_with("server"))) continue;
    const std::string_view rest = line.substr(scheme + 3);
    const std::string host(rest.substr(0, rest.find('"')));
    if (is_host) hosts.push_back(host);
    if (!is_host) server = host;
  }
  if (!server.empty()) hosts.push_back(server);
  return hosts;
}

/// The names under which faults know what is asked for a reference: by mirror, the reference itself at its registry.
std::vector<std::string> asked_for(const DeviceState& state, const std::string& ref, std::string_view hosts_folder) {
  const std::size_t slash = std::min(ref.find('/'), ref.size());
  std::string registry = ref.substr(0, slash);
  const std::size_t colon = registry.find(':');
  std::string folder = registry;
  if (colon != std::string::npos) folder = registry.substr(0, colon) + "_" + registry.substr(colon + 1) + "_";
  const auto file = state.settings.find(fmt::format("{}/{}/hosts.toml", hosts_folder, folder));
  if (hosts_folder.empty() || file == state.settings.end()) return {ref};
  std::vector<std::string> names;
  for (const std::string& host : hosts_in(file->second)) {
    const bool is_origin = host == registry || (registry == "docker.io" && host == "registry-1.docker.io");
    names.push_back(is_origin ? ref : host.substr(0, host.find('/')) + ref.substr(slash));
  }
  return names;
}

}  // namespace

Pull try_pull(DeviceState& state, const World& world, const std::string& ref, std::string_view hosts_folder) {
  const std::vector<std::string> names = asked_for(state, ref, hosts_folder);
  const bool is_reached = std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return !strikes(state, FaultKind::RegistryUnreachable, name);
  });
  if (!is_reached) return {.end = PullEnd::Unreachable, .takes = kPullStart};
  if (strikes(state, FaultKind::RegistryUnauthorized, ref)) return {.end = PullEnd::Unauthorized, .takes = kPullStart};
  const std::optional<RegistryImage> found = find_in_registry(world, ref);
  if (!found) return {.end = PullEnd::NotFound, .takes = kPullStart};
  if (found->bytes > state.disk.free_bytes || strikes(state, FaultKind::DiskFull, "pull"))
    return {.end = PullEnd::DiskFull, .image = *found, .takes = kPullStart};
  const Duration fetching(static_cast<std::int64_t>(found->bytes / kPullBytesPerMs));
  return {.end = PullEnd::Done, .image = *found, .takes = kPullStart + fetching};
}

std::string pull_error(const Pull& pull, const std::string& ref) {
  const std::string repository = repository_of(ref);
  const auto slash = repository.find('/');
  std::string host = repository.substr(0, slash);
  const std::string path = slash == std::string::npos ? "" : repository.substr(slash + 1);
  if (host == "docker.io") host = "registry-1.docker.io";
  const std::string tag = ref.substr(std::min(ref.size(), repository.size() + 1));
  const std::string url = fmt::format("https://{}/v2/{}/manifests/{}", host, path, tag);
  switch (pull.end) {
    case PullEnd::Done: return {};
    case PullEnd::NotFound: return fmt::format("{}: not found", ref);
    case PullEnd::Unreachable:
      return fmt::format("failed to do request: Head \"{}\": dial tcp: lookup {}: no such host", url, host);
    case PullEnd::Unauthorized: return fmt::format("unexpected status from HEAD request to {}: 401 Unauthorized", url);
    case PullEnd::DiskFull:
      return "failed to copy: failed to send write: write "
             "/var/snap/microk8s/common/var/lib/containerd/io.containerd.content.v1.content/ingest/data: no space left "
             "on device";
  }
  return {};
}

std::string object_key(std::string_view kind, std::string_view name_space, std::string_view name) {
  return fmt::format("{}/{}/{}", kind, name_space, name);
}

bool is_workload(std::string_view kind) {
  return kind == "Deployment" || kind == "DaemonSet" || kind == "StatefulSet" || kind == "Job";
}

void start_services(DeviceState& state, SteadyTime now) {
  Kubernetes& kubernetes = state.kubernetes;
  if (kubernetes.are_services_active) return;
  kubernetes.are_services_active = true;
  ++kubernetes.restarts;
  kubernetes.api_at = now + paced(state, kApiStart);
  kubernetes.ready_at = kubernetes.api_at + paced(state, kNodeReady);
  kubernetes.is_never_ready = strikes(state, FaultKind::StartWithoutReady);
  kubernetes.lost_at.reset();
  if (strikes(state, FaultKind::ReadyThenNotReady)) kubernetes.lost_at = kubernetes.ready_at + kLostAfter;
  for (auto& [key, object] : state.objects) {
    if (!is_workload(object.kind) || (object.kind == "Job" && object.ready_at)) continue;
    object.ready_at.reset();
    object.pulled.clear();
    object.old_ready = 0;
    object.attempts = 0;
    object.is_crashing = false;
    object.trouble = "ContainerCreating";
    object.try_at = kubernetes.api_at + paced(state, kPodStart);
  }
}

void stop_services(DeviceState& state) {
  state.kubernetes.are_services_active = false;
}

}  // namespace kelpie::sim
