#include "hub/core/registry.h"

#include <algorithm>

#include <fmt/core.h>

#include "hub/core/archives.h"
#include "hub/core/rollout/target.h"
#include "hub/core/rollout/wave.h"

namespace kelpie::hub {
namespace {

constexpr std::size_t kLabelsMax = 32;       // chosen: a device's record stays a few hundred bytes
constexpr std::size_t kLabelLengthMax = 63;  // Kubernetes' limit for label values

bool is_label_word(std::string_view text) {
  const auto is_fine = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '/' || c == '-';
  };
  return !text.empty() && text.size() <= kLabelLengthMax && std::all_of(text.begin(), text.end(), is_fine);
}

Result<void> check_name(std::string_view name) {
  if (is_name(name)) return {};
  return fail({.code = Code::InvalidArgument,
               .message = fmt::format("\"{}\" is not a name: use 1 to 63 lower-case letters, digits and dashes", name),
               .reason = "NAME",
               .hint = {}});
}

Result<void> check_labels(const Labels& labels) {
  if (labels.size() > kLabelsMax)
    return fail(Code::ResourceExhausted, fmt::format("{} labels are too many: at most {}", labels.size(), kLabelsMax));
  for (const auto& [key, value] : labels) {
    if (!is_label_word(key) || !is_label_word(value)) {
      return fail(
          Code::InvalidArgument,
          fmt::format("label \"{}={}\" is not key=value of letters, digits and . _ / - (at most 63 each)", key, value));
    }
  }
  return {};
}

/// A device that was here before kept the highest generation it took and refuses any below; so did the rollouts.
void recall_generations(const HubState& state, Device& device) {
  for (const auto& [id, rollout] : state.rollouts) {
    const auto target = rollout.targets.find(device.id);
    if (target == rollout.targets.end()) continue;
    Assigned& assigned = device.assigned[rollout.scope];
    if (target->second.generation <= assigned.generation) continue;
    assigned = {.generation = target->second.generation, .release = rollout.release};
  }
}

/// "site=oslo → site=turin, tier=edge → none"
std::string changed_labels(const Labels& before, const Labels& after) {
  std::string out;
  const auto add = [&](const std::string& from, const std::string& to) {
    out.append(out.empty() ? "" : ", ").append(from).append(" → ").append(to);
  };
  for (const auto& [key, value] : before) {
    const auto now = after.find(key);
    if (now == after.end()) add(fmt::format("{}={}", key, value), "none");
    if (now != after.end() && now->second != value) {
      add(fmt::format("{}={}", key, value), fmt::format("{}={}", key, now->second));
    }
  }
  for (const auto& [key, value] : after) {
    if (!before.contains(key)) add("none", fmt::format("{}={}", key, value));
  }
  return out;
}

}  // namespace

Result<Device*> device_named(HubState& state, const std::string& name) {
  const auto at = state.device_names.find(name);
  if (at == state.device_names.end()) {
    return fail({.code = Code::NotFound,
                 .message = fmt::format("there is no device \"{}\"", name),
                 .reason = "DEVICE_UNKNOWN",
                 .hint = "kelpie device list"});
  }
  return &state.devices.at(at->second);
}

Result<std::string> add_device(Turn& turn, const AddDevice& add, bool is_dry_run) {
  KELPIE_TRY(check_name(add.name));
  KELPIE_TRY(check_labels(add.labels));
  if (turn.state.device_names.contains(add.name)) {
    return fail({.code = Code::AlreadyExists,
                 .message = fmt::format("there is a device \"{}\" already", add.name),
                 .reason = "DEVICE_EXISTS",
                 .hint = fmt::format("kelpie device show {}", add.name)});
  }
  if (const auto same = turn.state.devices.find(add.id); same != turn.state.devices.end()) {
    return fail({.code = Code::AlreadyExists,
                 .message = fmt::format("this fingerprint is registered as \"{}\"", same->second.name),
                 .reason = "DEVICE_EXISTS",
                 .hint = fmt::format("kelpie device rename {} {}", same->second.name, add.name)});
  }
  KELPIE_TRY(const std::string fleet, fleet_for(turn.state, add.labels));
  const std::string object = "device/" + add.name;
  if (is_dry_run) return object;
  Device device;
  device.id = add.id;
  device.name = add.name;
  device.labels = add.labels;
  device.added_at = turn.now;
  device.added_by = turn.actor;
  recall_generations(turn.state, device);
  turn.state.device_names[add.name] = add.id;
  place_in_fleet(turn.state, turn.state.devices.emplace(add.id, std::move(device)).first->second, fleet);
  touch_synced(turn, DeviceKey{add.id});
  audit(turn, {.action = "device.add",
               .object = object,
               .reason = fingerprint(add.id.view()),
               .plan_hash = {},
               .frame_hash = {}});
  feed(turn, {.type = "device.added",
              .object = object,
              .reason = {},
              .message = fmt::format("by {}", turn.actor),
              .rollout = {},
              .device = add.name});
  return object;
}

