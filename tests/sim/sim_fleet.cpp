#include "tests/sim/sim_fleet.h"

#include <atomic>
#include <thread>

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include "tools/kelpie/manifest/load.h"

namespace kelpie::test {
namespace {

constexpr std::uint64_t kSeed = 1;
constexpr std::size_t kCallersMax = 32;
constexpr std::chrono::milliseconds kPatienceEach{20};

std::vector<std::string> with_count(std::size_t count, std::vector<std::string> flags) {
  flags.insert(flags.end(),
               {"--count", std::to_string(count), "--seed", std::to_string(kSeed), "--label-fleet", "getting-started"});
  return flags;
}

v1::Release reference_release() {
  cli::Problems problems;
  const cli::Manifests manifests =
      cli::load_manifests({.paths = {KELPIE_SOURCE_DIR "/deploy/examples/getting-started/release.yaml"}}, problems);
  EXPECT_EQ(manifests.releases.size(), 1U);
  return manifests.releases.at(0).release;
}

}  // namespace

template <typename Out>
Out SimFleet::parsed(const std::string& path, const Result<wire::HttpResponse>& answer) {
  Out out;
  if (!answer || answer->status != 200 || !out.ParseFromString(answer->body))
    ADD_FAILURE() << path << ": " << (answer ? answer->body : answer.error().message);
  return out;
}

SimFleet::SimFleet(std::size_t count, const std::vector<std::string>& flags) {
  using Clock = std::chrono::steady_clock;
  const std::chrono::milliseconds patience = kPatience + kPatienceEach * count;
  hub_.start();
  const Clock::time_point begun = Clock::now();
  register_devices(count);
  const Clock::time_point registered = Clock::now();
  sim_.emplace(hub_.broker().url(), hub_.trust_file(), with_count(count, flags));
  EXPECT_TRUE(sim_->is_ready(patience)) << sim_->child().out() << sim_->child().err();
  const Clock::time_point connected = Clock::now();
  EXPECT_TRUE(eventually([&] { return are_online(count); }, patience)) << summary().ShortDebugString();
  took_ = {
      .registering = registered - begun, .connecting = connected - registered, .online = Clock::now() - registered};
}

bool SimFleet::are_online(std::size_t count) {
  const api::v1::Summary now = summary();
  const auto online = now.connection().find("online");
  return online != now.connection().end() && online->second == count;
}

void SimFleet::register_devices(std::size_t count) {
  const std::vector<std::string> lines = sim_roster(count, kSeed);
  std::atomic<std::size_t> next = 0;
  const auto register_some = [&] {
    for (std::size_t i = next++; i < lines.size(); i = next++) register_device(lines[i]);
  };
  std::vector<std::jthread> callers;  // the hub commits together what comes at once: one sync for all of them
  for (std::size_t i = 0; i < std::min(count, kCallersMax); ++i) callers.emplace_back(register_some);
}

void SimFleet::register_device(const std::string& line) {
  google::protobuf::Struct object;
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(line, &object).ok()) << line;
  api::v1::AddDeviceRequest request;
  request.set_name(object.fields().at("name").string_value());
  request.set_fingerprint(object.fields().at("key").string_value());
  for (const auto& [key, value] : object.fields().at("labels").struct_value().fields())
    (*request.mutable_labels())[key] = value.string_value();
  call<api::v1::Device>("POST", "/api/v1/devices", request);
}

std::string SimFleet::roll_out(const std::vector<std::uint32_t>& shares) {
  const v1::Release release = reference_release();
  api::v1::CreateReleaseRequest create;
  create.set_frame(hub_.sealed(wire::FrameType::Release, release));
  call<api::v1::Release>("POST", "/api/v1/releases", create);
  api::v1::ApplyFleetRequest fleet;
  fleet.set_name("all");
  fleet.mutable_spec()->set_selector("*");
  fleet.mutable_spec()->set_release(cli::release_ref(release));
  for (const std::uint32_t share : shares) {
    api::v1::Wave& wave = *fleet.mutable_spec()->mutable_policy()->add_waves();
    wave.set_name("to-" + std::to_string(share));
    wave.set_up_to_basis_points(share);
    wave.mutable_soak()->set_seconds(1);
  }
  call<api::v1::Fleet>("PUT", "/api/v1/fleets/all", fleet);
  api::v1::MakePlanRequest wanted;
  wanted.set_fleet("all");
  const auto plan = call<api::v1::Plan>("POST", "/api/v1/plans", wanted);
  v1::Plan payload;
  payload.set_schema(1);
  payload.set_class_(v1::CLASS_CHANGE);
  payload.set_scope("device");
  payload.set_not_after_unix_s(4'000'000'000);
  payload.set_policy_hash(*from_hex(plan.spec().policy_hash()));
  payload.set_audience_root(*from_hex(plan.spec().audience_root()));
  payload.set_count(static_cast<std::uint32_t>(plan.spec().leaves_size()));
  api::v1::StartRolloutRequest start;
  start.set_plan(plan.metadata().id());
  start.set_frame(hub_.sealed(wire::FrameType::Plan, payload));
  return call<api::v1::Rollout>("POST", "/api/v1/plans/" + plan.metadata().id() + ":start", start).metadata().id();
}

void SimFleet::change(const std::string& verb, const std::string& rollout) {
  api::v1::ChangeRolloutRequest request;
  request.set_rollout(rollout);
  call<api::v1::Rollout>("POST", "/api/v1/rollouts/" + rollout + ":" + verb, request);
}

api::v1::Rollout SimFleet::rollout(const std::string& id) {
  const std::string path = "/api/v1/rollouts/" + id;
  return parsed<api::v1::Rollout>(path, hub_.call("GET", path, api::v1::Empty(), {}));
}

bool SimFleet::reaches(const std::string& id, const std::string& phase, std::chrono::milliseconds patience) {
  return eventually([&] { return rollout(id).status().phase() == phase; }, patience);
}

api::v1::Summary SimFleet::summary() {
  return parsed<api::v1::Summary>("/api/v1/summary", hub_.call("GET", "/api/v1/summary", api::v1::Empty(), {}));
}

api::v1::Device SimFleet::device(const std::string& name) {
  const std::string path = "/api/v1/devices/" + name;
  return parsed<api::v1::Device>(path, hub_.call("GET", path, api::v1::Empty(), {}));
}

}  // namespace kelpie::test
