#include "tests/system/fleet_operator.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

namespace kelpie::test {
namespace {

template <typename Out>
Out parsed(const std::string& bytes) {
  Out out;
  EXPECT_TRUE(out.ParseFromString(bytes));
  return out;
}

v1::Release release_of(int number) {
  v1::Release release;
  release.set_schema(1);
  release.set_name("kiosk");
  release.set_version(std::to_string(number));
  release.set_scope("device");
  release.add_steps()->mutable_start();
  release.add_checks()->mutable_node_ready();
  return release;
}

}  // namespace

std::string FleetOperator::call(const std::string& method, const std::string& path,
                                const google::protobuf::Message& body, const std::string& key) {
  std::string answer;
  const bool is_answered = eventually([&] {
    live_();
    const Result<wire::HttpResponse> response = program_.call(method, path, body, key);
    if (!response) return false;
    EXPECT_EQ(response->status, 200) << method << " " << path << ": " << response->body;
    answer = response->body;
    return true;
  });
  EXPECT_TRUE(is_answered) << program_.log();
  return answer;
}

std::string FleetOperator::make_plan(v1::Plan& payload) {
  api::v1::MakePlanRequest wanted;
  wanted.set_fleet("kiosk");
  const auto plan = parsed<api::v1::Plan>(call("POST", "/api/v1/plans", wanted, fmt::format("plan-{}", rollouts_)));
  payload.set_schema(1);
  payload.set_class_(v1::CLASS_CHANGE);
  payload.set_scope("device");
  payload.set_not_after_unix_s(4'000'000'000);
  payload.set_policy_hash(*from_hex(plan.spec().policy_hash()));
  payload.set_audience_root(*from_hex(plan.spec().audience_root()));
  payload.set_count(static_cast<std::uint32_t>(plan.spec().leaves_size()));
  return plan.metadata().id();
}

std::string FleetOperator::start_rollout(int number) {
  return start_rollout(release_of(number));
}

std::string FleetOperator::start_rollout(const v1::Release& release) {
  ++rollouts_;
  const std::string ref = fmt::format("{}@{}", release.name(), release.version());
  api::v1::CreateReleaseRequest create;
  create.set_frame(program_.sealed(wire::FrameType::Release, release));
  call("POST", "/api/v1/releases", create, "release-" + ref);

  api::v1::ApplyFleetRequest fleet;
  fleet.set_name("kiosk");
  fleet.mutable_spec()->set_selector("*");
  fleet.mutable_spec()->set_release(ref);
  api::v1::Wave& wave = *fleet.mutable_spec()->mutable_policy()->add_waves();
  wave.set_name("all");
  wave.set_up_to_basis_points(10'000);
  wave.mutable_soak()->set_seconds(0);
  call("PUT", "/api/v1/fleets/kiosk", fleet, fmt::format("fleet-{}", rollouts_));

  v1::Plan payload;
  const std::string plan = make_plan(payload);
  api::v1::StartRolloutRequest start;
  start.set_plan(plan);
  start.set_frame(program_.sealed(wire::FrameType::Plan, payload));
  const std::string path = fmt::format("/api/v1/plans/{}:start", plan);
  return parsed<api::v1::Rollout>(call("POST", path, start, fmt::format("start-{}", rollouts_))).metadata().id();
}

api::v1::Rollout FleetOperator::finish(const std::string& id, std::chrono::seconds patience) {
  api::v1::Rollout last;
  const bool is_over = eventually(
      [&] {
        live_();
        const auto now = program_.get<api::v1::Rollout>("/api/v1/rollouts/" + id);
        if (now) last = *now;
        return last.status().phase() == "succeeded" || last.status().phase() == "paused";
      },
      patience);
  EXPECT_TRUE(is_over) << last.ShortDebugString() << program_.log();
  return last;
}

}  // namespace kelpie::test
