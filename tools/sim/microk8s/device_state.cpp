#include "tools/sim/microk8s/device_state.h"

#include <array>
#include <charconv>
#include <utility>

#include <fmt/core.h>

#include "proto/base/digest.h"
#include "tools/sim/microk8s/parts.h"

namespace kelpie::sim {
namespace {

constexpr std::array kFaultNames{
    std::pair{FaultKind::RegistryUnreachable, std::string_view("registry-unreachable")},
    std::pair{FaultKind::RegistryUnauthorized, std::string_view("registry-unauthorized")},
    std::pair{FaultKind::DiskFull, std::string_view("disk-full")},
    std::pair{FaultKind::SnapdConflict, std::string_view("snapd-conflict")},
    std::pair{FaultKind::SnapdRestart, std::string_view("snapd-restart")},
    std::pair{FaultKind::SnapdDown, std::string_view("snapd-down")},
    std::pair{FaultKind::SnapStoreUnreachable, std::string_view("snap-store-unreachable")},
    std::pair{FaultKind::SnapChangeFails, std::string_view("snap-change-fails")},
    std::pair{FaultKind::SnapHasRunningApps, std::string_view("snap-has-running-apps")},
    std::pair{FaultKind::StartFails, std::string_view("start-fails")},
    std::pair{FaultKind::StartWithoutReady, std::string_view("start-without-ready")},
    std::pair{FaultKind::StopLeavesServices, std::string_view("stop-leaves-services")},
    std::pair{FaultKind::ReadyThenNotReady, std::string_view("ready-then-not-ready")},
    std::pair{FaultKind::AddonWithoutEffect, std::string_view("addon-without-effect")},
    std::pair{FaultKind::AddonEndless, std::string_view("addon-endless")},
    std::pair{FaultKind::AddonFails, std::string_view("addon-fails")},
    std::pair{FaultKind::AddonLockBusy, std::string_view("addon-lock-busy")},
    std::pair{FaultKind::ApiFlapsAfterEnable, std::string_view("api-flaps-after-enable")},
    std::pair{FaultKind::ImportRefused, std::string_view("import-refused")},
    std::pair{FaultKind::CrashLoop, std::string_view("crash-loop")},
    std::pair{FaultKind::Hang, std::string_view("hang")},
    std::pair{FaultKind::Traceback, std::string_view("traceback")},
    std::pair{FaultKind::PermissionDenied, std::string_view("permission-denied")},
    std::pair{FaultKind::SudoMissing, std::string_view("sudo-missing")},
    std::pair{FaultKind::RefreshCertsFails, std::string_view("refresh-certs-fails")},
    std::pair{FaultKind::RefreshCertsVanishes, std::string_view("refresh-certs-vanishes")},
    std::pair{FaultKind::BackupFails, std::string_view("backup-fails")},
    std::pair{FaultKind::BackupIsEmpty, std::string_view("backup-is-empty")},
    std::pair{FaultKind::Slow, std::string_view("slow")},
};

constexpr std::string_view kDigestStart = "sha256:";

std::string made_digest(std::string_view ref) {
  return std::string(kDigestStart) + blake2b_256(ref).hex();
}

}  // namespace

std::string_view to_string(FaultKind kind) {
  for (const auto& [known, name] : kFaultNames) {
    if (known == kind) return name;
  }
  return "?";
}

Result<Fault> parse_fault(std::string_view text) {
  Fault fault;
  std::string_view rest = text;
  if (const auto star = rest.rfind('*'); star != std::string_view::npos) {
    const std::string_view count = rest.substr(star + 1);
    const auto [end, error] = std::from_chars(count.data(), count.data() + count.size(), fault.times);
    if (error != std::errc() || end != count.data() + count.size() || fault.times < 1)
      return fail(Code::InvalidArgument, fmt::format("fault \"{}\": \"{}\" is not how often", text, count));
    rest = rest.substr(0, star);
  }
  const auto colon = rest.find(':');
  const std::string_view name = rest.substr(0, colon);
  if (colon != std::string_view::npos) fault.subject = rest.substr(colon + 1);
  std::string known_names;
  for (const auto& [kind, known] : kFaultNames) {
    if (known == name) {
      fault.kind = kind;
      return fault;
    }
    known_names += fmt::format("{}{}", known_names.empty() ? "" : ", ", known);
  }
  return fail(Code::InvalidArgument, fmt::format("no fault \"{}\"; there are {}", name, known_names));
}

std::string to_string(const Fault& fault) {
  std::string text(to_string(fault.kind));
  if (!fault.subject.empty()) text += fmt::format(":{}", fault.subject);
  if (fault.times != kAlways) text += fmt::format("*{}", fault.times);
  return text;
}

std::map<std::string, SnapRevision> usual_channels() {
  struct Track {
    int minor;
    std::string_view patch;
    int revision;
  };
  // Revisions are the model's own; versions are ones that were published.
  constexpr std::array kTracks{Track{28, "15", 7430}, Track{29, "15", 7570}, Track{30, "11", 7690},
                               Track{31, "7", 7790},  Track{32, "3", 7890},  Track{33, "1", 8120},
                               Track{34, "1", 8400},  Track{35, "0", 8600}};
  constexpr std::array kRisks{std::string_view("stable"), std::string_view("candidate"), std::string_view("beta"),
                              std::string_view("edge")};
  std::map<std::string, SnapRevision> channels;
  for (const Track& track : kTracks) {
    for (std::size_t risk = 0; risk < kRisks.size(); ++risk) {
      for (const bool is_strict : {false, true}) {
        const std::string channel = fmt::format("1.{}{}/{}", track.minor, is_strict ? "-strict" : "", kRisks[risk]);
        const int revision = track.revision + static_cast<int>(risk) + (is_strict ? 50 : 0);
        channels[channel] = {.channel = channel,
                             .revision = fmt::format("{}", revision),
                             .version = fmt::format("v1.{}.{}", track.minor, track.patch),
                             .confinement = is_strict ? "strict" : "classic"};
      }
    }
  }
  channels["latest/stable"] = channels["1.34/stable"];
  channels["latest/edge/strict"] = channels["1.35-strict/edge"];
  return channels;
}

World usual_world() {
  return {.channels = usual_channels(), .images = {}, .has_any_image = true};
}

std::optional<RegistryImage> find_in_registry(const World& world, const std::string& ref) {
  if (const auto found = world.images.find(ref); found != world.images.end()) return found->second;
  const auto at = ref.find('@');
  if (at != std::string::npos) {
    const std::string digest = ref.substr(at + 1);
    for (const auto& [known, image] : world.images) {
      if (image.digest == digest && repository_of(known) == repository_of(ref)) return image;
    }
    if (world.has_any_image) return RegistryImage{.digest = digest};
    return std::nullopt;
  }
  if (world.has_any_image) return RegistryImage{.digest = made_digest(ref)};
  return std::nullopt;
}

}  // namespace kelpie::sim
