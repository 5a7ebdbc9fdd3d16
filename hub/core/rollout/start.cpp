// From a signed plan to a running rollout.
#include <fmt/format.h>

#include "hub/core/rollout/change.h"
#include "hub/core/rollout/plan.h"
#include "hub/core/rollout/wave.h"

namespace kelpie::hub {
namespace {

Result<void> check_class(const Release& release, const SignedPlan& given) {
  if (release.dangers.empty() || given.is_dangerous) return {};
  return fail({.code = Code::InvalidArgument,
               .message = fmt::format("the plan is signed as a change, but release {}@{} is dangerous: {}",
                                      release.name, release.version, release.dangers.front()),
               .reason = "E_PLAN_SIG",
               .hint = "sign it as dangerous: kelpie does so by itself when it is not older than the hub"});
}

Result<void> check_signature_means(const Plan& plan, const SignedPlan& given, WallTime now) {
  const auto differs = [&](std::string_view what) {
    return fail({.code = Code::InvalidArgument,
                 .message = fmt::format("the signature does not cover plan {}: its {} differs", plan.id.text(), what),
                 .reason = "E_PLAN_SIG",
                 .hint = fmt::format("kelpie rollout start {}", plan.id.text())});
  };
  if (given.scope != plan.scope) return differs("scope");
  if (given.count != plan.leaves.size()) return differs("number of devices");
  if (given.audience_root != plan.audience_root) return differs("audience");
  if (given.policy_hash != plan.policy_hash) return differs("policy hash");
  if (given.not_after <= now) return differs("expiry, which is past,");
  return {};
}

/// A rollout that stopped on its failure limit would be forgotten behind a second one, and its limit with it. Late
/// devices of one whose waves are through hold up nobody.
Result<void> check_waves_are_through(const HubState& state, const std::string& fleet) {
  if (fleet.empty()) return {};
  const Result<RolloutId> id = RolloutId::parse(state.fleets.at(fleet).rollout);
  const auto at = id ? state.rollouts.find(*id) : state.rollouts.end();
  if (at == state.rollouts.end() || at->second.open_wave >= at->second.waves.size()) return {};
  if (at->second.phase != RolloutPhase::Running && at->second.phase != RolloutPhase::Paused) return {};
  return fail({.code = Code::FailedPrecondition,
               .message = fmt::format("fleet {} has an unfinished rollout {}, which is {}", fleet, id->text(),
                                      to_string(at->second.phase)),
               .reason = "ROLLOUT_ACTIVE",
               .hint = fmt::format("see how far it is: kelpie rollout status {0}; end it: kelpie rollout abort {0}",
                                   id->text())});
}

Rollout make_rollout(Turn& turn, const Plan& plan, const StartRollout& start) {
  Rollout rollout;
  rollout.id = draw_ulid(turn);
  rollout.plan = plan.id;
  rollout.fleet = plan.fleet;
  rollout.release = plan.release;
  rollout.scope = plan.scope;
  rollout.policy = plan.policy;
  rollout.verb = start.verb;
  rollout.plan_hash = start.signed_plan.hash;
  rollout.plan_frame = start.signed_plan.frame;
  rollout.started_at = turn.now;
  rollout.started_by = turn.actor;
  rollout.signed_by = fmt::to_string(fmt::join(start.signed_plan.persons, ", "));
  rollout.reason = start.reason;
  rollout.deadline = turn.now + plan.policy.timeouts.rollout;
  rollout.leaves = plan.leaves;
  for (const PlannedWave& wave : plan.waves) {
    rollout.waves.push_back(
        {.plan = wave, .phase = WavePhase::Pending, .counters = {}, .opened_at = {}, .closed_at = {}});
  }
  return rollout;
}

void add_targets(Turn& turn, Rollout& rollout) {
  std::map<DeviceId, std::uint32_t> leaf_of;
  for (std::uint32_t i = 0; i < rollout.leaves.size(); ++i) leaf_of[rollout.leaves[i].device] = i;
  for (std::uint32_t w = 0; w < rollout.waves.size(); ++w) {
    for (const DeviceId& id : rollout.waves[w].plan.devices) {
      Target target;
      target.rollout = rollout.id;
      target.device = id;
      target.wave = w;
      target.leaf_index = leaf_of.at(id);
      target.generation = rollout.leaves[target.leaf_index].generation;
      target.since = turn.now;
      target.deadline = rollout.deadline;
      Target& stored = rollout.targets.emplace(id, std::move(target)).first->second;
      schedule(turn.state, stored, turn.now + std::chrono::hours(1));
      ++rollout.waves[w].counters.members;
      count(rollout, stored);
      touch(turn, TargetKey{rollout.id, id});
      Device& device = turn.state.devices.at(id);
      Assigned& assigned = device.assigned[rollout.scope];
      assigned = {.generation = stored.generation, .release = rollout.release};
      touch(turn, DeviceKey{id});
    }
  }
}

}  // namespace

Result<std::string> start_rollout(Turn& turn, const StartRollout& start, bool is_dry_run) {
  const auto at = turn.state.plans.find(start.plan);
  if (at == turn.state.plans.end()) {
    return fail({.code = Code::NotFound,
                 .message = fmt::format("there is no plan {}", start.plan.text()),
                 .reason = "PLAN_UNKNOWN",
                 .hint = "kelpie rollout plan RELEASE --fleet FLEET"});
  }
  const Plan& plan = at->second;
  if (!plan.started_as.is_empty()) {
    return fail({.code = Code::Conflict,
                 .message = fmt::format("plan {} was started as rollout {}", plan.id.text(), plan.started_as.text()),
                 .reason = "PLAN_STARTED",
                 .hint = fmt::format("kelpie rollout status {}", plan.started_as.text())});
  }
  if (const std::string why = stale_because(turn.state, plan); !why.empty()) {
    return fail({.code = Code::Conflict,
                 .message = fmt::format("plan {} is stale: {}", plan.id.text(), why),
                 .reason = "PLAN_STALE",
                 .hint = fmt::format("see what is different: kelpie rollout plan {}{}",
                                     plan.fleet.empty() ? "" : "--fleet ", plan.fleet)});
  }
  KELPIE_TRY(check_waves_are_through(turn.state, plan.fleet));
  KELPIE_TRY(check_signature_means(plan, start.signed_plan, turn.now));
  KELPIE_TRY(check_class(turn.state.releases.at(plan.release), start.signed_plan));
  if (is_dry_run) return "plan/" + plan.id.text();

  Rollout made = make_rollout(turn, plan, start);
  const RolloutId id = made.id;
  Rollout& rollout = turn.state.rollouts.emplace(id, std::move(made)).first->second;
  std::vector<Digest> hashes;
  for (const PlanLeaf& leaf : rollout.leaves) hashes.push_back(merkle_leaf(as_bytes(leaf_bytes(leaf))));
  rollout.audience = std::make_shared<const MerkleTree>(std::move(hashes));
  at->second.started_as = id;
  touch_synced(turn, PlanKey{plan.id});
  touch_synced(turn, RolloutKey{id});
  add_targets(turn, rollout);
  if (!rollout.fleet.empty()) {
    turn.state.fleets.at(rollout.fleet).rollout = id.text();
    touch(turn, FleetKey{rollout.fleet});
  }
  turn.state.due.insert({rollout.deadline, DueKey::Kind::Rollout, id.text()});
  audit(turn,
        {.action = "rollout.start",
         .object = "rollout/" + id.text(),
         .reason = fmt::format("{}{}signed by {}", start.reason, start.reason.empty() ? "" : "; ", rollout.signed_by),
         .plan_hash = rollout.plan_hash.hex(),
         .frame_hash = blake2b_256(rollout.plan_frame).hex()});
  feed(turn, {.type = "rollout.started",
              .object = "rollout/" + id.text(),
              .reason = start.reason,
              .message = fmt::format("{} devices in {} waves, by {}, signed by {}", rollout.targets.size(),
                                     rollout.waves.size(), turn.actor, rollout.signed_by),
              .rollout = id.text(),
              .device = {}});
  open_next_wave(turn, rollout);
  return "rollout/" + id.text();
}

}  // namespace kelpie::hub
