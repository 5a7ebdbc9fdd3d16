#include "device-agent/outbound_facts.h"

#include <algorithm>

#include <kelpie/v1/report.pb.h>

namespace kelpie::agent {
namespace {

constexpr int kImagesMax = 64;  // report.proto
constexpr int kWorkloadsMax = 64;
constexpr int kAddonsMax = 64;
constexpr int kPortsMax = 16;
constexpr int kAddressesMax = 8;
constexpr int kServicesMax = 16;
constexpr int kIllPodsMax = 16;
constexpr int kCertificatesMax = 8;
constexpr int kMovedMax = 16;

/// Bytes of the character that starts here; 0 when it is none of UTF-8.
std::size_t character_bytes(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::size_t size = byte(0) < 0x80U ? 1 : byte(0) < 0xC2U ? 0 : byte(0) < 0xE0U ? 2 : byte(0) < 0xF0U ? 3 : 4;
  if (size == 0 || byte(0) > 0xF4U || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return 0;
  }
  // Overlong forms, surrogates, and what is beyond Unicode.
  if (size == 3 && ((byte(0) == 0xE0U && byte(1) < 0xA0U) || (byte(0) == 0xEDU && byte(1) > 0x9FU))) return 0;
  if (size == 4 && ((byte(0) == 0xF0U && byte(1) < 0x90U) || (byte(0) == 0xF4U && byte(1) > 0x8FU))) return 0;
  return size;
}

}  // namespace

std::string clean(std::string_view text, std::size_t bytes_max) {
  std::string out;
  while (!text.empty()) {
    const std::size_t size = character_bytes(text);
    const std::string_view next = size == 0 ? "?" : text.substr(0, size);
    if (out.size() + next.size() > bytes_max) break;
    out += next;
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return out;
}

namespace {

void write_workload(const WorkloadFact& fact, v1::WorkloadFact& out) {
  out.set_name(clean(fact.name, 63));
  out.set_namespace_(clean(fact.name_space, 63));
  out.set_kind(clean(fact.kind, 32));
  out.set_ready(fact.ready);
  out.set_wanted(fact.wanted);
  for (const std::uint32_t port : fact.node_ports) {
    if (out.node_ports_size() < kPortsMax) out.add_node_ports(port);
  }
  out.set_trouble(clean(fact.trouble));
}

void write_machine(const Facts& facts, v1::Facts& out) {
  out.set_kernel(clean(facts.kernel, 64));
  out.set_memory_bytes(facts.memory_bytes);
  out.set_memory_available_bytes(facts.memory_available_bytes);
  out.set_disk_bytes(facts.disk_bytes);
  out.set_disk_free_bytes(facts.disk_free_bytes);
  out.set_disk_inodes(facts.disk_inodes);
  out.set_disk_inodes_free(facts.disk_inodes_free);
  if (facts.temperature_c) out.set_temperature_c(*facts.temperature_c);
  if (facts.throttled) out.set_throttled(*facts.throttled);
  if (facts.is_clock_synchronised) out.set_is_clock_synchronised(*facts.is_clock_synchronised);
  for (const std::string& address : facts.addresses) {
    if (out.addresses_size() < kAddressesMax) out.add_addresses(clean(address, 64));
  }
  out.set_route(clean(facts.route, 64));
  out.set_address(clean(facts.address, 45));
}

void write_checkup(const Checkup& checkup, v1::Checkup& out) {
  out.set_datastore_bytes(checkup.datastore_bytes);
  out.set_pods(checkup.pods);
  out.set_pods_not_ready(checkup.pods_not_ready);
  out.set_restarts(checkup.restarts);
  for (const PodFact& pod : checkup.ill_pods) {
    if (out.ill_pods_size() == kIllPodsMax) break;
    v1::PodFact& row = *out.add_ill_pods();
    row.set_name(clean(pod.name, 63));
    row.set_namespace_(clean(pod.name_space, 63));
    row.set_trouble(clean(pod.trouble, 63));
    row.set_restarts(pod.restarts);
  }
  for (const CertificateFact& certificate : checkup.certificates) {
    if (out.certificates_size() == kCertificatesMax) break;
    v1::CertificateFact& row = *out.add_certificates();
    row.set_name(clean(certificate.name, 32));
    row.set_not_after_unix_s(static_cast<std::uint64_t>(std::max<std::int64_t>(certificate.not_after_unix_s, 0)));
  }
  for (const Moved& moved : checkup.moved) {
    if (out.moved_size() == kMovedMax) break;
    v1::Moved& row = *out.add_moved();
    row.set_field(clean(moved.field, 160));
    row.set_wanted(clean(moved.wanted, 96));
    row.set_found(clean(moved.found, 96));
    row.set_by(clean(moved.by, 96));
  }
  if (!checkup.watched.is_zero()) out.set_watched(checkup.watched.bytes());
}

}  // namespace

void write_facts(const Facts& facts, WallTime now, v1::Facts& out) {
  out.set_hostname(clean(facts.hostname));
  out.set_os(clean(facts.os));
  out.set_arch(clean(facts.arch, 16));
  out.set_model(clean(facts.model));
  write_machine(facts, out);
  out.set_snapd_version(clean(facts.snapd_version));
  if (facts.has_microk8s) {
    v1::Snap& snap = *out.mutable_microk8s();
    snap.set_channel(clean(facts.microk8s.channel, 64));
    snap.set_revision(clean(facts.microk8s.revision, 16));
    snap.set_version(clean(facts.microk8s.version, 32));
    snap.set_is_held(facts.microk8s.is_held);
    snap.set_is_active(facts.microk8s.is_active);
  }
  out.set_kubernetes_version(clean(facts.kubernetes_version));
  out.mutable_node()->set_is_ready(facts.is_ready);
  out.mutable_node()->set_is_cordoned(facts.is_cordoned);
  out.mutable_node()->set_state(clean(facts.node_state, 32));
  out.mutable_node()->set_why(clean(facts.node_why));
  for (const std::string& pressure : facts.pressures) out.mutable_node()->add_pressures(clean(pressure, 32));
  for (const std::string& addon : facts.addons) {
    if (out.addons_size() < kAddonsMax) out.add_addons(clean(addon, 63));
  }
  for (const std::string& addon : facts.addons_absent) {
    if (out.addons_absent_size() < kAddonsMax) out.add_addons_absent(clean(addon, 63));
  }
  out.set_has_objects(facts.has_objects);
  out.set_has_images(facts.has_images);
  for (const ImageFact& image : facts.images) {
    if (out.images_size() == kImagesMax) break;
    v1::ImageFact& row = *out.add_images();
    row.set_ref(clean(image.ref));
    row.set_digest(clean(image.digest, 71));
    row.set_is_pinned(image.is_pinned);
  }
  for (const WorkloadFact& workload : facts.workloads) {
    if (out.workloads_size() == kWorkloadsMax) break;
    write_workload(workload, *out.add_workloads());
  }
  for (const std::string& service : facts.services) {
    if (out.services_size() < kServicesMax) out.add_services(clean(service, 32));
  }
  out.set_snap_change(clean(facts.snap_change));
  if (facts.checkup) write_checkup(*facts.checkup, *out.mutable_checkup());
  out.set_device_unix_ms(static_cast<std::uint64_t>(now.unix_ms));
}

}  // namespace kelpie::agent