Result<std::string> label_device(Turn& turn, const LabelDevice& label, bool is_dry_run) {
  KELPIE_TRY(Device* const device, device_named(turn.state, label.name));
  Labels labels = device->labels;
  for (const std::string& key : label.remove) labels.erase(key);
  for (const auto& [key, value] : label.set) labels[key] = value;
  KELPIE_TRY(check_labels(labels));
  KELPIE_TRY(const std::string fleet, fleet_for(turn.state, labels));
  const std::string object = "device/" + device->name;
  if (is_dry_run || labels == device->labels) return object;
  const std::string changed = changed_labels(device->labels, labels);
  device->labels = std::move(labels);
  ++device->revision;
  place_in_fleet(turn.state, *device, fleet);
  touch_synced(turn, DeviceKey{device->id});
  audit(turn, {.action = "device.label", .object = object, .reason = changed, .plan_hash = {}, .frame_hash = {}});
  feed(turn, {.type = "device.labelled",
              .object = object,
              .reason = {},
              .message = fmt::format("{}; {}", changed, fleet.empty() ? "in no fleet" : "in fleet " + fleet),
              .rollout = {},
              .device = device->name});
  return object;
}

Result<std::string> rename_device(Turn& turn, const RenameDevice& rename, bool is_dry_run) {
  KELPIE_TRY(Device* const device, device_named(turn.state, rename.name));
  KELPIE_TRY(check_name(rename.new_name));
  if (turn.state.device_names.contains(rename.new_name)) {
    return fail({.code = Code::AlreadyExists,
                 .message = fmt::format("there is a device \"{}\" already", rename.new_name),
                 .reason = "DEVICE_EXISTS",
                 .hint = {}});
  }
  const std::string object = "device/" + rename.new_name;
  if (is_dry_run) return object;
  turn.state.device_names.erase(rename.name);
  turn.state.device_names[rename.new_name] = device->id;
  const auto at = turn.state.fleet_of.find(device->id);
  const std::string fleet = at == turn.state.fleet_of.end() ? std::string{} : at->second;
  leave_fleet(turn.state, *device);
  device->name = rename.new_name;
  place_in_fleet(turn.state, *device, fleet);
  ++device->revision;
  touch_synced(turn, DeviceKey{device->id});
  audit(
      turn,
      {.action = "device.rename", .object = object, .reason = "was " + rename.name, .plan_hash = {}, .frame_hash = {}});
  feed(turn, {.type = "device.renamed",
              .object = object,
              .reason = {},
              .message = "was " + rename.name,
              .rollout = {},
              .device = rename.new_name});
  return object;
}

Result<std::string> decommission(Turn& turn, const DecommissionDevice& gone, bool is_dry_run) {
  KELPIE_TRY(Device* const device, device_named(turn.state, gone.name));
  const std::string object = "device/" + gone.name;
  if (is_dry_run) return object;
  const DeviceId id = device->id;
  turn.state.repairs_held.erase(id);
  turn.state.queued.erase(id);  // no other rollout takes up what is going
  for (auto& [rollout_id, rollout] : turn.state.rollouts) {
    const auto at = rollout.targets.find(id);
    if (at == rollout.targets.end()) continue;
    forsake(turn, rollout, at->second);
  }
  drop_archives(turn, *device);
  turn.state.due.erase({device->last_seen, DueKey::Kind::Device, id.hex()});
  leave_fleet(turn.state, *device);
  turn.state.device_names.erase(gone.name);
  turn.state.devices.erase(id);
  recount(turn.state, id);
  touch_synced(turn, DeviceKey{id});
  audit(turn,
        {.action = "device.decommission", .object = object, .reason = gone.reason, .plan_hash = {}, .frame_hash = {}});
  feed(turn, {.type = "device.decommissioned",
              .object = object,
              .reason = gone.reason,
              .message = fmt::format("by {}", turn.actor),
              .rollout = {},
              .device = gone.name});
  return std::string{};
}

Result<std::string> store_release(Turn& turn, const StoreRelease& store, bool is_dry_run) {
  const Release& release = store.release;
  const std::string name = fmt::format("{}@{}", release.name, release.version);
  const std::string object = "release/" + name;
  if (const auto at = turn.state.release_names.find(name); at != turn.state.release_names.end()) {
    if (at->second == release.digest) return object;  // the same again changes nothing
    return fail({.code = Code::AlreadyExists,
                 .message = fmt::format("release {} exists with other content; releases never change", name),
                 .reason = "RELEASE_EXISTS",
                 .hint = fmt::format("give it another version, or compare: kelpie release show {}", name)});
  }
  if (is_dry_run) return object;
  turn.state.releases[release.digest] = release;
  turn.state.releases[release.digest].created_at = turn.now;
  turn.state.release_names[name] = release.digest;
  touch_synced(turn, ReleaseKey{release.digest});
  audit(turn, {.action = "release.create",
               .object = object,
               .reason = "signed by " + release.signed_by,
               .plan_hash = {},
               .frame_hash = blake2b_256(release.frame).hex()});
  feed(turn, {.type = "release.created",
              .object = object,
              .reason = {},
              .message = "signed by " + release.signed_by,
              .rollout = {},
              .device = {}});
  return object;
}

}  // namespace kelpie::hub
