#include "tests/sim/operators.h"

#include <algorithm>

#include <fmt/core.h>
#include <kelpie/v1/release.pb.h>

#include "tests/hub/api/samples.h"

namespace kelpie::test {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::uint32_t kNewestMinor = 35;          // of the model's snap store
constexpr std::uint64_t kNotAfter = 4'000'000'000;  // 2096: plans of a world do not expire

void set(google::protobuf::Duration& out, Duration duration) {
  out.set_seconds(std::chrono::duration_cast<seconds>(duration).count());
}

void add_deploy(v1::Release& release, std::uint32_t number) {
  v1::Workload& workload = *release.add_steps()->mutable_deploy()->add_workloads();
  workload.set_name("nodered");
  workload.set_namespace_("default");
  workload.set_manifest(sample_manifest());
  release.set_version(std::to_string(number));
}

/// install, start, images, deploy; every release asks for another channel and another image.
v1::Release release_of(std::uint32_t number) {
  v1::Release release;
  release.set_schema(1);
  release.set_name("kiosk");
  release.set_scope("device");
  release.add_steps()->mutable_install()->set_channel(fmt::format("1.{}/stable", std::min(30 + number, kNewestMinor)));
  release.add_steps()->mutable_start();
  v1::Image& image = *release.add_steps()->mutable_images()->add_images();
  image.set_ref(fmt::format("docker.io/nodered/node-red:3.{}", number));
  image.set_digest("sha256:" + std::string(64, 'a'));
  add_deploy(release, number);
  release.add_checks()->mutable_node_ready();
  return release;
}

v1::Release command_of(std::uint32_t number) {
  v1::Release release;
  release.set_schema(1);
  release.set_name(fmt::format("command-{}", number));
  release.set_version("1");
  release.set_scope("adhoc");
  release.add_steps()->mutable_addons()->add_addons()->set_name(number % 2 == 0 ? "dns" : "registry");
  return release;
}

api::v1::CreateReleaseRequest sealed(const v1::Release& release) {
  api::v1::CreateReleaseRequest out;
  out.set_frame(signed_frame(wire::FrameType::Release, release.SerializeAsString()));
  return out;
}

}  // namespace

