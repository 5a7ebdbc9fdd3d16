#include "hub/core/decide.h"

#include <algorithm>

#include <fmt/core.h>

#include "hub/core/archives.h"
#include "hub/core/registry.h"
#include "hub/core/repair.h"
#include "hub/core/report.h"
#include "hub/core/rollout/change.h"
#include "hub/core/rollout/plan.h"
#include "hub/core/rollout/target.h"
#include "hub/core/rollout/wave.h"
#include "hub/core/selector.h"

namespace kelpie::hub {
namespace {

constexpr std::size_t kRememberedMax = 10'000;               // idempotency keys; the oldest is forgotten
constexpr Duration kRememberedFor = std::chrono::hours(24);  // operator.md section 3: a retry after a lost reply
constexpr std::ptrdiff_t kPreviewsMax = 1'000;               // plans nobody started; the oldest are dropped

void drop_old_plans(Turn& turn) {
  std::map<PlanId, Plan>& plans = turn.state.plans;
  const auto is_preview = [](const auto& plan) { return plan.second.started_as.is_empty(); };
  if (std::count_if(plans.begin(), plans.end(), is_preview) <= kPreviewsMax) return;
  const auto oldest = std::find_if(plans.begin(), plans.end(), is_preview);  // ids sort by time
  touch(turn, PlanKey{oldest->first});
  plans.erase(oldest);
}

Result<std::string> store_plan(Turn& turn, const MakePlan& wanted, bool is_dry_run) {
  KELPIE_TRY(Plan plan, make_plan(turn.state, wanted, turn.now));
  plan.id = draw_ulid(turn);
  plan.created_by = turn.actor;
  const PlanId id = plan.id;
  if (is_dry_run) return std::string{};
  turn.state.plans.emplace(id, std::move(plan));
  touch(turn, PlanKey{id});
  drop_old_plans(turn);
  return "plan/" + id.text();
}

struct Write {
  Turn& turn;
  bool is_dry_run;

  Result<std::string> operator()(const AddDevice& what) const { return add_device(turn, what, is_dry_run); }
  Result<std::string> operator()(const LabelDevice& what) const { return label_device(turn, what, is_dry_run); }
  Result<std::string> operator()(const RenameDevice& what) const { return rename_device(turn, what, is_dry_run); }
  Result<std::string> operator()(const DecommissionDevice& what) const { return decommission(turn, what, is_dry_run); }
  Result<std::string> operator()(const StoreRelease& what) const { return store_release(turn, what, is_dry_run); }
  Result<std::string> operator()(const ApplyFleet& what) const { return apply_fleet(turn, what, is_dry_run); }
  Result<std::string> operator()(const DeleteFleet& what) const { return delete_fleet(turn, what, is_dry_run); }
  Result<std::string> operator()(const MakePlan& what) const { return store_plan(turn, what, is_dry_run); }
  Result<std::string> operator()(const StartRollout& what) const { return start_rollout(turn, what, is_dry_run); }
  Result<std::string> operator()(const StoreArchive& what) const { return store_archive(turn, what, is_dry_run); }
  Result<std::string> operator()(const ChangeRollout& what) const {
    KELPIE_TRY(change_rollout(turn, what, is_dry_run));
    return "rollout/" + what.rollout.text();
  }
};

void forget_old(Turn& turn) {
  HubState& state = turn.state;
  if (state.remembered.size() < kRememberedMax) return;
  auto oldest = state.remembered.begin();
  for (auto at = state.remembered.begin(); at != state.remembered.end(); ++at) {
    if (at->second.at < oldest->second.at) oldest = at;
  }
  touch(turn, RememberedKey{oldest->first});
  state.remembered.erase(oldest);
}

Result<std::string> write_once(Turn& turn, const ApiWrite& write) {
  const auto known =
      write.idempotency_key.empty() ? turn.state.remembered.end() : turn.state.remembered.find(write.idempotency_key);
  if (known != turn.state.remembered.end() && turn.now - known->second.at < kRememberedFor) {
    if (known->second.fingerprint == write.fingerprint) return known->second.object;
    return fail({.code = Code::Conflict,
                 .message = "this Idempotency-Key was used for another request",
                 .reason = "IDEMPOTENCY_KEY",
                 .hint = "send a fresh key"});
  }
  Result<std::string> object = std::visit(Write{turn, write.is_dry_run}, write.what);
  if (object && !write.is_dry_run && !write.idempotency_key.empty()) {
    forget_old(turn);
    turn.state.remembered[write.idempotency_key] = {
        .fingerprint = write.fingerprint, .object = *object, .at = turn.now};
    touch_synced(turn, RememberedKey{write.idempotency_key});
  }
  return object;
}

void wake_due(Turn& turn, const DueKey& due) {
  switch (due.kind) {
    case DueKey::Kind::Target: {
      const std::size_t slash = due.id.find('/');
      const auto rollout = turn.state.rollouts.find(*RolloutId::parse(std::string_view(due.id).substr(0, slash)));
      if (rollout == turn.state.rollouts.end()) return;
      const auto target = rollout->second.targets.find(*DeviceId::from_hex(std::string_view(due.id).substr(slash + 1)));
      if (target != rollout->second.targets.end()) wake(turn, rollout->second, target->second);
      return;
    }
    case DueKey::Kind::Device: {
      const auto device = turn.state.devices.find(*DeviceId::from_hex(due.id));
      if (device != turn.state.devices.end()) wake_device(turn, device->second);
      return;
    }
    case DueKey::Kind::Repair: {
      const auto device = turn.state.devices.find(*DeviceId::from_hex(due.id));
      if (device != turn.state.devices.end()) consider_repair(turn, device->second);
      return;
    }
    case DueKey::Kind::Rollout: {
      const auto rollout = turn.state.rollouts.find(*RolloutId::parse(due.id));
      if (rollout != turn.state.rollouts.end()) wake_rollout(turn, rollout->second);
      return;
    }
  }
}

struct Decide {
  Turn& turn;

