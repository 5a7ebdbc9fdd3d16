// What is looked at every few minutes: the datastore, pods, certificates, and whether somebody changed what the release
// made.
#include <algorithm>

#include "device-agent/microk8s/certificates.h"
#include "device-agent/microk8s/commands.h"
#include "device-agent/microk8s/health.h"
#include "device-agent/microk8s/steps.h"

namespace kelpie::agent {
namespace {

constexpr std::size_t kIllPodsMax = 16;      // report.proto
constexpr std::size_t kMovedMax = 16;        // report.proto
constexpr std::size_t kCertificatesMax = 8;  // report.proto
constexpr std::int64_t kMilli = 1'000;

std::uint32_t restarts_of(const Json& pod) {
  std::int64_t sum = 0;
  for (const Json& status : pod.at({"status", "containerStatuses"}).items()) sum += status.number("restartCount", 0);
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(sum, 0, UINT32_MAX));
}

/// A pod that has done its work is as well as one that is ready.
bool is_well(const Json& pod) {
  return is_pod_ready(pod) || pod.at({"status", "phase"}).text() == "Succeeded";
}

void add_pods(const Json::Array& pods, Checkup& checkup) {
  for (const Json& pod : pods) {
    ++checkup.pods;
    const std::uint32_t restarts = restarts_of(pod);
    checkup.restarts += restarts;
    if (is_well(pod)) continue;
    ++checkup.pods_not_ready;
    if (checkup.ill_pods.size() == kIllPodsMax) continue;
    const std::string word = judge(pod, {pod}).word;
    checkup.ill_pods.push_back({.name = pod.at({"metadata", "name"}).text(),
                                .name_space = pod.at({"metadata", "namespace"}).text(),
                                .trouble = word.empty() ? pod.at({"status", "phase"}).text() : word,
                                .restarts = restarts});
  }
}

}  // namespace

Checkup look_deeper(const FactsCall&, const Work& work) {
  Checkup checkup;
  const std::string datastore = work.paths().snap_data + "/var/kubernetes/backend";
  if (const Result<std::uint64_t> bytes = work.host().files.folder_bytes(datastore)) checkup.datastore_bytes = *bytes;
  for (const Certificate& one : read_certificates(work)) {
    if (!one.validity || checkup.certificates.size() == kCertificatesMax) continue;
    checkup.certificates.push_back({.name = one.name, .not_after_unix_s = one.validity->not_after.unix_ms / kMilli});
  }
  return checkup;
}

void look_at_objects(const FactsCall& call, const Work& work, Checkup& checkup) {
  if (const Tried<Json::Array> pods = get_objects(work, {"pods", "-A"})) add_pods(*pods, checkup);
  if (call.release.is_zero()) return;
  for (const Step& step : call.watched) {
    const auto* const deploy = std::get_if<DeployStep>(&step);
    if (deploy == nullptr) continue;
    const Tried<std::vector<Moved>> moved = watch_deploy(*deploy, work);
    if (!moved) return;  // half a comparison would say that the other half is as it was
    checkup.moved.insert(checkup.moved.end(), moved->begin(), moved->end());
  }
  checkup.moved.resize(std::min(checkup.moved.size(), kMovedMax));
  checkup.watched = call.release;
}

}  // namespace kelpie::agent
