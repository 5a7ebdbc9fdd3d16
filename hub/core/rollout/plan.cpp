#include "hub/core/rollout/plan.h"

#include <algorithm>
#include <set>

#include <fmt/core.h>

#include "hub/core/selector.h"

namespace kelpie::hub {
namespace {

constexpr Duration kCanarySoak = std::chrono::minutes(30);  // R25
constexpr Duration kSoak = std::chrono::minutes(10);        // R25

void append_text(std::string& out, std::string_view text) {
  append_le32(out, static_cast<std::uint32_t>(text.size()));
  out.append(text);
}
void append_duration(std::string& out, Duration duration) {
  append_le64(out, static_cast<std::uint64_t>(duration.count()));
}

std::uint32_t ceil_share(std::uint32_t devices, std::uint32_t basis_points) {
  const std::uint64_t product = std::uint64_t{devices} * basis_points;
  return static_cast<std::uint32_t>((product + kBasisPoints - 1) / kBasisPoints);
}

struct Member {
  bool is_online;
  Digest order;
  const Device* device;
};

// R2: by BLAKE2b(seed ‖ device id). Who is online comes first, so that a canary can give evidence.
std::vector<Member> in_order(const HubState& state, const std::vector<DeviceId>& ids, const std::string& seed) {
  std::vector<Member> members;
  members.reserve(ids.size());
  for (const DeviceId& id : ids) {
    const Device& device = state.devices.at(id);
    members.push_back({device.connection == Connection::Online, blake2b_256(seed + id.bytes()), &device});
  }
  std::sort(members.begin(), members.end(), [](const Member& a, const Member& b) {
    if (a.is_online != b.is_online) return a.is_online;
    return a.order < b.order;
  });
  return members;
}

Result<std::vector<DeviceId>> members_of(const HubState& state, const MakePlan& wanted, const Fleet* fleet) {
  std::set<DeviceId> named;
  for (const std::string& name : wanted.devices) {
    const auto at = state.device_names.find(name);
    if (at == state.device_names.end()) {
      return fail({.code = Code::NotFound,
                   .message = fmt::format("there is no device \"{}\"", name),
                   .reason = "DEVICE_UNKNOWN",
                   .hint = "kelpie device list"});
    }
    named.insert(at->second);
  }
  std::vector<DeviceId> ids(named.begin(), named.end());
  if (!ids.empty()) return ids;
  const std::string& text = fleet != nullptr ? fleet->selector : wanted.selector;
  KELPIE_TRY(const Selector selector, Selector::parse(text));
  for (const auto& [id, device] : state.devices) {
    if (selector.matches(device.labels)) ids.push_back(id);
  }
  if (ids.empty()) {
    return fail({.code = Code::FailedPrecondition,
                 .message = fmt::format("no device matches selector \"{}\"", text),
                 .reason = "NOBODY_MATCHES",
                 .hint = "kelpie device list -o wide shows labels; kelpie device label NAME key=value sets them"});
  }
  return ids;
}

Result<void> check_waves(const std::vector<WaveSpec>& waves) {
  std::uint32_t last_bp = 0;
  for (const WaveSpec& wave : waves) {
    if ((wave.size == 0) == (wave.up_to_bp == 0)) {
      return fail(Code::InvalidArgument, fmt::format("wave \"{}\" needs either size or upTo", wave.name));
    }
    if (wave.up_to_bp > kBasisPoints || (wave.up_to_bp != 0 && wave.up_to_bp <= last_bp)) {
      return fail(Code::InvalidArgument,
                  fmt::format("wave \"{}\": upTo must rise from wave to wave, up to 100%", wave.name));
    }
    if (wave.up_to_bp != 0) last_bp = wave.up_to_bp;
  }
  return {};
}

PlannedWave planned(const WaveSpec& spec, std::uint32_t members, const Thresholds& thresholds, bool is_canary) {
  PlannedWave wave;
  wave.name = spec.name;
  wave.failure_bp = spec.failure_bp.value_or(is_canary ? 0 : thresholds.failure_bp);
  wave.deferred_bp = spec.deferred_bp.value_or(is_canary ? 0 : thresholds.deferred_bp);
  wave.failures_max = failures_max(members, wave.failure_bp);
  wave.deferred_max = deferred_max(members, wave.deferred_bp);
  wave.successes_min =
      std::max(1U, spec.min_successes.value_or(is_canary ? members : std::min(members, thresholds.min_successes)));
  wave.soak = spec.soak.value_or(is_canary ? kCanarySoak : kSoak);
  return wave;
}

std::vector<PlannedWave> plan_waves(const std::vector<Member>& members, const Policy& policy) {
  const auto count = static_cast<std::uint32_t>(members.size());
  const std::vector<WaveSpec> specs = policy.waves.empty() ? default_waves(count) : policy.waves;
  const std::vector<std::uint32_t> sizes = wave_sizes(count, specs);
  std::vector<PlannedWave> waves;
  std::size_t next = 0;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const bool is_canary = i == 0 && specs.size() > 1;
    PlannedWave wave = planned(specs[i], sizes[i], policy.thresholds, is_canary);
    for (std::uint32_t n = 0; n < sizes[i]; ++n) wave.devices.push_back(members[next++].device->id);
    waves.push_back(std::move(wave));
  }
  return waves;
}

Result<const Release*> release_named(const HubState& state, const std::string& name) {
  const auto at = state.release_names.find(name);
  if (at == state.release_names.end()) {
    return fail({.code = Code::NotFound,
                 .message = name.empty() ? std::string("the fleet has no release")
                                         : fmt::format("there is no release \"{}\"", name),
                 .reason = "RELEASE_UNKNOWN",
                 .hint = "kelpie release list"});
  }
  return &state.releases.at(at->second);
}

void note_members(const HubState& state, Plan& plan) {
  std::uint32_t offline = 0;
  for (const PlanLeaf& leaf : plan.leaves) {
    const Device& device = state.devices.at(leaf.device);
    if (present_release(device) == plan.release) plan.already_there.push_back(device.name);
    if (device.connection != Connection::Online) ++offline;
    if (device.rollout)
      plan.warnings.push_back(
          fmt::format("{} is busy with rollout {} and waits for it", device.name, device.rollout->text()));
  }
  if (offline > 0)
    plan.warnings.push_back(fmt::format("{} of {} devices are not online; they are served when they come back", offline,
                                        plan.leaves.size()));
}

std::uint64_t next_generation(const Device& device, const std::string& scope) {
  const auto at = device.assigned.find(scope);
  return at == device.assigned.end() ? 1 : at->second.generation + 1;
}

}  // namespace