  void operator()(const HubStarted& started) const {
    turn.state.nonce_secret = started.nonce_secret;
    turn.state.started_at = turn.now;
    for (auto& [id, rollout] : turn.state.rollouts) {
      for (auto& [device, target] : rollout.targets) excuse_silence(turn, rollout, target);
    }
  }
  void operator()(const Tick&) const {
    while (!turn.state.due.empty() && turn.state.due.begin()->at <= turn.now) {
      const DueKey due = *turn.state.due.begin();
      turn.state.due.erase(turn.state.due.begin());
      wake_due(turn, due);
    }
  }
  void operator()(const BrokerLink& link) const {
    feed(turn, {.type = link.is_connected ? "broker.connected" : "broker.lost",
                .object = "hub",
                .reason = {},
                .message = {},
                .rollout = {},
                .device = {}});
    if (link.is_connected) ask_leased(turn);  // whoever may still be carrying out something
  }
  void operator()(const ReportReceived& report) const { take_device_report(turn, report); }
  void operator()(const FrameRefused& refused) const { ++turn.state.refusals[refused.code]; }
  void operator()(const ApiWrite& write) const {
    Turn acting{turn.state, turn.now, turn.effects, write.actor.name};
    turn.effects.replies.push_back({write.request, write_once(acting, write)});
  }
};

Result<void> rebuild_rollout(Turn& turn, Rollout& rollout) {
  HubState& state = turn.state;
  const WallTime now = turn.now;
  for (std::uint32_t w = 0; w < rollout.waves.size(); ++w) {
    if (fold(rollout, w) != rollout.waves[w].counters) {
      return fail(Code::DataLoss, fmt::format("rollout {}: the counters of wave {} do not equal its targets",
                                              rollout.id.text(), rollout.waves[w].plan.name));
    }
  }
  recount_moves(rollout);
  std::vector<Digest> hashes;
  for (const PlanLeaf& leaf : rollout.leaves) hashes.push_back(merkle_leaf(as_bytes(leaf_bytes(leaf))));
  rollout.audience = std::make_shared<const MerkleTree>(std::move(hashes));
  for (auto& [id, target] : rollout.targets) {
    if (is_terminal(target.state) && !target.is_cancelling) continue;
    if (target.state == TargetState::Waiting && target.reason == WaitReason::Conflict)
      state.queued[id].insert(rollout.id);
    bound_times(turn, rollout, target);
    schedule(state, target, std::max(now, target.wake_at));
  }
  if (is_terminal(rollout.phase)) return {};
  if (bring_back(rollout.deadline, now + rollout.policy.timeouts.rollout)) touch(turn, RolloutKey{rollout.id});
  state.due.insert({rollout.deadline, DueKey::Kind::Rollout, rollout.id.text()});
  if (rollout.open_wave < rollout.waves.size() && rollout.waves[rollout.open_wave].phase == WavePhase::Open) {
    Wave& wave = rollout.waves[rollout.open_wave];
    if (bring_back(wave.opened_at, now)) touch(turn, RolloutKey{rollout.id});
    state.due.insert({wave.opened_at + rollout.policy.timeouts.wave, DueKey::Kind::Rollout, rollout.id.text()});
  }
  return {};
}

}  // namespace

void decide(HubState& state, const Event& event, WallTime now, Effects& effects) {
  Turn turn{state, now, effects, "hub"};
  std::visit(Decide{turn}, event);
}

Result<void> rebuild(HubState& state, WallTime now, Effects& effects) {
  Turn turn{state, now, effects, "hub"};
  for (const auto& [digest, release] : state.releases)
    state.release_names[fmt::format("{}@{}", release.name, release.version)] = digest;
  for (auto& [id, device] : state.devices) {
    state.device_names[device.name] = id;
    KELPIE_TRY(const std::string fleet, fleet_for(state, device.labels));
    if (device.connection == Connection::Online) {
      device.last_seen = now;  // three heartbeats from now to be heard again
      state.due.insert({now, DueKey::Kind::Device, id.hex()});
    }
    place_in_fleet(state, device, fleet);
    if (!device.drift.is_empty()) state.due.insert({now, DueKey::Kind::Repair, id.hex()});
    if (!device.repairs.held.empty()) state.repairs_held.insert(id);
  }
  for (auto& [id, rollout] : state.rollouts) KELPIE_TRY(rebuild_rollout(turn, rollout));
  rebuild_archives(state);
  if (!state.rollouts.empty()) state.newest_id = state.rollouts.rbegin()->first.time();
  if (!state.plans.empty()) state.newest_id = std::max(state.newest_id, state.plans.rbegin()->first.time());
  // What a clock that was ahead remembers would be the newest for years, and push everything else out.
  for (auto& [key, remembered] : state.remembered) {
    if (bring_back(remembered.at, now)) touch(turn, RememberedKey{key});
  }
  return {};
}

std::optional<WallTime> next_due(const HubState& state) {
  if (state.due.empty()) return std::nullopt;
  return state.due.begin()->at;
}

}  // namespace kelpie::hub
