// What a decision changed, as one batch; and everything, read back at start.
#include "hub/records/fields.h"
#include "hub/records/history.h"
#include "hub/records/records.h"

#include <fmt/core.h>

namespace kelpie::hub::records {
namespace {

constexpr std::uint32_t kSchema = 1;
constexpr std::uint64_t kEventsKept = 200'000;  // chosen: about a week of a busy fleet of 1,000
constexpr std::string_view kHubKey = "m/hub";
constexpr std::string_view kBooksKey = "m/books";

std::string key_of(std::string_view prefix, std::string_view name) {
  return std::string(prefix).append(name);
}

std::string target_key(const RolloutId& rollout, const DeviceId& device) {
  return fmt::format("{}{}/{}", kTargetPrefix, rollout.text(), device.hex());
}

/// Writes what is in the state under a changed key, deletes what is not.
struct AddRecord {
  const HubState& state;
  Batch& batch;

  template <typename Map, typename Key, typename Write>
  void add(std::string key, const Map& map, const Key& id, Write write) const {
    const auto found = map.find(id);
    if (found == map.end()) {
      batch.deletes.push_back(std::move(key));
    } else {
      batch.puts.push_back({std::move(key), write(found->second)});
    }
  }

  void operator()(const DeviceKey& key) const {
    add(key_of(kDevicePrefix, key.id.hex()), state.devices, key.id, write_device);
    if (!state.devices.contains(key.id)) batch.deletes.push_back(key_of(kFactsPrefix, key.id.hex()));
  }
  void operator()(const FleetKey& key) const {
    add(key_of(kFleetPrefix, key.name), state.fleets, key.name, write_fleet);
  }
  void operator()(const ReleaseKey& key) const {
    add(key_of(kReleasePrefix, key.digest.hex()), state.releases, key.digest, write_release);
  }
  void operator()(const PlanKey& key) const {
    add(key_of(kPlanPrefix, key.id.text()), state.plans, key.id, write_plan);
    add(key_of(kAudiencePrefix, key.id.text()), state.plans, key.id, write_audience);
  }
  void operator()(const RolloutKey& key) const {
    add(key_of(kRolloutPrefix, key.id.text()), state.rollouts, key.id, write_rollout);
  }
  void operator()(const TargetKey& key) const {
    const auto rollout = state.rollouts.find(key.rollout);
    if (rollout == state.rollouts.end()) {
      batch.deletes.push_back(target_key(key.rollout, key.device));
      return;
    }
    add(target_key(key.rollout, key.device), rollout->second.targets, key.device, write_target);
  }
  void operator()(const RememberedKey& key) const {
    add(key_of(kRememberedPrefix, key.key), state.remembered, key.key, write_remembered);
  }
};

std::string write_books(const HubState& state) {
  store::v1::BooksRecord out;
  out.set_audit_size(state.audit.size());
  for (const Digest& peak : state.audit.peaks()) out.add_audit_peaks(peak.bytes());
  out.set_feed_sequence(state.feed_sequence);
  return out.SerializeAsString();
}

Result<void> read_books(std::string_view bytes, HubState& state) {
  KELPIE_TRY(const auto in, parse<store::v1::BooksRecord>(bytes, "books record"));
  std::vector<Digest> peaks;
  for (const std::string& peak : in.audit_peaks()) {
    KELPIE_TRY(const Digest digest, read_bytes<Digest>(peak, "books record"));
    peaks.push_back(digest);
  }
  KELPIE_TRY(state.audit, MerkleLog::restore(in.audit_size(), std::move(peaks)));
  state.feed_sequence = in.feed_sequence();
  return {};
}

/// Every row below a prefix through one reader.
template <typename Read>
Result<void> each(const KeyValueStore& store, std::string_view prefix, Read read) {
  Result<void> outcome;
  KELPIE_TRY(store.scan(prefix, {}, [&](std::string_view key, std::string_view value) {
    outcome = read(key.substr(prefix.size()), value);
    return outcome.has_value();
  }));
  return outcome;
}

Result<void> load_nouns(const KeyValueStore& store, HubState& state) {
  KELPIE_TRY(each(store, kDevicePrefix, [&](std::string_view, std::string_view value) -> Result<void> {
    KELPIE_TRY(Device device, read_device(value));
    const DeviceId id = device.id;
    state.devices.emplace(id, std::move(device));
    return {};
  }));
  KELPIE_TRY(each(store, kFleetPrefix, [&](std::string_view, std::string_view value) -> Result<void> {
    KELPIE_TRY(Fleet fleet, read_fleet(value));
    std::string name = fleet.name;
    state.fleets.emplace(std::move(name), std::move(fleet));
    return {};
  }));
  KELPIE_TRY(each(store, kReleasePrefix, [&](std::string_view, std::string_view value) -> Result<void> {
    KELPIE_TRY(Release release, read_release(value));
    const Digest digest = release.digest;
    state.releases.emplace(digest, std::move(release));
    return {};
  }));
  return each(store, kRememberedPrefix, [&](std::string_view key, std::string_view value) -> Result<void> {
    KELPIE_TRY(Remembered remembered, read_remembered(value));
    state.remembered.emplace(key, std::move(remembered));
    return {};
  });
}

Result<void> load_plans(const KeyValueStore& store, HubState& state) {
  KELPIE_TRY(each(store, kPlanPrefix, [&](std::string_view, std::string_view value) -> Result<void> {
    KELPIE_TRY(Plan plan, read_plan(value));
    const PlanId id = plan.id;
    state.plans.emplace(id, std::move(plan));
    return {};
  }));
  return each(store, kAudiencePrefix, [&](std::string_view key, std::string_view value) -> Result<void> {
    KELPIE_TRY(const PlanId id, read_ulid(std::string(key), "audience record"));
    const auto plan = state.plans.find(id);
    if (plan == state.plans.end()) return fail(damaged("audience record"));
    return read_audience(value, plan->second);
  });
}

Result<void> load_rollouts(const KeyValueStore& store, HubState& state) {
  KELPIE_TRY(each(store, kRolloutPrefix, [&](std::string_view, std::string_view value) -> Result<void> {
    KELPIE_TRY(Rollout rollout, read_rollout(value));
    const auto plan = state.plans.find(rollout.plan);
    if (plan == state.plans.end() || plan->second.waves.size() != rollout.waves.size()) {
      return fail(damaged("rollout record"));
    }
    rollout.leaves = plan->second.leaves;
    for (std::size_t w = 0; w < rollout.waves.size(); ++w) {
      rollout.waves[w].plan.devices = plan->second.waves[w].devices;
    }
    const RolloutId id = rollout.id;
    state.rollouts.emplace(id, std::move(rollout));
    return {};
  }));
  return each(store, kTargetPrefix, [&](std::string_view, std::string_view value) -> Result<void> {
    KELPIE_TRY(Target target, read_target(value));
    const auto rollout = state.rollouts.find(target.rollout);
    if (rollout == state.rollouts.end()) return fail(damaged("target record"));
    const DeviceId device = target.device;
    rollout->second.targets.emplace(device, std::move(target));
    return {};
  });
}

Result<void> check_owner(const KeyValueStore& store, const InstallationId& installation) {
  KELPIE_TRY(const std::optional<std::string> bytes, store.get(kHubKey));
  if (!bytes) return {};
  KELPIE_TRY(const auto record, parse<store::v1::HubRecord>(*bytes, "hub record"));
  if (record.schema() > kSchema) {
    return fail({.code = Code::FailedPrecondition,
                 .message = fmt::format("the store was written by a newer kelpie-hub (schema {}, this one reads {})",
                                        record.schema(), kSchema),
                 .reason = "STORE_NEWER",
                 .hint = "install that version again"});
  }
  if (record.installation() != installation.bytes()) {
    return fail({.code = Code::FailedPrecondition,
                 .message = "the store belongs to another installation than the keys",
                 .reason = "STORE_FOREIGN",
                 .hint = "give --data and --keys of the same hub"});
  }
  return {};
}

}  // namespace

Batch to_batch(const HubState& state, const Effects& effects) {
  Batch batch;
  const AddRecord add_record{state, batch};
  for (const RecordKey& key : effects.changed) std::visit(add_record, key);
  for (const auto& [device, sheet] : effects.facts) {
    if (state.devices.contains(device)) batch.puts.push_back({key_of(kFactsPrefix, device.hex()), sheet});
  }
  for (const AuditEntry& entry : effects.audit) {
    batch.puts.push_back({number_key(kAuditPrefix, entry.number), write_audit(entry)});
  }
  for (const FeedEvent& event : effects.feed) {
    batch.puts.push_back({number_key(kFeedPrefix, event.sequence), write_feed(event)});
    if (event.sequence > kEventsKept) batch.deletes.push_back(number_key(kFeedPrefix, event.sequence - kEventsKept));
  }
  if (!effects.audit.empty() || !effects.feed.empty())
    batch.puts.push_back({std::string(kBooksKey), write_books(state)});
  batch.must_sync = effects.must_sync;
  return batch;
}

Result<HubState> load(const KeyValueStore& store, const InstallationId& installation) {
  KELPIE_TRY(check_owner(store, installation));
  HubState state;
  KELPIE_TRY(const std::optional<std::string> books, store.get(kBooksKey));
  if (books) KELPIE_TRY(read_books(*books, state));
  KELPIE_TRY(load_nouns(store, state));
  KELPIE_TRY(load_plans(store, state));
  KELPIE_TRY(load_rollouts(store, state));
  return state;
}

Result<void> mark(KeyValueStore& store, const InstallationId& installation, WallTime now) {
  KELPIE_TRY(const std::optional<std::string> known, store.get(kHubKey));
  if (known) return {};
  store::v1::HubRecord record;
  record.set_schema(kSchema);
  record.set_installation(installation.bytes());
  record.set_created_ms(now.unix_ms);
  return store.commit({.puts = {{std::string(kHubKey), record.SerializeAsString()}}, .deletes = {}, .must_sync = true});
}

}  // namespace kelpie::hub::records
