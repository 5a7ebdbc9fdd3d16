#include "hub/records/fields.h"
#include "hub/records/records.h"

namespace kelpie::hub::records {
namespace {

constexpr std::string_view kWhat = "device record";

Result<void> read_incarnation(const store::v1::DeviceRecord& in, Device& out) {
  if (in.install().empty()) return {};
  Incarnation incarnation;
  KELPIE_TRY(incarnation.install, read_bytes<InstallId>(in.install(), kWhat));
  KELPIE_TRY(incarnation.boot, read_bytes<BootId>(in.boot(), kWhat));
  out.incarnation = incarnation;
  return {};
}

Result<std::optional<AttemptId>> read_attempt_id(const std::string& text) {
  if (text.empty()) return std::optional<AttemptId>();
  Result<AttemptId> id = parse_attempt_id(text);
  if (!id) return fail(damaged(kWhat));
  return std::optional<AttemptId>(std::move(*id));
}

void write_drift(const Device& device, store::v1::DeviceRecord& out) {
  for (const auto& [field, moved] : device.drift.moved) {
    store::v1::MovedRecord& row = *out.add_drift();
    row.set_field(field);
    row.set_wanted(moved.wanted);
    row.set_found(moved.found);
    row.set_by(moved.by);
    row.set_since_ms(moved.since.unix_ms);
    row.set_evidence(write_enum(moved.evidence));
    row.set_is_by_command(moved.is_by_command);
  }
  for (const auto& [field, times] : device.repairs.tries) {
    store::v1::RepairRecord& row = *out.add_repairs();
    row.set_field(field);
    for (const WallTime at : times) row.add_at_ms(at.unix_ms);
  }
  out.set_repairs_held(device.repairs.held);
}

Result<Drift> read_drift(const store::v1::DeviceRecord& in) {
  Drift out;
  for (const store::v1::MovedRecord& row : in.drift()) {
    Moved& moved = out.moved[row.field()];
    moved = {.wanted = row.wanted(),
             .found = row.found(),
             .by = row.by(),
             .is_by_command = row.is_by_command(),
             .since = {row.since_ms()},
             .evidence = {}};
    KELPIE_TRY(moved.evidence, read_enum(row.evidence(), Evidence::Watch, kWhat));
  }
  return out;
}

}  // namespace

std::string write_device(const Device& device) {
  store::v1::DeviceRecord out;
  out.set_id(device.id.bytes());
  out.set_name(device.name);
  out.mutable_labels()->insert(device.labels.begin(), device.labels.end());
  out.set_revision(device.revision);
  out.set_added_ms(device.added_at.unix_ms);
  out.set_added_by(device.added_by);
  if (device.key) out.set_key(device.key->bytes());
  if (device.incarnation) {
    out.set_install(device.incarnation->install.bytes());
    out.set_boot(device.incarnation->boot.bytes());
  }
  out.set_sequence(device.sequence);
  out.set_agent_version(device.agent_version);
  out.set_schema_max(device.schema_max);
  out.set_heartbeat_s(device.heartbeat_s);
  out.set_connection(write_enum(device.connection));
  out.set_last_seen_ms(device.last_seen.unix_ms);
  if (device.facts) {
    out.mutable_facts()->set_is_ready(device.facts->is_ready);
    out.mutable_facts()->set_node_state(device.facts->node_state);
    out.mutable_facts()->set_workloads_down(device.facts->workloads_down);
    out.mutable_facts()->set_first_trouble(device.facts->first_trouble);
    out.mutable_facts()->set_address(device.facts->address);
  }
  out.set_health_note(device.health_note);
  for (const auto& [scope, assigned] : device.assigned) {
    store::v1::AssignedRecord& row = *out.add_assigned();
    row.set_scope(scope);
    row.set_generation(assigned.generation);
    row.set_release(write_bytes(assigned.release));
  }
  out.set_proved_release(write_bytes(device.proved_release));
  write_drift(device, out);
  out.mutable_warnings()->insert(device.warnings.begin(), device.warnings.end());
  if (device.lease) out.set_lease(to_string(*device.lease));
  if (device.rollout) out.set_rollout(device.rollout->text());
  out.set_is_updating(device.is_updating);
  out.set_failure_reason(device.failure_reason);
  out.set_failure_detail(device.failure_detail);
  if (device.failed_attempt) out.set_failed_attempt(to_string(*device.failed_attempt));
  out.mutable_refusals()->insert(device.refusals.begin(), device.refusals.end());
  for (const Archive& archive : device.archives) {
    store::v1::ArchiveRecord& row = *out.add_archives();
    row.set_attempt(to_string(archive.attempt));
    row.set_sha256(archive.sha256);
    row.set_bytes(archive.bytes);
    row.set_at_ms(archive.at.unix_ms);
    row.set_uploads(archive.uploads);
  }
  return out.SerializeAsString();
}

Result<Device> read_device(std::string_view bytes) {
  KELPIE_TRY(const auto in, parse<store::v1::DeviceRecord>(bytes, kWhat));
  Device out;
  KELPIE_TRY(out.id, read_bytes<DeviceId>(in.id(), kWhat));
  out.name = in.name();
  out.labels.insert(in.labels().begin(), in.labels().end());
  out.revision = in.revision();
  out.added_at = {in.added_ms()};
  out.added_by = in.added_by();
  if (!in.key().empty()) {
    KELPIE_TRY(out.key, read_bytes<IdentityKey>(in.key(), kWhat));
  }
  KELPIE_TRY(read_incarnation(in, out));
  out.sequence = in.sequence();
  out.agent_version = in.agent_version();
  out.schema_max = in.schema_max();
  out.heartbeat_s = in.heartbeat_s();
  KELPIE_TRY(out.connection, read_enum(in.connection(), Connection::Offline, kWhat));
  out.last_seen = {in.last_seen_ms()};
  if (in.has_facts()) {
    out.facts = {.is_ready = in.facts().is_ready(),
                 .node_state = in.facts().node_state(),
                 .workloads_down = in.facts().workloads_down(),
                 .first_trouble = in.facts().first_trouble(),
                 .address = in.facts().address()};
  }
  out.health_note = in.health_note();
  for (const store::v1::AssignedRecord& row : in.assigned()) {
    Assigned& assigned = out.assigned[row.scope()];
    assigned.generation = row.generation();
    KELPIE_TRY(assigned.release, read_bytes<Digest>(row.release(), kWhat));
  }
  KELPIE_TRY(out.proved_release, read_bytes<Digest>(in.proved_release(), kWhat));
  KELPIE_TRY(out.drift, read_drift(in));
  for (const store::v1::RepairRecord& row : in.repairs()) {
    for (const std::int64_t at : row.at_ms()) out.repairs.tries[row.field()].push_back({at});
  }
  out.repairs.held = in.repairs_held();
  out.warnings.insert(in.warnings().begin(), in.warnings().end());
  KELPIE_TRY(out.lease, read_attempt_id(in.lease()));
  if (!in.rollout().empty()) {
    KELPIE_TRY(out.rollout, read_ulid(in.rollout(), kWhat));
  }
  out.is_updating = in.is_updating();
  out.failure_reason = in.failure_reason();
  out.failure_detail = in.failure_detail();
  KELPIE_TRY(out.failed_attempt, read_attempt_id(in.failed_attempt()));
  out.refusals.insert(in.refusals().begin(), in.refusals().end());
  for (const store::v1::ArchiveRecord& row : in.archives()) {
    KELPIE_TRY(const std::optional<AttemptId> attempt, read_attempt_id(row.attempt()));
    if (!attempt || attempt->device != out.id || !Digest::from_hex(row.sha256())) return fail(damaged(kWhat));
    out.archives.push_back({.attempt = *attempt,
                            .sha256 = row.sha256(),
                            .bytes = row.bytes(),
                            .at = {row.at_ms()},
                            .uploads = row.uploads()});
  }
  return out;
}

}  // namespace kelpie::hub::records
