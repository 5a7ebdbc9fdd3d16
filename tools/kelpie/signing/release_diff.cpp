#include "tools/kelpie/signing/release_diff.h"

#include <algorithm>
#include <map>

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "proto/base/clock.h"

namespace kelpie::cli {
namespace {

using nlohmann::json;

constexpr std::size_t kInnerLinesMax = 20;   // chosen: a screen's worth; more is a new workload
constexpr std::size_t kValueBytesMax = 200;  // of a value inside a workload

constexpr std::size_t kDigestShown = 19;  // "sha256:" and 12 digits, as people compare them

using Things = std::map<std::string, std::string>;  // name → everything else about it

/// Everything a release says, by what it is about.
struct Said {
  Things install;
  Things upkeep;
  Things images;
  Things addons;
  Things removed;
  Things workloads;  // manifests
  Things namespaces;
  Things checks;
  Things preflight;
};

std::string words_of(const v1::Image& image) {
  const std::string digest = image.digest().substr(0, kDigestShown);
  return image.from().empty() ? digest : fmt::format("{} from {}", digest, image.from());
}

std::string words_of(const v1::Addon& addon) {
  if (addon.absent()) return "absent";
  return addon.args().empty() ? "enabled" : fmt::format("enabled {}", fmt::join(addon.args(), " "));
}

Said said_by(const v1::Release& release) {
  Said out;
  for (const v1::Step& step : release.steps()) {
    if (step.has_install()) {
      out.install["channel"] = step.install().channel();
      out.install["refreshes"] = step.install().hold() ? "held" : "not held";
    }
    if (step.has_certs()) {
      out.upkeep["certificates"] =
          fmt::format("renewed {} before", kelpie::to_string(std::chrono::seconds(step.certs().renew_before_s())));
    }
    if (step.has_snapshot()) out.upkeep["datastore"] = "copied before a refresh";
    for (const v1::Image& image : step.images().images()) out.images[image.ref()] = words_of(image);
    for (const v1::Addon& addon : step.addons().addons()) out.addons[addon.name()] = words_of(addon);
    for (const std::string& name : step.remove().workloads()) out.removed[name] = "removed";
    for (const v1::Workload& workload : step.deploy().workloads()) {
      out.workloads[workload.name()] = workload.manifest();
      out.namespaces[workload.name()] = workload.namespace_();
    }
  }
  for (const v1::Check& check : release.checks()) {
    if (check.has_node_ready()) out.checks["node-ready"] = "";
    if (check.has_workload_ready()) {
      const std::uint32_t within = check.workload_ready().within_s();
      out.checks["workload-ready " + check.workload_ready().workload()] =
          within == 0 ? "" : fmt::format("within {} s", within);
    }
  }
  if (release.preflight().disk_free_bytes() != 0) {
    constexpr double kGibibyte = 1U << 30U;
    const double free_gib = static_cast<double>(release.preflight().disk_free_bytes()) / kGibibyte;
    out.preflight["disk"] = fmt::format("{:.3g} GiB free", free_gib);
  }
  return out;
}

std::string shortened_value(const json& value) {
  std::string text = value.dump();
  if (text.size() > kValueBytesMax) text = fmt::format("{} bytes", text.size());
  return text;
}

/// JSON Patch of two manifests as lines; "/items/0/spec/replicas" as "items.0.spec.replicas".
void note_workload(const std::string& name, const std::string& from, const std::string& to,
                   std::vector<DiffLine>& out) {
  const json before = json::parse(from, nullptr, false);
  const json after = json::parse(to, nullptr, false);
  const json patch = before.is_discarded() || after.is_discarded() ? json::array() : json::diff(before, after);
  if (patch.empty() || patch.size() > kInnerLinesMax) {
    out.push_back({'~', "workloads", fmt::format("{} (much of it)", name)});
    return;
  }
  for (const json& one : patch) {
    const std::string pointer = one.at("path").get<std::string>();
    std::string path = pointer.substr(1);
    std::replace(path.begin(), path.end(), '/', '.');
    const std::string action = one.at("op").get<std::string>();
    const json::json_pointer place(pointer);
    if (action == "add") {
      out.push_back({'+', "workloads", fmt::format("{} {} {}", name, path, shortened_value(one.at("value")))});
    } else if (action == "remove") {
      out.push_back({'-', "workloads", fmt::format("{} {}", name, path)});
    } else {
      const std::string old = before.contains(place) ? shortened_value(before.at(place)) : "";
      out.push_back(
          {'~', "workloads", fmt::format("{} {} {} → {}", name, path, old, shortened_value(one.at("value")))});
    }
  }
}

std::string with_detail(const std::string& name, const std::string& detail) {
  return detail.empty() ? name : fmt::format("{} {}", name, detail);
}

void note(std::string_view what, const Things& from, const Things& to, std::vector<DiffLine>& out) {
  for (const auto& [name, detail] : from) {
    const auto now = to.find(name);
    if (now == to.end()) {
      out.push_back({'-', std::string(what), with_detail(name, detail)});
    } else if (now->second != detail) {
      out.push_back({'~', std::string(what), fmt::format("{} {} → {}", name, detail, now->second)});
    }
  }
  for (const auto& [name, detail] : to) {
    if (!from.contains(name)) out.push_back({'+', std::string(what), with_detail(name, detail)});
  }
}

void note_workloads(const Said& from, const Said& to, std::vector<DiffLine>& out) {
  for (const auto& [name, manifest] : from.workloads) {
    const auto now = to.workloads.find(name);
    if (now == to.workloads.end()) {
      out.push_back({'-', "workloads", name});
      continue;
    }
    if (from.namespaces.at(name) != to.namespaces.at(name)) {
      out.push_back({'~', "workloads",
                     fmt::format("{} namespace {} → {}", name, from.namespaces.at(name), to.namespaces.at(name))});
    }
    if (now->second != manifest) note_workload(name, manifest, now->second, out);
  }
  for (const auto& [name, manifest] : to.workloads) {
    if (!from.workloads.contains(name)) out.push_back({'+', "workloads", name});
  }
}

/// A release that stops asking for an add-on or an image takes nothing away from a device.
void say_that_it_stays(std::vector<DiffLine>& lines) {
  for (DiffLine& line : lines) {
    if (line.sign != '-' || (line.what != "add-ons" && line.what != "images")) continue;
    line.text += ", no longer asked for: stays as it is";
  }
}

}  // namespace

std::vector<DiffLine> release_diff(const v1::Release& from, const v1::Release& to) {
  const Said before = said_by(from);
  const Said after = said_by(to);
  std::vector<DiffLine> out;
  note("microk8s", before.install, after.install, out);
  note("upkeep", before.upkeep, after.upkeep, out);
  note("images", before.images, after.images, out);
  note("add-ons", before.addons, after.addons, out);
  say_that_it_stays(out);
  note("remove", before.removed, after.removed, out);
  note_workloads(before, after, out);
  note("checks", before.checks, after.checks, out);
  note("preflight", before.preflight, after.preflight, out);
  return out;
}

}  // namespace kelpie::cli
