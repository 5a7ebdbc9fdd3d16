#include "hub/api/release_rules.h"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/core.h>
#include <kelpie/v1/release.pb.h>

#include "hub/api/writes.h"
#include "hub/core/device.h"
#include "proto/wire/addon_order.h"
#include "proto/wire/image_rules.h"
#include "proto/wire/snap_rules.h"

namespace kelpie::hub {
namespace {

constexpr std::uint32_t kSchema = 1;
constexpr std::uint32_t kCheckWithinMax = 86'400;  // seconds; chosen: a day, far above R11's verify limit

// R26. stop and inspect are no part of a desired state: they come alone, with command send.
constexpr std::array<v1::Step::KindCase, 9> kOrder = {v1::Step::kCerts,   v1::Step::kSnapshot, v1::Step::kInstall,
                                                      v1::Step::kMirrors, v1::Step::kStart,    v1::Step::kImages,
                                                      v1::Step::kAddons,  v1::Step::kRemove,   v1::Step::kDeploy};
// New ones live a year: asked for longer they would be due again at once.
constexpr std::uint32_t kRenewBeforeMin = 86'400;
constexpr std::uint32_t kRenewBeforeMax = 180 * 86'400;

bool is_lower_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// 1.32/stable, 1.32-strict/candidate
bool is_channel(std::string_view text) {
  constexpr std::array<std::string_view, 4> kRisks = {"stable", "candidate", "beta", "edge"};
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return false;
  if (std::find(kRisks.begin(), kRisks.end(), text.substr(slash + 1)) == kRisks.end()) return false;
  std::string_view track = text.substr(0, slash);
  const std::size_t dash = std::min(track.find('-'), track.size());
  const std::string_view suffix = track.substr(std::min(dash + 1, track.size()));
  if (dash != track.size() && (suffix.empty() || !std::all_of(suffix.begin(), suffix.end(), is_lower_or_digit))) {
    return false;
  }
  track = track.substr(0, dash);
  const std::size_t dot = track.find('.');
  if (dot == std::string_view::npos || dot == 0 || dot + 1 == track.size()) return false;
  const std::string_view minor = track.substr(dot + 1);
  return std::all_of(track.begin(), track.begin() + static_cast<std::ptrdiff_t>(dot), is_digit) &&
         std::all_of(minor.begin(), minor.end(), is_digit);
}

Result<void> check_install(const v1::InstallStep& step, const std::string& path) {
  if (!is_channel(step.channel())) {
    return fail(
        wrong_release(path + ".channel", fmt::format("\"{}\" is not a channel such as 1.32/stable", step.channel())));
  }
  if (const std::string trouble = wire::files_trouble_of(step); !trouble.empty()) {
    return fail(wrong_release(path, trouble));
  }
  return {};
}

Result<void> check_named(const std::string& path, const std::string& name, std::set<std::string>& seen) {
  if (!is_name(name)) return fail(wrong_release(path, fmt::format("\"{}\" is not a name", name)));
  if (!seen.insert(name).second) return fail(wrong_release(path, fmt::format("\"{}\" is listed twice", name)));
  return {};
}

Result<void> check_images(const v1::ImagesStep& step, const std::string& path) {
  if (step.images().empty()) return fail(wrong_release(path, "lists no image"));
  std::set<std::string> seen;
  for (int i = 0; i < step.images_size(); ++i) {
    const v1::Image& image = step.images(i);
    const std::string here = fmt::format("{}.images[{}]", path, i);
    if (!wire::is_image_ref(image.ref())) {
      return fail(wrong_release(here + ".ref", fmt::format("\"{}\" is not a full image name such as "
                                                           "docker.io/library/nginx:1.27",
                                                           image.ref())));
    }
    if (!image.from().empty() && !wire::is_image_ref(image.from())) {
      return fail(wrong_release(here + ".from", fmt::format("\"{}\" is not a full image name", image.from())));
    }
    if (!wire::is_sha256(image.digest())) {
      return fail(wrong_release(here + ".digest",
                                "is not sha256: and 64 hex digits; an image without a digest could "
                                "change after it was signed"));
    }
    if (!image.archive().empty() && !wire::is_sha256(image.archive())) {
      return fail(wrong_release(here + ".archive", "is not sha256: and 64 hex digits of the archive"));
    }
    if (!image.archive().empty() && !image.from().empty()) {
      return fail(wrong_release(here + ".from", "does not go with archive: an image comes from one place"));
    }
    if (!seen.insert(image.ref()).second) {
      return fail(wrong_release(here + ".ref", fmt::format("\"{}\" is listed twice", image.ref())));
    }
  }
  return {};
}

Result<void> check_mirrors(const v1::MirrorsStep& step, const std::string& path) {
  const wire::MirrorTrouble trouble = wire::trouble_of(step);
  if (trouble.what.empty()) return {};
  return fail(wrong_release(fmt::format("{}.{}", path, trouble.field), trouble.what));
}

Result<void> check_addons(const v1::AddonsStep& step, const std::string& path) {
  if (step.addons().empty()) return fail(wrong_release(path, "lists no add-on"));
  std::set<std::string> seen;
  for (int i = 0; i < step.addons_size(); ++i) {
    const v1::Addon& addon = step.addons(i);
    const std::string here = fmt::format("{}.addons[{}]", path, i);
    KELPIE_TRY(check_named(here + ".name", addon.name(), seen));
    if (addon.absent() && !addon.args().empty())
      return fail(wrong_release(here + ".args", "an absent add-on has none"));
    for (const std::string& arg : addon.args()) {
      const auto is_printable = [](char c) { return c > 0x20 && c < 0x7F; };
      if (arg.empty() || !std::all_of(arg.begin(), arg.end(), is_printable)) {
        return fail(wrong_release(here + ".args", "holds an empty argument, a blank or a control character"));
      }
    }
    // On whatever track: what no device would take is told before it is stored.
    const Result<wire::AddonOrder> order = wire::AddonOrder::of(
        {.name = addon.name(), .args = {addon.args().begin(), addon.args().end()}, .is_absent = addon.absent()}, {});
    if (!order) return fail(wrong_release(here, order.error().message));
  }
  return {};
}

Result<void> check_deploy(const v1::DeployStep& step, const std::string& path, std::set<std::string>& deployed) {
  if (step.workloads().empty() && !step.prune()) return fail(wrong_release(path, "lists no workload"));
  for (int i = 0; i < step.workloads_size(); ++i) {
    const std::string here = fmt::format("{}.workloads[{}]", path, i);
    KELPIE_TRY(check_named(here + ".name", step.workloads(i).name(), deployed));
    KELPIE_TRY(check_manifest(step.workloads(i), here));
  }
  return {};
}

Result<void> check_remove(const v1::RemoveStep& step, const std::string& path, std::set<std::string>& removed) {
  if (step.workloads().empty()) return fail(wrong_release(path, "lists no workload"));
  for (int i = 0; i < step.workloads_size(); ++i) {
    KELPIE_TRY(check_named(fmt::format("{}.workloads[{}]", path, i), step.workloads(i), removed));
  }
  return {};
}

struct Workloads {
  std::set<std::string> deployed;
  std::set<std::string> removed;
};

Result<void> check_step(const v1::Step& step, const std::string& path, Workloads& workloads) {
  switch (step.kind_case()) {
    case v1::Step::kInstall: return check_install(step.install(), path + ".install");
    case v1::Step::kStart:
    case v1::Step::kStop:
    case v1::Step::kInspect:
    case v1::Step::kSnapshot: return {};
    case v1::Step::kCerts:
      if (step.certs().renew_before_s() >= kRenewBeforeMin && step.certs().renew_before_s() <= kRenewBeforeMax) {
        return {};
      }
      return fail(wrong_release(path + ".certs.renewBeforeS", "is not in 1..180 days"));
    case v1::Step::kImages: return check_images(step.images(), path + ".images");
    case v1::Step::kMirrors: return check_mirrors(step.mirrors(), path + ".mirrors");
    case v1::Step::kAddons: return check_addons(step.addons(), path + ".addons");
    case v1::Step::kRemove: return check_remove(step.remove(), path + ".remove", workloads.removed);
    case v1::Step::kDeploy: return check_deploy(step.deploy(), path + ".deploy", workloads.deployed);
    case v1::Step::KIND_NOT_SET: return fail(wrong_release(path, "is of no kind that this hub knows"));
  }
  return fail(wrong_release(path, "is of no kind that this hub knows"));
}

Result<void> check_order(const v1::Release& release) {
  std::size_t next = 0;  // of kOrder
  for (int i = 0; i < release.steps_size(); ++i) {
    const v1::Step& step = release.steps(i);
    const std::string path = fmt::format("steps[{}]", i);
    const auto at = std::find(kOrder.begin(), kOrder.end(), step.kind_case());
    if (at == kOrder.end()) {
      if (release.scope() == kAdhocScope && release.steps_size() == 1) return {};
      return fail(wrong_release(path, fmt::format("{} comes alone, with command send", kind_of(step))));
    }
    const auto place = static_cast<std::size_t>(at - kOrder.begin());
    if (place < next) {
      return fail(
          wrong_release(path, fmt::format("{} is out of order: certs, snapshot, install, mirrors, start, images, "
                                          "addons, remove, deploy, each at most once",
                                          kind_of(step))));
    }
    next = place + 1;
  }
  return {};
}

Result<void> check_checks(const v1::Release& release, const Workloads& workloads) {
  for (int i = 0; i < release.checks_size(); ++i) {
    const v1::Check& check = release.checks(i);
    const std::string path = fmt::format("checks[{}]", i);
    if (check.kind_case() == v1::Check::KIND_NOT_SET) return fail(wrong_release(path, "is of no kind"));
    if (check.kind_case() == v1::Check::kNodeReady) continue;
    const v1::WorkloadReadyCheck& ready = check.workload_ready();
    if (!workloads.deployed.contains(ready.workload())) {
      return fail(wrong_release(path + ".workloadReady.workload",
                                fmt::format("\"{}\" is no workload of this release", ready.workload())));
    }
    if (ready.within_s() > kCheckWithinMax) {
      return fail(wrong_release(path + ".workloadReady.withinS", fmt::format("is above {} s", kCheckWithinMax)));
    }
  }
  return {};
}

}  // namespace

Error wrong_release(std::string_view path, std::string_view what) {
  Error out = wrong_field(path, what);
  out.reason = "RELEASE";
  return out;
}

Result<void> check_release(const v1::Release& release) {
  if (release.schema() != kSchema) {
    return fail(
        wrong_release("schema", fmt::format("{} is not {}, the only one this hub knows", release.schema(), kSchema)));
  }
  if (!is_name(release.name())) return fail(wrong_release("name", fmt::format("\"{}\" is not a name", release.name())));
  if (!is_version(release.version())) {
    return fail(wrong_release(
        "version", fmt::format("\"{}\" is not a version: use letters, digits and . - + _", release.version())));
  }
  if (release.scope() != kDeviceScope && release.scope() != kAdhocScope) {
    return fail(wrong_release("scope", fmt::format("\"{}\" is neither device nor adhoc", release.scope())));
  }
  if (release.steps().empty()) return fail(wrong_release("steps", "are missing"));
  Workloads workloads;
  for (int i = 0; i < release.steps_size(); ++i) {
    KELPIE_TRY(check_step(release.steps(i), fmt::format("steps[{}]", i), workloads));
  }
  KELPIE_TRY(check_order(release));
  for (const std::string& name : workloads.removed) {
    if (workloads.deployed.contains(name)) {
      return fail(wrong_release("steps", fmt::format("workload \"{}\" is both removed and deployed", name)));
    }
  }
  return check_checks(release, workloads);
}

}  // namespace kelpie::hub