std::vector<WaveSpec> default_waves(std::uint32_t devices) {
  const auto size = [](std::string name, std::uint32_t count) {
    WaveSpec wave;
    wave.name = std::move(name);
    wave.size = count;
    return wave;
  };
  const auto up_to = [](std::string name, std::uint32_t bp) {
    WaveSpec wave;
    wave.name = std::move(name);
    wave.up_to_bp = bp;
    return wave;
  };
  if (devices <= 1) return {up_to("all", kBasisPoints)};
  if (devices <= 4) return {size("canary", 1), up_to("rest", kBasisPoints)};
  if (devices <= 20) return {size("canary", 1), up_to("quarter", 2'500), up_to("rest", kBasisPoints)};
  return {up_to("canary", 100), up_to("tenth", 1'000), up_to("half", 5'000), up_to("rest", kBasisPoints)};
}

std::vector<std::uint32_t> wave_sizes(std::uint32_t devices, const std::vector<WaveSpec>& waves) {
  const std::vector<WaveSpec>& specs = waves;
  std::vector<std::uint32_t> sizes;
  std::uint32_t before = 0;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    std::uint32_t up_to = devices;  // the last wave takes the rest
    if (i + 1 < specs.size()) {
      const std::uint32_t wanted =
          specs[i].size != 0 ? std::min(devices, before + specs[i].size) : ceil_share(devices, specs[i].up_to_bp);
      up_to = std::min(devices, std::max(before + 1, wanted));
    }
    sizes.push_back(up_to - before);
    before = up_to;
  }
  return sizes;
}

std::uint32_t failures_max(std::uint32_t members, std::uint32_t failure_bp) {
  return static_cast<std::uint32_t>(std::uint64_t{members} * failure_bp / kBasisPoints);
}

std::uint32_t deferred_max(std::uint32_t members, std::uint32_t deferred_bp) {
  if (deferred_bp == 0) return 0;
  return std::max(failures_max(members, deferred_bp), members >= 2 ? 1U : 0U);
}

Digest policy_hash(const Digest& release, const std::string& scope, const std::vector<PlannedWave>& waves,
                   const Policy& policy) {
  std::string out = "kelpie-policy-v1";
  out.append(as_text(release.view()));
  append_text(out, scope);
  append_le32(out, static_cast<std::uint32_t>(waves.size()));
  for (const PlannedWave& wave : waves) {
    append_text(out, wave.name);
    append_le32(out, static_cast<std::uint32_t>(wave.devices.size()));
    for (const DeviceId& device : wave.devices) out.append(as_text(device.view()));
    for (const std::uint32_t number :
         {wave.failures_max, wave.deferred_max, wave.successes_min, wave.failure_bp, wave.deferred_bp})
      append_le32(out, number);
    append_duration(out, wave.soak);
  }
  append_le32(out, static_cast<std::uint32_t>(policy.on_fail));
  const Timeouts& limits = policy.timeouts;
  for (const Duration limit : {limits.prepare, limits.grant, limits.step, limits.attempt, limits.verify,
                               limits.report_grace, limits.offline_grace, limits.wave, limits.rollout}) {
    append_duration(out, limit);
  }
  append_le32(out, policy.retry.transient);
  append_le32(out, static_cast<std::uint32_t>(policy.retry.backoff.size()));
  for (const Duration pause : policy.retry.backoff) append_duration(out, pause);
  return blake2b_256(out);
}

Digest audience_root(const std::vector<PlanLeaf>& leaves) {
  std::vector<Digest> hashes;
  hashes.reserve(leaves.size());
  for (const PlanLeaf& leaf : leaves) hashes.push_back(merkle_leaf(as_bytes(leaf_bytes(leaf))));
  return MerkleTree(std::move(hashes)).root();
}

Result<Plan> make_plan(const HubState& state, const MakePlan& wanted, WallTime now) {
  const Fleet* fleet = nullptr;
  if (!wanted.fleet.empty()) {
    const auto at = state.fleets.find(wanted.fleet);
    if (at == state.fleets.end()) {
      return fail({.code = Code::NotFound,
                   .message = fmt::format("there is no fleet \"{}\"", wanted.fleet),
                   .reason = "FLEET_UNKNOWN",
                   .hint = "kelpie fleet list"});
    }
    fleet = &at->second;
  }
  KELPIE_TRY(const Release* const release,
             release_named(state, wanted.release.empty() && fleet != nullptr ? fleet->release : wanted.release));
  KELPIE_TRY(const std::vector<DeviceId> ids, members_of(state, wanted, fleet));
  Plan plan;
  plan.policy = wanted.policy ? *wanted.policy : fleet != nullptr ? fleet->policy : Policy{};
  KELPIE_TRY(check_waves(plan.policy.waves));
  plan.fleet = wanted.fleet;
  plan.fleet_revision = fleet != nullptr ? fleet->revision : 0;
  plan.selector = fleet != nullptr ? fleet->selector : wanted.selector;
  plan.release = release->digest;
  plan.scope = release->scope;
  const std::string seed =
      blake2b_256((wanted.fleet.empty() ? "adhoc" : wanted.fleet) + release->digest.bytes()).bytes();
  plan.waves = plan_waves(in_order(state, ids, seed), plan.policy);
  for (const DeviceId& id : ids) {
    plan.leaves.push_back({.device = id,
                           .scope = plan.scope,
                           .generation = next_generation(state.devices.at(id), plan.scope),
                           .release = plan.release});
  }
  std::sort(plan.leaves.begin(), plan.leaves.end(),
            [](const PlanLeaf& a, const PlanLeaf& b) { return a.device < b.device; });
  plan.created_at = now;
  plan.policy_hash = policy_hash(plan.release, plan.scope, plan.waves, plan.policy);
  plan.audience_root = audience_root(plan.leaves);
  for (const std::string& danger : release->dangers) plan.warnings.push_back("dangerous: " + danger);
  note_members(state, plan);
  return plan;
}

std::string stale_because(const HubState& state, const Plan& plan) {
  const auto is_member = [&](const DeviceId& id) {
    return std::ranges::binary_search(plan.leaves, id, {}, &PlanLeaf::device);
  };
  if (!plan.fleet.empty()) {
    const auto fleet = state.fleets.find(plan.fleet);
    if (fleet == state.fleets.end()) return fmt::format("fleet {} is gone", plan.fleet);
    if (fleet->second.revision != plan.fleet_revision) {
      return fmt::format("{} changed from revision {} to {}", plan.fleet, plan.fleet_revision, fleet->second.revision);
    }
  }
  if (!plan.selector.empty()) {
    const Result<Selector> selector = Selector::parse(plan.selector);
    std::size_t matching = 0;
    for (const auto& [id, device] : state.devices) {
      if (!selector || !selector->matches(device.labels)) continue;
      ++matching;
      if (!is_member(id)) return fmt::format("{} now matches too", device.name);
    }
    if (matching != plan.leaves.size())
      return fmt::format("{} devices match now, not {}", matching, plan.leaves.size());
  }
  for (const PlanLeaf& leaf : plan.leaves) {
    const auto device = state.devices.find(leaf.device);
    if (device == state.devices.end()) return "a device of it was decommissioned";
    if (next_generation(device->second, leaf.scope) > leaf.generation)
      return fmt::format("{} was given a newer plan", device->second.name);
  }
  return {};
}

}  // namespace kelpie::hub
