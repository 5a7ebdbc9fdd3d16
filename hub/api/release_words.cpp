// Steps of a release in words for people.
#include <fmt/core.h>
#include <kelpie/v1/release.pb.h>

#include "hub/api/release_rules.h"
#include "proto/base/clock.h"

namespace kelpie::hub {
namespace {

std::string words_of(const v1::ImagesStep& step) {
  std::string out = "images";
  for (const v1::Image& image : step.images()) {
    out.append(&image == &step.images(0) ? " " : ", ").append(image.ref());
    if (!image.from().empty()) out.append(" from ").append(image.from());
    if (!image.archive().empty()) out.append(" from an archive");
  }
  return out;
}

std::string words_of(const v1::MirrorsStep& step) {
  std::string out = "mirrors";
  for (const v1::Mirror& mirror : step.mirrors()) {
    out.append(&mirror == &step.mirrors(0) ? " " : ", ").append(mirror.registry()).append(" through");
    for (const v1::MirrorHost& host : mirror.hosts()) out.append(" ").append(host.url());
    if (!mirror.server().empty()) out.append(", then ").append(mirror.server());
  }
  return out;
}

std::string words_of(const v1::AddonsStep& step) {
  std::string out = "add-ons";
  for (const v1::Addon& addon : step.addons()) {
    out.append(&addon == &step.addons(0) ? " " : ", ").append(addon.name());
    for (const std::string& arg : addon.args()) out.append(" ").append(arg);
    if (addon.absent()) out.append(" (absent)");
  }
  return out;
}

std::string words_of(const v1::RemoveStep& step) {
  std::string out = "remove";
  for (const std::string& name : step.workloads()) out.append(&name == &step.workloads(0) ? " " : ", ").append(name);
  return out;
}

std::string words_of(const v1::DeployStep& step) {
  std::string out = "deploy";
  for (const v1::Workload& workload : step.workloads()) {
    out.append(&workload == &step.workloads(0) ? " " : ", ").append(workload.name());
    out.append(" in ").append(workload.namespace_());
  }
  if (step.prune()) out.append(step.workloads().empty() ? " nothing, remove all others" : ", remove all others");
  return out;
}

}  // namespace

std::string_view kind_of(const v1::Step& step) {
  switch (step.kind_case()) {
    case v1::Step::kInstall: return "install";
    case v1::Step::kStart: return "start";
    case v1::Step::kStop: return "stop";
    case v1::Step::kImages: return "images";
    case v1::Step::kAddons: return "addons";
    case v1::Step::kRemove: return "remove";
    case v1::Step::kDeploy: return "deploy";
    case v1::Step::kInspect: return "inspect";
    case v1::Step::kCerts: return "certs";
    case v1::Step::kSnapshot: return "snapshot";
    case v1::Step::kMirrors: return "mirrors";
    case v1::Step::KIND_NOT_SET: return "";
  }
  return "";
}

std::string sentence_of(const v1::Step& step) {
  switch (step.kind_case()) {
    case v1::Step::kInstall:
      return fmt::format("install {}{}{}", step.install().channel(), step.install().hold() ? ", held" : "",
                         step.install().files().empty() ? "" : ", from files on the device");
    case v1::Step::kStart: return "start, and wait until the node is ready";
    case v1::Step::kStop: return "stop";
    case v1::Step::kImages: return words_of(step.images());
    case v1::Step::kAddons: return words_of(step.addons());
    case v1::Step::kRemove: return words_of(step.remove());
    case v1::Step::kDeploy: return words_of(step.deploy());
    case v1::Step::kInspect: return step.inspect().archive() ? "inspect, with an archive" : "inspect";
    case v1::Step::kCerts:
      return fmt::format("renew certificates with less than {} left",
                         kelpie::to_string(std::chrono::seconds(step.certs().renew_before_s())));
    case v1::Step::kSnapshot: return "copy the datastore, before a refresh or alone";
    case v1::Step::kMirrors: return words_of(step.mirrors());
    case v1::Step::KIND_NOT_SET: return "";
  }
  return "";
}

}  // namespace kelpie::hub
