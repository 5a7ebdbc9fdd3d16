#include "tests/hub/shell/hub_world.h"

#include <gtest/gtest.h>
#include <kelpie/api/v1/api.pb.h>

namespace kelpie::test {
namespace {

constexpr int kRoundsMax = 600;
constexpr std::uint64_t kHubKeySeed = 9;
constexpr std::uint64_t kFirstDeviceSeed = 100;

}  // namespace

void HubWorld::start_hub() {
  Result<std::unique_ptr<hub::Hub>> made = hub::Hub::open(
      {key_of(kHubKeySeed), sample_trust()}, {store_, bus_, door_, entropy_, {}}, "tcp://127.0.0.1:1", now_);
  ASSERT_TRUE(made) << made.error().message;
  hub_ = std::move(*made);
  step({hub::LinkChanged{true}});
}

void HubWorld::crash_hub() {
  hub_.reset();
  bus_.sent.clear();
  start_hub();
}

PlayedDevice& HubWorld::add_device(const std::string& name) {
  auto played = std::make_unique<PlayedDevice>(kFirstDeviceSeed + devices_.size(), sample_trust());
  api::v1::AddDeviceRequest request;
  request.set_name(name);
  request.set_fingerprint(played->id().hex());
  const hub::Answer answer = ask("AddDevice", request);
  EXPECT_TRUE(answer) << answer.error().message;
  up_.push_back(played->hello());
  return *devices_.emplace(name, std::move(played)).first->second;
}

RolloutId HubWorld::start_rollout() {
  api::v1::CreateReleaseRequest release;
  release.set_frame(signed_frame(wire::FrameType::Release, sample_release().SerializeAsString()));
  EXPECT_EQ(told(ask("CreateRelease", release)), "ok");
  api::v1::ApplyFleetRequest fleet;
  fleet.set_name("kiosk");
  fleet.mutable_spec()->set_selector("*");
  fleet.mutable_spec()->set_release("kiosk@1");
  api::v1::Wave& wave = *fleet.mutable_spec()->mutable_policy()->add_waves();
  wave.set_name("all");
  wave.set_up_to_basis_points(10'000);
  wave.mutable_soak()->set_seconds(0);
  EXPECT_EQ(told(ask("ApplyFleet", fleet)), "ok");
  api::v1::MakePlanRequest wanted;
  wanted.set_fleet("kiosk");
  EXPECT_EQ(told(ask("MakePlan", wanted)), "ok");
  const hub::Plan& plan = state().plans.rbegin()->second;
  v1::Plan payload = sample_plan();
  payload.set_policy_hash(plan.policy_hash.bytes());
  payload.set_audience_root(plan.audience_root.bytes());
  payload.set_count(static_cast<std::uint32_t>(plan.leaves.size()));
  api::v1::StartRolloutRequest start;
  start.set_plan(plan.id.text());
  start.set_frame(signed_frame(wire::FrameType::Plan, payload.SerializeAsString()));
  EXPECT_EQ(told(ask("StartRollout", start)), "ok");
  return state().rollouts.rbegin()->first;
}

void HubWorld::step(const std::vector<hub::Incoming>& incoming) {
  const Result<void> outcome = hub_->step(incoming, now_);
  EXPECT_TRUE(outcome) << outcome.error().message;
}

void HubWorld::deliver_down() {
  std::vector<std::pair<std::string, std::string>> sent;
  sent.swap(bus_.sent);
  for (const auto& [topic, bytes] : sent) {
    for (const auto& [name, played] : devices_) {
      for (std::string& report : played->take(bytes)) up_.push_back(std::move(report));
    }
  }
}

bool HubWorld::run_until(const std::function<bool()>& done) {
  for (int round = 0; round < kRoundsMax && !done(); ++round) {
    deliver_down();
    std::vector<hub::Incoming> batch;
    for (std::string& report : up_) batch.emplace_back(hub::FrameArrived{std::move(report)});
    up_.clear();
    step(batch);
    move_time(std::chrono::seconds(1));
    if (round % 30 == 29) {
      for (const auto& [name, played] : devices_) up_.push_back(played->heartbeat());
    }
  }
  return done();
}

const hub::Device& HubWorld::device(const std::string& name) const {
  return state().devices.at(state().device_names.find(name)->second);
}

std::uint64_t HubWorld::refused(const std::string& code) const {
  const auto at = state().refusals.find(code);
  return at == state().refusals.end() ? 0 : at->second;
}

}  // namespace kelpie::test