api::v1::Policy quick_policy(Dice& dice) {
  api::v1::Policy out;
  const auto add = [&](const std::string& name, std::uint32_t up_to_bp) {
    api::v1::Wave& wave = *out.add_waves();
    wave.set_name(name);
    wave.set_up_to_basis_points(up_to_bp);
    set(*wave.mutable_soak(), dice.chance(500) ? Duration{} : dice.between(seconds(5), seconds(40)));
    wave.set_failure_basis_points(static_cast<std::uint32_t>(dice.below(5'001)));
    wave.set_deferred_basis_points(static_cast<std::uint32_t>(dice.below(6'001)));
    wave.set_min_successes(1);
  };
  if (dice.chance(600)) add("canary", 2'000);
  if (dice.chance(400)) add("half", 5'000);
  add("rest", 10'000);
  out.set_on_fail(dice.chance(200) ? "abort" : "pause");
  api::v1::Timeouts& limits = *out.mutable_timeouts();
  set(*limits.mutable_prepare(), minutes(6));
  set(*limits.mutable_grant(), minutes(2));
  set(*limits.mutable_step(), dice.between(seconds(60), seconds(180)));
  set(*limits.mutable_attempt(), dice.between(minutes(2), minutes(8)));
  set(*limits.mutable_verify(), minutes(1));
  set(*limits.mutable_report_grace(), minutes(1));
  set(*limits.mutable_offline_grace(), minutes(2));
  set(*limits.mutable_wave(), minutes(40));
  set(*limits.mutable_rollout(), minutes(90));
  out.mutable_retry()->set_transient(2);
  set(*out.mutable_retry()->add_backoff(), seconds(20));
  set(*out.mutable_retry()->add_backoff(), seconds(60));
  return out;
}

void Operators::add_device(const std::string& name, const std::map<std::string, std::string>& labels) {
  SimDevice& device = world_.add_device(name);
  api::v1::AddDeviceRequest request;
  request.set_name(name);
  request.set_fingerprint(device.id.hex());
  for (const auto& [key, value] : labels) (*request.mutable_labels())[key] = value;
  world_.ask("AddDevice", std::move(request), [this, name](const hub::Answer& answer) {
    if (answer) names_.push_back(name);
  });
  world_.after(world_.dice().between({}, seconds(20)), [this, &device] { world_.power_on(device); });
}

void Operators::assign(std::uint32_t release, const api::v1::Policy& policy) {
  releases_ = std::max(releases_, release);
  world_.ask("CreateRelease", sealed(release_of(release)), {});
  api::v1::ApplyFleetRequest fleet;
  fleet.set_name("kiosk");
  fleet.mutable_spec()->set_selector("fleet=kiosk");
  fleet.mutable_spec()->set_release(fmt::format("kiosk@{}", release));
  *fleet.mutable_spec()->mutable_policy() = policy;
  world_.ask("ApplyFleet", std::move(fleet), {});
}

void Operators::roll_out() {
  api::v1::MakePlanRequest wanted;
  wanted.set_fleet("kiosk");
  plan(wanted, "device", 3);
}

void Operators::roll_out_beside(const api::v1::Policy& policy) {
  api::v1::MakePlanRequest wanted;
  wanted.set_selector("fleet=kiosk");
  wanted.set_release(fmt::format("kiosk@{}", releases_));
  *wanted.mutable_policy() = policy;
  plan(wanted, "device", 3);
}

void Operators::send_command() {
  if (names_.empty()) return;
  const v1::Release release = command_of(++commands_);
  world_.ask("CreateRelease", sealed(release), {});
  api::v1::MakePlanRequest wanted;
  wanted.add_devices(names_[world_.dice().below(names_.size())]);
  wanted.set_release(release.name() + "@1");
  *wanted.mutable_policy() = quick_policy(world_.dice());
  plan(wanted, "adhoc", 3);
}

void Operators::plan(const api::v1::MakePlanRequest& wanted, const std::string& scope, int tries_left) {
  if (tries_left == 0) return;
  world_.ask("MakePlan", wanted, [this, wanted, scope, tries_left](const hub::Answer& answer) {
    if (answer) start(dynamic_cast<const api::v1::Plan&>(**answer), scope, wanted, tries_left);
  });
}

void Operators::start(const api::v1::Plan& plan, const std::string& scope, const api::v1::MakePlanRequest& wanted,
                      int tries_left) {
  v1::Plan payload;
  payload.set_schema(1);
  payload.set_class_(v1::CLASS_CHANGE);
  payload.set_scope(scope);
  payload.set_not_after_unix_s(kNotAfter);
  payload.set_policy_hash(*from_hex(plan.spec().policy_hash()));
  payload.set_audience_root(*from_hex(plan.spec().audience_root()));
  payload.set_count(static_cast<std::uint32_t>(plan.spec().leaves_size()));
  api::v1::StartRolloutRequest request;
  request.set_plan(plan.metadata().id());
  request.set_frame(signed_frame(wire::FrameType::Plan, payload.SerializeAsString()));
  world_.ask("StartRollout", std::move(request), [this, wanted, scope, tries_left](const hub::Answer& answer) {
    if (!answer) return this->plan(wanted, scope, tries_left - 1);
    const std::string id = dynamic_cast<const api::v1::Rollout&>(**answer).metadata().id();
    rollouts_.push_back(id);
    world_.safety().promised(*RolloutId::parse(id), hub::RolloutPhase::Running);
  });
}

void Operators::change(const std::string& verb, const std::string& rollout) {
  api::v1::ChangeRolloutRequest request;
  request.set_rollout(rollout);
  world_.ask(verb + "Rollout", std::move(request), [this, verb, rollout](const hub::Answer& answer) {
    if (answer && verb == "Abort") world_.safety().promised(*RolloutId::parse(rollout), hub::RolloutPhase::Aborting);
  });
}

void Operators::decommission(const std::string& name) {
  std::erase(names_, name);
  api::v1::DecommissionRequest request;
  request.set_name(name);
  world_.ask("DecommissionDevice", std::move(request), [this, name](const hub::Answer& answer) {
    if (!answer) return;
    world_.power_off(world_.device(name));
    world_.device(name).is_gone = true;
  });
}

void Operators::relabel(const std::string& name) {
  api::v1::LabelDeviceRequest request;
  request.set_name(name);
  (*request.mutable_set())["fleet"] = world_.dice().chance(700) ? "kiosk" : "spare";
  world_.ask("LabelDevice", std::move(request), {});
}

void Operators::look_around() {
  for (const char* method : {"GetSummary", "GetHub"}) world_.ask(method, api::v1::Empty{}, {});
  api::v1::ListRequest all;
  for (const char* method : {"ListDevices", "ListRollouts", "ListFleets"}) world_.ask(method, all, {});
  if (rollouts_.empty()) return;
  api::v1::ListTargetsRequest targets;
  targets.set_rollout(rollouts_.back());
  world_.ask("ListTargets", std::move(targets), {});
}

void Operators::meddle() {
  Dice& dice = world_.dice();
  if (rollouts_.empty()) return roll_out();
  const std::string& rollout = rollouts_[rollouts_.size() - 1 - dice.below(std::min<std::size_t>(2, rollouts_.size()))];
  switch (dice.below(14)) {
    case 0:
    case 1: return change("Pause", rollout);
    case 2:
    case 3:
    case 4: return change("Resume", rollout);
    case 5: return change("Abort", rollout);
    case 6:
    case 7:
    case 8: return change("Retry", rollout);
    case 9: return send_command();
    case 10: return look_around();
    case 11:
      if (!names_.empty()) relabel(names_[dice.below(names_.size())]);
      return;
    case 12:
      if (names_.size() > 2 && dice.chance(400)) return decommission(names_[dice.below(names_.size())]);
      return add_device(fmt::format("late-{}", ++joiners_), {{"fleet", "kiosk"}});
    default:
      if (dice.chance(600)) assign(releases_ + 1, quick_policy(dice));
      return dice.chance(500) ? roll_out() : roll_out_beside(quick_policy(dice));
  }
}

void Operators::keep_meddling() {
  const Duration mean = world_.storm().act_every;
  if (mean == Duration{}) return;
  world_.after(world_.dice().between(mean / 2, mean + mean / 2), [this] {
    if (world_.storm().act_every == Duration{}) return;
    meddle();
    keep_meddling();
  });
}

}  // namespace kelpie::test
