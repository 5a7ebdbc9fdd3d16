#include "hub/inbound.h"

#include <algorithm>

#include <fmt/core.h>
#include <kelpie/v1/report.pb.h>

#include "hub/records/attempt.h"
#include "proto/wire/frame.h"
#include "proto/wire/walker.h"

namespace kelpie::hub {
namespace {

using wire::Refusal;
using wire::refused;

const Device* sender_of(const wire::Frame& frame, const HubState& state) {
  // A device's key id is its device id as long as it has its first key.
  const Result<DeviceId> id = DeviceId::from_bytes(frame.signatures.front().kid.view());
  const auto at = state.devices.find(*id);
  return at == state.devices.end() ? nullptr : &at->second;
}

/// The key on record, or for a first HELLO the one it brings: it must hash to the id that an operator registered.
Result<wire::PublicKey> key_of(const Device& device, const v1::Report& report) {
  if (device.key) return wire::PublicKey::from_bytes(device.key->view());
  const Result<wire::PublicKey> key = wire::PublicKey::from_bytes(report.hello().identity_key());
  if (!key || wire::device_id_of(*key) != device.id) {
    return fail(refused(Refusal::Sig, "the device's key is not known yet and this report does not bring it"));
  }
  return *key;
}

Result<void> check_signature(const wire::Frame& frame, const InstallationId& installation, const wire::PublicKey& key) {
  const auto lookup = [&](const KeyId& kid) -> std::optional<wire::PublicKey> {
    if (kid == wire::key_id(key)) return key;
    return std::nullopt;
  };
  KELPIE_TRY(const std::vector<wire::PublicKey> signers, wire::verified_signers(frame, installation, lookup));
  KELPIE_ASSERT(!signers.empty());
  return {};
}

FactsSummary summary_of(const v1::Facts& facts) {
  FactsSummary out{.is_ready = facts.node().is_ready(),
                   .node_state = facts.node().state(),
                   .workloads_down = 0,
                   .first_trouble = {},
                   .address = facts.address()};
  for (const v1::WorkloadFact& workload : facts.workloads()) {
    if (workload.ready() >= workload.wanted()) continue;
    ++out.workloads_down;
    if (out.first_trouble.empty()) out.first_trouble = fmt::format("{}: {}", workload.name(), workload.trouble());
  }
  return out;
}

Sight sight_of(const v1::Facts& facts) {
  Sight out{.node_state = facts.node().state(),
            .channel = facts.microk8s().channel(),
            .is_held = std::nullopt,
            .snap_change = facts.snap_change(),
            .has_objects = facts.has_objects(),
            .addons = {facts.addons().begin(), facts.addons().end()},
            .addons_absent = {facts.addons_absent().begin(), facts.addons_absent().end()},
            .workloads = {},
            .has_images = facts.has_images(),
            .images = {},
            .watched = {},
            .fields = {}};
  if (facts.has_microk8s()) out.is_held = facts.microk8s().is_held();
  if (Result<Digest> watched = Digest::from_bytes(facts.checkup().watched())) out.watched = *watched;
  for (const v1::Moved& moved : facts.checkup().moved()) {
    out.fields.push_back({.field = moved.field(), .wanted = moved.wanted(), .found = moved.found(), .by = moved.by()});
  }
  for (const v1::ImageFact& image : facts.images()) {
    out.images[image.ref()] = {.digest = image.digest(), .is_pinned = image.is_pinned()};
  }
  for (const v1::WorkloadFact& workload : facts.workloads()) {
    out.workloads.push_back({.name_space = workload.namespace_(), .name = workload.name(), .kind = workload.kind()});
  }
  return out;
}

WallTime time_of(std::uint64_t unix_ms) {
  constexpr std::uint64_t kLatest = 253'402'300'799'000;  // the end of 9999: what can be printed
  return {static_cast<std::int64_t>(std::min(unix_ms, kLatest))};
}

Readings readings_of(const v1::Facts& facts) {
  constexpr std::uint64_t kMilli = 1'000;
  constexpr std::uint64_t kLatest = 253'402'300'799;
  Readings out{.memory_bytes = facts.memory_bytes(),
               .memory_available_bytes = facts.memory_available_bytes(),
               .disk_bytes = facts.disk_bytes(),
               .disk_free_bytes = facts.disk_free_bytes(),
               .inodes = facts.disk_inodes(),
               .inodes_free = facts.disk_inodes_free(),
               .temperature_c = {},
               .throttled = {},
               .pressures = {facts.node().pressures().begin(), facts.node().pressures().end()},
               .device_time = time_of(facts.device_unix_ms()),
               .datastore_bytes = facts.checkup().datastore_bytes(),
               .pods_not_ready = facts.checkup().pods_not_ready(),
               .first_ill_pod = {},
               .certificates = {}};
  if (facts.has_temperature_c()) out.temperature_c = facts.temperature_c();
  if (facts.has_throttled()) out.throttled = facts.throttled();
  if (facts.checkup().ill_pods_size() > 0) {
    const v1::PodFact& pod = facts.checkup().ill_pods(0);
    out.first_ill_pod = fmt::format("{}/{}: {}", pod.namespace_(), pod.name(), pod.trouble());
  }
  for (const v1::CertificateFact& one : facts.checkup().certificates()) {
    const std::uint64_t seconds = std::min(one.not_after_unix_s(), kLatest);
    out.certificates.push_back({.name = one.name(), .not_after = time_of(seconds * kMilli)});
  }
  return out;
}

template <typename Bytes>
Result<Bytes> bytes_or_zero(const std::string& bytes, std::string_view field) {
  if (bytes.empty()) return Bytes{};
  Result<Bytes> out = Bytes::from_bytes(bytes);
  if (!out) return fail(refused(Refusal::Schema, fmt::format("{}: {}", field, out.error().message)));
  return out;
}

Result<void> read_attempt(const v1::Report& in, const Device& device, ReportReceived& out) {
  if (!in.has_attempt()) return {};
  Result<ReportedAttempt> attempt = records::read_attempt(in.attempt());
  if (!attempt) return fail(refused(Refusal::Schema, attempt.error().message));
  if (attempt->id.device != device.id) return fail(refused(Refusal::Audience, "the attempt is another device's"));
  out.attempt = std::move(*attempt);
  return {};
}

/// Codes become labels of metrics: those this hub does not know are counted together.
Refusals read_refusals(const v1::Report& in) {
  Refusals out;
  for (const v1::Refusal& row : in.refusals()) {
    if (row.count() != 0) out[wire::is_refusal(row.code()) ? row.code() : "other"] += row.count();
  }
  return out;
}

Result<ReportReceived> read_report(const v1::Report& in, const Device& device, const wire::PublicKey& key) {
  ReportReceived out;
  out.device = device.id;
  KELPIE_TRY(out.incarnation.install, bytes_or_zero<InstallId>(in.install_id(), "install_id"));
  KELPIE_TRY(out.incarnation.boot, bytes_or_zero<BootId>(in.boot(), "boot"));
  out.sequence = in.sequence();
  KELPIE_TRY(out.hub_nonce, bytes_or_zero<Nonce>(in.hub_nonce(), "hub_nonce"));
  KELPIE_TRY(out.heartbeat_nonce, bytes_or_zero<Nonce>(in.heartbeat_nonce(), "heartbeat_nonce"));
  if (in.has_hello()) {
    HelloReport& hello = out.hello.emplace();
    KELPIE_TRY(hello.key, bytes_or_zero<IdentityKey>(in.hello().identity_key(), "identity_key"));
    if (hello.key.bytes() != key.bytes()) {
      return fail(refused(Refusal::Role, "the hello names another key than the one that signed it"));
    }
    hello.agent_version = in.hello().agent_version();
    hello.trust_version = in.hello().trust_version();
    hello.schema_max = in.hello().schema_max();
  }
  KELPIE_TRY(read_attempt(in, device, out));
  if (in.has_facts()) {
    out.facts = summary_of(in.facts());
    out.sight = sight_of(in.facts());
    out.readings = readings_of(in.facts());
    out.facts_bytes = in.facts().SerializeAsString();
  }
  out.health_note = in.health_note();
  out.refusals = read_refusals(in);
  return out;
}

}  // namespace

Result<ReportReceived> parse_report(ByteView bytes, const HubState& state, const wire::Trust& trust) {
  KELPIE_TRY(const wire::Frame frame, wire::parse_frame(bytes));
  if (frame.type != wire::FrameType::Report) return fail(refused(Refusal::Type, "only reports come from devices"));
  if (frame.signatures.size() != 1 || frame.proof) {
    return fail(refused(Refusal::Frame, "a report has one signature and no proof"));
  }
  const Device* const device = sender_of(frame, state);
  if (device == nullptr) {
    return fail(refused(Refusal::Role, fmt::format("no device with key {} is registered",
                                                   fingerprint(frame.signatures.front().kid.view()))));
  }
  // The key on record proves the bytes before any parser runs. A first HELLO must be read to find its key: only for a
  // registered device without a key, and only after the strict walk.
  if (device->key) {
    KELPIE_TRY(const wire::PublicKey key, wire::PublicKey::from_bytes(device->key->view()));
    KELPIE_TRY(check_signature(frame, trust.installation, key));
  }
  KELPIE_TRY(wire::check_strict(as_bytes(frame.payload), *v1::Report::descriptor(), wire::UnknownFields::Pass));
  v1::Report report;
  if (!report.ParseFromString(frame.payload)) return fail(refused(Refusal::Schema, "the report cannot be parsed"));
  KELPIE_TRY(const wire::PublicKey key, key_of(*device, report));
  if (!device->key) KELPIE_TRY(check_signature(frame, trust.installation, key));
  if (report.device_id() != device->id.bytes()) {
    return fail(refused(Refusal::Audience, "the report names another device than its signer"));
  }
  KELPIE_TRY(ReportReceived out, read_report(report, *device, key));
  out.frame_hash = blake2b_256(bytes);
  return out;
}

}  // namespace kelpie::hub
