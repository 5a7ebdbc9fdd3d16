#include "hub/core/drift.h"

#include <algorithm>

#include <fmt/core.h>

namespace kelpie::hub {
namespace {

constexpr std::size_t kLinesMax = 16;  // chosen: kept per device, and more on a screen are not read

template <typename T>
bool has(const std::vector<T>& list, const T& one) {
  return std::find(list.begin(), list.end(), one) != list.end();
}

std::vector<std::string> node_drift(const Wants& wants, const Sight& sight) {
  if (sight.node_state == "not-installed") {
    return wants.is_running || !wants.channel.empty() ? std::vector<std::string>{"MicroK8s is not installed"}
                                                      : std::vector<std::string>{};
  }
  std::vector<std::string> out;
  if (wants.is_running && sight.node_state == "stopped") out.emplace_back("MicroK8s is stopped");
  if (!wants.channel.empty() && !sight.channel.empty() && sight.channel != wants.channel) {
    out.push_back(fmt::format("MicroK8s follows {}, not {}", sight.channel, wants.channel));
  }
  return out;
}

std::vector<std::string> object_drift(const Wants& wants, const Sight& sight) {
  std::vector<std::string> out;
  for (const std::string& addon : wants.addons) {
    if (has(sight.addons_absent, addon)) out.push_back(fmt::format("add-on {} is not enabled", addon));
  }
  for (const std::string& addon : wants.addons_absent) {
    if (has(sight.addons, addon)) out.push_back(fmt::format("add-on {} is enabled", addon));
  }
  for (const WorkloadName& workload : wants.workloads) {
    if (has(sight.workloads, workload)) continue;
    out.push_back(fmt::format("workload {}/{} is gone", workload.name_space, workload.name));
  }
  if (out.size() > kLinesMax) {
    const std::size_t more = out.size() - (kLinesMax - 1);
    out.resize(kLinesMax - 1);
    out.push_back(fmt::format("{} more", more));
  }
  return out;
}

}  // namespace

std::vector<std::string> Drift::lines() const {
  std::vector<std::string> out = node;
  out.insert(out.end(), objects.begin(), objects.end());
  return out;
}

Drift drift_after(Drift before, const Wants& wants, const Sight& sight) {
  before.node = node_drift(wants, sight);
  if (sight.has_objects) before.objects = object_drift(wants, sight);
  return before;
}

}  // namespace kelpie::hub
