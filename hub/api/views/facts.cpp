// The sheet of facts a device sent, as people and programs read it.
#include <kelpie/v1/report.pb.h>

#include "hub/api/views/views.h"

namespace kelpie::hub {
namespace {

void show_workload(const v1::WorkloadFact& in, api::v1::WorkloadFact& out) {
  out.set_name(in.name());
  out.set_namespace_(in.namespace_());
  out.set_kind(in.kind());
  out.set_ready(in.ready());
  out.set_wanted(in.wanted());
  out.mutable_node_ports()->CopyFrom(in.node_ports());
  out.set_trouble(in.trouble());
}

std::vector<std::string> throttled_words(std::uint32_t bits) {
  struct Word {
    std::uint32_t bit;
    const char* word;
  };
  constexpr Word kWords[] = {{0, "undervoltage"},    {1, "frequency-capped"},   {2, "throttled"},
                             {3, "soft-limited"},    {16, "undervoltage-seen"}, {17, "frequency-capped-seen"},
                             {18, "throttled-seen"}, {19, "soft-limited-seen"}};
  std::vector<std::string> out;
  for (const Word& word : kWords) {
    if ((bits >> word.bit & 1U) != 0) out.emplace_back(word.word);
  }
  return out;
}

void show_machine(const v1::Facts& in, api::v1::Facts& out) {
  out.set_kernel(in.kernel());
  out.set_memory_available(std::to_string(in.memory_available_bytes()));
  out.set_disk_inodes(std::to_string(in.disk_inodes()));
  out.set_disk_inodes_free(std::to_string(in.disk_inodes_free()));
  if (in.has_temperature_c()) out.set_temperature(in.temperature_c());
  for (const std::string& word : throttled_words(in.throttled())) out.add_throttled(word);
  if (in.has_is_clock_synchronised()) out.set_clock_synchronised(in.is_clock_synchronised());
  *out.mutable_addresses() = in.addresses();
  out.set_route(in.route());
  out.set_address(in.address());
}

void show_node(const v1::Facts& in, api::v1::Facts& out) {
  *out.mutable_services() = in.services();
  out.set_snap_change(in.snap_change());
  out.set_node_why(in.node().why());
  *out.mutable_node_pressures() = in.node().pressures();
  out.set_node_cordoned(in.node().is_cordoned());
}

void show_checkup(const v1::Checkup& in, api::v1::Checkup& out) {
  out.set_datastore(std::to_string(in.datastore_bytes()));
  out.set_pods(in.pods());
  out.set_pods_not_ready(in.pods_not_ready());
  out.set_restarts(in.restarts());
  for (const v1::PodFact& pod : in.ill_pods()) {
    api::v1::PodFact& shown = *out.add_ill_pods();
    shown.set_name(pod.name());
    shown.set_namespace_(pod.namespace_());
    shown.set_trouble(pod.trouble());
    shown.set_restarts(pod.restarts());
  }
  constexpr std::uint64_t kLatest = 253'402'300'799;  // the end of 9999: what can be printed
  for (const v1::CertificateFact& one : in.certificates()) {
    api::v1::CertificateFact& shown = *out.add_certificates();
    shown.set_name(one.name());
    shown.mutable_not_after()->set_seconds(static_cast<std::int64_t>(std::min(one.not_after_unix_s(), kLatest)));
  }
}

}  // namespace

void show_facts(const v1::Facts& in, api::v1::Facts& out) {
  out.set_hostname(in.hostname());
  out.set_os(in.os());
  out.set_arch(in.arch());
  out.set_model(in.model());
  out.set_memory(std::to_string(in.memory_bytes()));
  out.set_disk(std::to_string(in.disk_bytes()));
  out.set_disk_free(std::to_string(in.disk_free_bytes()));
  out.set_snapd_version(in.snapd_version());
  out.set_microk8s_channel(in.microk8s().channel());
  out.set_microk8s_revision(in.microk8s().revision());
  out.set_microk8s_version(in.microk8s().version());
  out.set_microk8s_held(in.microk8s().is_held());
  out.set_kubernetes_version(in.kubernetes_version());
  out.set_node_state(in.node().state());
  out.set_node_ready(in.node().is_ready());
  *out.mutable_addons() = in.addons();
  show_machine(in, out);
  show_node(in, out);
  if (in.has_checkup()) show_checkup(in.checkup(), *out.mutable_checkup());
  for (const v1::ImageFact& image : in.images()) {
    api::v1::ImageFact& shown = *out.add_images();
    shown.set_ref(image.ref());
    shown.set_digest(image.digest());
    shown.set_pinned(image.is_pinned());
  }
  for (const v1::WorkloadFact& workload : in.workloads()) show_workload(workload, *out.add_workloads());
}

}  // namespace kelpie::hub
