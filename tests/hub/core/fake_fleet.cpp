#include "tests/hub/core/fake_fleet.h"

#include <fmt/core.h>

#include "hub/core/rollout/plan.h"

namespace kelpie::test {
namespace {

template <typename Bytes>
Bytes made(const std::string& text) {
  const Digest digest = blake2b_256(text);
  return *Bytes::from_bytes(digest.view().first(Bytes::kSize));
}

std::string name_of(int number) {
  return fmt::format("pi-{}", number);
}

}  // namespace

hub::Release make_release(const std::string& version) {
  hub::Release release;
  release.digest = blake2b_256("release " + version);
  release.name = "kiosk";
  release.version = version;
  release.scope = hub::kDeviceScope;
  release.signed_by = "ana";
  release.frame = "frame " + version;
  return release;
}

hub::Policy make_policy(std::vector<hub::WaveSpec> waves) {
  hub::Policy policy;
  policy.waves = std::move(waves);
  return policy;
}

hub::WaveSpec wave_of(std::string name, std::uint32_t size) {
  hub::WaveSpec wave;
  wave.name = std::move(name);
  wave.size = size;
  return wave;
}

hub::WaveSpec wave_up_to(std::string name, std::uint32_t basis_points) {
  hub::WaveSpec wave;
  wave.name = std::move(name);
  wave.up_to_bp = basis_points;
  return wave;
}

FakeFleet::FakeFleet() {
  decide(hub::HubStarted{blake2b_256("run 1")});
}

void FakeFleet::add(int count) {
  const int from = static_cast<int>(devices_.size()) + 1;
  for (int i = from; i < from + count; ++i) {
    FakeDevice device;
    device.id = made<DeviceId>(name_of(i));
    device.incarnation = {made<InstallId>("install " + name_of(i)), made<BootId>("boot " + name_of(i))};
    devices_[name_of(i)] = device;
    const Result<std::string> added =
        write(hub::AddDevice{.name = name_of(i), .id = device.id, .labels = {{"role", "edge"}}});
    KELPIE_ASSERT(added.has_value());
    hello(name_of(i));
  }
}

Result<std::string> FakeFleet::write(decltype(hub::ApiWrite::what) what, std::string key, bool is_dry_run) {
  hub::ApiWrite write;
  write.request = ++requests_;
  write.actor.name = "ana";
  write.idempotency_key = std::move(key);
  write.fingerprint = "request";
  write.is_dry_run = is_dry_run;
  write.what = std::move(what);
  hub::Effects effects;
  hub::decide(state_, write, now, effects);
  Result<std::string> object = effects.replies.at(0).object;
  deliver(effects);
  return object;
}

hub::Rollout& FakeFleet::start(const hub::Policy& policy, const std::string& version) {
  const Result<std::string> release = write(hub::StoreRelease{make_release(version)});
  KELPIE_ASSERT(release.has_value());
  hub::Fleet fleet;
  fleet.name = "edge";
  fleet.selector = "role=edge";
  fleet.release = "kiosk@" + version;
  fleet.policy = policy;
  KELPIE_ASSERT(write(hub::ApplyFleet{fleet, std::nullopt}).has_value());
  hub::MakePlan wanted;
  wanted.fleet = "edge";
  KELPIE_ASSERT(start_plan(wanted).has_value());
  return rollout();
}

hub::Rollout& FakeFleet::start_beside(const hub::Policy& policy, const std::string& version) {
  KELPIE_ASSERT(write(hub::StoreRelease{make_release(version)}).has_value());
  hub::MakePlan wanted;
  wanted.selector = "role=edge";
  wanted.release = "kiosk@" + version;
  wanted.policy = policy;
  KELPIE_ASSERT(start_plan(wanted).has_value());
  return rollout();
}

Result<std::string> FakeFleet::start_plan(const hub::MakePlan& wanted) {
  KELPIE_TRY(const std::string plan_object, write(wanted));
  const hub::Plan& plan = state_.plans.at(*PlanId::parse(plan_object.substr(5)));
  hub::StartRollout start;
  start.plan = plan.id;
  start.signed_plan = {.hash = blake2b_256(plan.id.text()),
                       .frame = "plan",
                       .scope = plan.scope,
                       .count = static_cast<std::uint32_t>(plan.leaves.size()),
                       .audience_root = plan.audience_root,
                       .policy_hash = plan.policy_hash,
                       .not_after = now + 24h,
                       .persons = {"ana"}};
  return write(start);
}

hub::Rollout& FakeFleet::rollout() {
  return state_.rollouts.rbegin()->second;
}

void FakeFleet::hello(const std::string& name) {
  FakeDevice& device = devices_.at(name);
  hub::ReportReceived report{
      .device = device.id,
      .incarnation = device.incarnation,
      .sequence = ++device.sequence,
      .hub_nonce = {},
      .heartbeat_nonce = {},
      .hello = hub::HelloReport{},
      .attempt = device.attempt,
      .facts = hub::FactsSummary{.is_ready = true, .node_state = "running", .workloads_down = 0, .first_trouble = {}},
      .sight = {},
      .facts_bytes = "facts",
      .health_note = {},
      .frame_hash = {}};
  decide(report);
}

void FakeFleet::report(const std::string& name) {
  say(name, std::nullopt);
}

void FakeFleet::report(const std::string& name, hub::Sight sight) {
  say(name, std::move(sight));
}

void FakeFleet::say(const std::string& name, std::optional<hub::Sight> sight) {
  FakeDevice& device = devices_.at(name);
  if (!device.is_on) return;
  hub::ReportReceived report{.device = device.id,
                             .incarnation = device.incarnation,
                             .sequence = ++device.sequence,
                             .hub_nonce = device.hub_nonce,
                             .heartbeat_nonce = made<Nonce>("beat"),
                             .hello = {},
                             .attempt = device.attempt,
                             .facts = {},
                             .sight = std::move(sight),
                             .facts_bytes = {},
                             .health_note = {},
                             .frame_hash = {}};
  device.hub_nonce = {};
  decide(report);
}

void FakeFleet::report(const std::string& name, hub::AttemptState state) {
  devices_.at(name).attempt->state = state;
  report(name);
}

void FakeFleet::fail(const std::string& name, const std::string& reason, hub::FailedOutcome outcome,
                     bool is_transient) {
  hub::ReportedAttempt& attempt = *devices_.at(name).attempt;
  attempt.state = hub::AttemptState::Failed;
  attempt.outcome = outcome;
  attempt.reason = reason;
  attempt.detail = "it did not work";
  attempt.is_transient = is_transient;
  report(name);
}

void FakeFleet::finish(const std::string& name) {
  report(name, hub::AttemptState::Soaking);
  report(name, hub::AttemptState::Succeeded);
}

void FakeFleet::pass(Duration time) {
  const WallTime until = now + time;
  while (now < until) {
    now = std::min(until, now + 30s);
    for (auto& [name, device] : devices_) report(name);
    decide(hub::Tick{});
  }
}

void FakeFleet::decide(const hub::Event& event) {
  hub::Effects effects;
  hub::decide(state_, event, now, effects);
  deliver(effects);
}

void FakeFleet::deliver(const hub::Effects& effects) {
  for (const hub::FeedEvent& event : effects.feed)
    feed.push_back(fmt::format("{} {} {}", event.type, event.object, event.reason));
  for (const hub::Message& message : effects.messages) {
    for (auto& [name, device] : devices_) {
      if (device.is_on) answer(device, message);
    }
  }
}

void FakeFleet::answer(FakeDevice& device, const hub::Message& message) {
  const auto name = state_.devices.at(device.id).name;
  if (const auto* read = std::get_if<hub::SendRead>(&message); read != nullptr && read->device == device.id) {
    device.hub_nonce = read->hub_nonce;
    return report(name);
  }
  if (const auto* prepare = std::get_if<hub::SendPrepare>(&message);
      prepare != nullptr && prepare->attempt.device == device.id) {
    const bool has_begun = device.attempt && device.attempt->id == prepare->attempt &&
                           device.attempt->state != hub::AttemptState::Prepared;
    if (has_begun) return report(name);  // says where it stands
    const hub::Rollout& rollout = state_.rollouts.at(prepare->attempt.rollout);
    const hub::Target& target = rollout.targets.at(device.id);
    hub::ReportedAttempt attempt;
    attempt.id = prepare->attempt;
    attempt.hash = attempt_hash(rollout.plan_hash, as_bytes(leaf_bytes(rollout.leaves[target.leaf_index])), attempt.id);
    attempt.state = hub::AttemptState::Prepared;
    attempt.nonce = made<Nonce>(fmt::format("{} {}", name, ++device.nonces));
    device.attempt = attempt;
    return report(name);
  }
  if (const auto* go = std::get_if<hub::SendGo>(&message); go != nullptr && go->attempt.device == device.id) {
    const bool is_held = device.attempt && device.attempt->id == go->attempt &&
                         device.attempt->state == hub::AttemptState::Prepared && device.attempt->nonce == go->nonce;
    if (!is_held) return;
    device.executed.push_back(to_string(go->attempt));
    return report(name, hub::AttemptState::Executing);
  }
  if (const auto* cancel = std::get_if<hub::SendCancel>(&message);
      cancel != nullptr && cancel->attempt.device == device.id) {
    if (device.attempt && device.attempt->id == cancel->attempt && device.attempt->state == hub::AttemptState::Prepared)
      report(name, hub::AttemptState::Cancelled);
  }
}

void FakeFleet::restart_hub() {
  hub::HubState stored;
  stored.devices = state_.devices;
  stored.fleets = state_.fleets;
  stored.releases = state_.releases;
  stored.plans = state_.plans;
  stored.rollouts = state_.rollouts;
  stored.remembered = state_.remembered;
  stored.audit = state_.audit;
  stored.feed_sequence = state_.feed_sequence;
  for (auto& [id, device] : stored.devices) device.hub_nonce = {};
  hub::Effects effects;
  const Result<void> rebuilt = hub::rebuild(stored, now, effects);
  KELPIE_ASSERT(rebuilt.has_value());
  state_ = std::move(stored);
  decide(hub::HubStarted{blake2b_256("run 2")});
  decide(hub::BrokerLink{true});
}

std::string FakeFleet::targets() {
  std::string out;
  for (const auto& [name, device] : devices_) {
    const auto target = rollout().targets.find(device.id);
    if (target == rollout().targets.end()) continue;
    out += fmt::format("{} {}", name, to_string(target->second.state));
    if (target->second.reason != hub::WaitReason::None) out += fmt::format("({})", to_string(target->second.reason));
    out += "\n";
  }
  return out;
}

}  // namespace kelpie::test
