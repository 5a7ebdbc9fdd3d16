// A signed release to values.
#include <fmt/core.h>
#include <kelpie/v1/release.pb.h>

#include "device-agent/inbound.h"
#include "device-agent/inbound_texts.h"
#include "proto/wire/frame.h"
#include "proto/wire/image_rules.h"
#include "proto/wire/release_class.h"
#include "proto/wire/snap_rules.h"
#include "proto/wire/walker.h"

namespace kelpie::agent {
namespace {

using wire::Refusal;
using wire::refused;

constexpr std::uint32_t kSchema = 1;

constexpr std::string_view kSha256 = "sha256:";

Result<InstallStep> read_install(const v1::InstallStep& in) {
  if (const std::string trouble = wire::files_trouble_of(in); !trouble.empty()) {
    return fail(refused(Refusal::Schema, trouble));
  }
  // Their digests become names of files: only what is behind "sha256:".
  const auto hex = [](const std::string& digest) { return digest.substr(digest.find(':') + 1); };
  InstallStep out{.channel = in.channel(), .hold = in.hold()};
  for (const v1::SnapFile& file : in.files()) {
    out.files.push_back({.name = file.name(), .snap = hex(file.snap()), .assertions = hex(file.assertions())});
  }
  return out;
}

Result<ImagesStep> read_images(const v1::ImagesStep& in) {
  ImagesStep out;
  for (const v1::Image& image : in.images()) {
    // They become arguments of a program that runs as root, and the name of a file.
    const bool is_from_fine = image.from().empty() || wire::is_image_ref(image.from());
    if (!wire::is_image_ref(image.ref()) || !is_from_fine || !wire::is_sha256(image.digest())) {
      return fail(refused(Refusal::Schema, "an image has no full name or no sha256"));
    }
    if (!image.archive().empty() && !wire::is_sha256(image.archive())) {
      return fail(refused(Refusal::Schema, fmt::format("the archive of {} has no sha256", image.ref())));
    }
    out.images.push_back({.ref = image.ref(),
                          .digest = image.digest(),
                          .from = image.from(),
                          .archive = image.archive().empty() ? "" : image.archive().substr(kSha256.size()),
                          .bytes = image.bytes()});
  }
  return out;
}

Result<MirrorsStep> read_mirrors(const v1::MirrorsStep& in) {
  const wire::MirrorTrouble trouble = wire::trouble_of(in);
  if (!trouble.what.empty()) {
    return fail(refused(Refusal::Schema, fmt::format("{}: {}", trouble.field, trouble.what)));
  }
  MirrorsStep out;
  for (const v1::Mirror& one : in.mirrors()) {
    Mirror mirror{.registry = one.registry(), .hosts = {}, .server = one.server()};
    for (const v1::MirrorHost& host : one.hosts()) {
      mirror.hosts.push_back({.url = host.url(),
                              .capabilities = {host.capabilities().begin(), host.capabilities().end()},
                              .override_path = host.override_path(),
                              .ca = host.ca()});
    }
    out.mirrors.push_back(std::move(mirror));
  }
  return out;
}

AddonsStep read_addons(const v1::AddonsStep& in) {
  AddonsStep out;
  for (const v1::Addon& addon : in.addons()) {
    out.addons.push_back(
        {.name = addon.name(), .args = {addon.args().begin(), addon.args().end()}, .is_absent = addon.absent()});
  }
  return out;
}

DeployStep read_deploy(const v1::DeployStep& in) {
  DeployStep out;
  out.prune = in.prune();
  for (const v1::Workload& workload : in.workloads()) {
    out.workloads.push_back(
        {.name = workload.name(), .name_space = workload.namespace_(), .manifest = workload.manifest()});
  }
  return out;
}

Result<Step> read_step(const v1::Step& in) {
  switch (in.kind_case()) {
    case v1::Step::kInstall: return read_install(in.install());
    case v1::Step::kStart: return StartStep{};
    case v1::Step::kStop: return StopStep{};
    case v1::Step::kImages: return read_images(in.images());
    case v1::Step::kAddons: return read_addons(in.addons());
    case v1::Step::kRemove: return RemoveStep{{in.remove().workloads().begin(), in.remove().workloads().end()}};
    case v1::Step::kDeploy: return read_deploy(in.deploy());
    case v1::Step::kInspect: return InspectStep{.wants_archive = in.inspect().archive()};
    case v1::Step::kCerts: return CertsStep{.renew_before_s = in.certs().renew_before_s()};
    case v1::Step::kSnapshot: return SnapshotStep{};
    case v1::Step::kMirrors: return read_mirrors(in.mirrors());
    case v1::Step::KIND_NOT_SET: break;
  }
  return fail(refused(Refusal::Schema, "a step has no kind"));
}

/// Behind a firewall no node gets Ready before its images are there: start and images prove it together, and an install
/// only when it is alone.
void link_start_to_images(std::vector<Step>& steps) {
  InstallStep* install = nullptr;
  StartStep* start = nullptr;
  for (Step& step : steps) {
    if (auto* const found = std::get_if<InstallStep>(&step)) (install = found)->proves_node = true;
    const bool is_proved_here = std::holds_alternative<StartStep>(step) || std::holds_alternative<ImagesStep>(step);
    if (install != nullptr && is_proved_here) install->proves_node = false;
    if (auto* const found = std::get_if<StartStep>(&step)) start = found;
    auto* const images = std::get_if<ImagesStep>(&step);
    if (images == nullptr || start == nullptr) continue;
    start->images_follow = true;
    images->follows_start = true;
  }
}

/// What comes later in the release decides whether, and on what, these two have to do something.
void link_upkeep(std::vector<Step>& steps) {
  CertsStep* certs = nullptr;
  SnapshotStep* snapshot = nullptr;
  for (Step& step : steps) {
    if (auto* const found = std::get_if<CertsStep>(&step)) certs = found;
    if (auto* const found = std::get_if<SnapshotStep>(&step)) snapshot = found;
    if (certs != nullptr && std::holds_alternative<StartStep>(step)) certs->start_follows = true;
    const auto* const install = std::get_if<InstallStep>(&step);
    if (snapshot != nullptr && install != nullptr) snapshot->before_channel = install->channel;
  }
}

/// What is fetched before GO comes from where the release says, though kubelet's own files are not written yet.
void link_images_to_mirrors(std::vector<Step>& steps) {
  const MirrorsStep* mirrors = nullptr;
  for (Step& step : steps) {
    if (const auto* const found = std::get_if<MirrorsStep>(&step)) mirrors = found;
    if (auto* const images = std::get_if<ImagesStep>(&step); images != nullptr && mirrors != nullptr) {
      images->mirrors = mirrors->mirrors;
    }
  }
}

Result<Check> read_check(const v1::Check& in) {
  switch (in.kind_case()) {
    case v1::Check::kNodeReady: return NodeReadyCheck{};
    case v1::Check::kWorkloadReady: {
      WorkloadReadyCheck out{.workload = in.workload_ready().workload()};
      if (in.workload_ready().within_s() != 0) out.within_s = in.workload_ready().within_s();
      return out;
    }
    case v1::Check::KIND_NOT_SET: break;
  }
  return fail(refused(Refusal::Schema, "a check has no kind"));
}

}  // namespace

Result<Release> parse_release(ByteView bytes, const wire::Trust& trust) {
  KELPIE_TRY(const wire::Frame frame, wire::parse_frame(bytes));
  if (frame.type != wire::FrameType::Release) return fail(refused(Refusal::Type, "the frame is no release"));
  KELPIE_TRY(
      const std::vector<wire::PublicKey> signers,
      wire::verified_signers(frame, trust.installation, [&](const KeyId& kid) { return trust.operator_key(kid); }));
  KELPIE_ASSERT(!signers.empty());
  KELPIE_TRY(wire::check_strict(as_bytes(frame.payload), *v1::Release::descriptor()));
  v1::Release in;
  if (!in.ParseFromString(frame.payload)) return fail(refused(Refusal::Schema, "the release cannot be parsed"));
  if (in.schema() > kSchema) {
    return fail(refused(Refusal::AgentTooOld,
                        fmt::format("the release has schema {}, this agent reads up to {}", in.schema(), kSchema)));
  }
  KELPIE_TRY(require_harmless_texts(in));
  if (in.steps().empty()) return fail(refused(Refusal::Schema, "the release has no steps"));
  if (in.scope() != "device" && in.scope() != "adhoc") {
    return fail(refused(Refusal::Schema, fmt::format("scope \"{}\" is neither device nor adhoc", in.scope())));
  }
  Release out;
  out.digest = blake2b_256(frame.payload);
  out.name = in.name();
  out.version = in.version();
  out.scope = in.scope();
  out.disk_free_bytes = in.preflight().disk_free_bytes();
  out.steps.reserve(static_cast<std::size_t>(in.steps_size()));
  out.dangers = wire::dangers_of(in);
  for (const v1::Step& one : in.steps()) {
    KELPIE_TRY(Step step, read_step(one));
    out.steps.push_back(std::move(step));
  }
  link_start_to_images(out.steps);
  link_upkeep(out.steps);
  link_images_to_mirrors(out.steps);
  for (const v1::Check& one : in.checks()) {
    KELPIE_TRY(Check check, read_check(one));
    out.checks.push_back(std::move(check));
  }
  return out;
}

}  // namespace kelpie::agent
