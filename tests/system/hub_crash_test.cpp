// The real hub dies again and again, at every kind of moment, in the middle of rollouts: no result is lost and nothing
// runs twice, read from what the devices themselves ran.
#include <algorithm>
#include <set>

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <kelpie/v1/release.pb.h>

#include "tests/system/hub_program.h"

namespace kelpie::test {
namespace {

constexpr int kKillsEach = 17;  // of three kinds: 51
constexpr int kCommitsMax = 9;  // how far into a hub's life a kill falls at most
constexpr std::chrono::milliseconds kPump{20};

class CrashTest : public ::testing::Test {
 protected:
  CrashTest() {
    for (const char* point : {"before-commit", "after-commit", "after-publish"}) {
      for (int i = 0; i < kKillsEach; ++i) {
        plan_.push_back(fmt::format("{}:{}", point, 1 + uniform(entropy_, kCommitsMax)));
      }
    }
    for (std::size_t i = plan_.size() - 1; i > 0; --i) std::swap(plan_[i], plan_[uniform(entropy_, i + 1)]);
  }

  /// Starts the hub again when it is dead, with the next kill planned for it.
  void keep_alive() {
    if (program_.is_running()) return;
    if (!current_.empty()) {
      EXPECT_NE(program_.log().find("crash point reached"), std::string::npos) << program_.log();
      ++kills_[current_.substr(0, current_.find(':'))];
    }
    current_ = plan_.empty() ? std::string() : plan_.back();
    if (!plan_.empty()) plan_.pop_back();
    program_.start(current_);
  }

  void live() {
    keep_alive();
    program_.pump(kPump);
  }

  /// Until the hub has answered: the same request under the same key, as a client would.
  std::string call(const std::string& method, const std::string& path, const google::protobuf::Message& body,
                   const std::string& key) {
    std::string answer;
    const bool is_answered = eventually([&] {
      live();
      const Result<wire::HttpResponse> response = program_.call(method, path, body, key);
      if (!response) return false;
      EXPECT_EQ(response->status, 200) << method << " " << path << ": " << response->body;
      answer = response->body;
      return true;
    });
    EXPECT_TRUE(is_answered) << program_.log();
    return answer;
  }

  template <typename Out>
  Out parsed(const std::string& bytes) {
    Out out;
    EXPECT_TRUE(out.ParseFromString(bytes));
    return out;
  }

  /// A release of its own, so that every device has something to do.
  std::string start_rollout(int number) {
    v1::Release release;
    release.set_schema(1);
    release.set_name("kiosk");
    release.set_version(std::to_string(number));
    release.set_scope("device");
    release.add_steps()->mutable_start();
    release.add_checks()->mutable_node_ready();
    api::v1::CreateReleaseRequest create;
    create.set_frame(program_.sealed(wire::FrameType::Release, release));
    call("POST", "/api/v1/releases", create, fmt::format("release-{}", number));

    api::v1::ApplyFleetRequest fleet;
    fleet.set_name("kiosk");
    fleet.mutable_spec()->set_selector("*");
    fleet.mutable_spec()->set_release(fmt::format("kiosk@{}", number));
    api::v1::Wave& wave = *fleet.mutable_spec()->mutable_policy()->add_waves();
    wave.set_name("all");
    wave.set_up_to_basis_points(10'000);
    wave.mutable_soak()->set_seconds(0);
    call("PUT", "/api/v1/fleets/kiosk", fleet, fmt::format("fleet-{}", number));

    api::v1::MakePlanRequest wanted;
    wanted.set_fleet("kiosk");
    const auto plan = parsed<api::v1::Plan>(call("POST", "/api/v1/plans", wanted, fmt::format("plan-{}", number)));
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
    start.set_frame(program_.sealed(wire::FrameType::Plan, payload));
    const auto rollout = parsed<api::v1::Rollout>(call(
        "POST", fmt::format("/api/v1/plans/{}:start", plan.metadata().id()), start, fmt::format("start-{}", number)));
    return rollout.metadata().id();
  }

  /// The rollout as it ended.
  api::v1::Rollout finish(const std::string& id) {
    api::v1::Rollout last;
    const bool is_over = eventually([&] {
      live();
      const auto now = program_.get<api::v1::Rollout>("/api/v1/rollouts/" + id);
      if (now) last = *now;
      return last.status().phase() == "succeeded" || last.status().phase() == "paused";
    });
    EXPECT_TRUE(is_over) << last.ShortDebugString() << program_.log();
    return last;
  }

  SeededEntropy entropy_{20'261'124};
  std::vector<std::string> plan_;
  std::string current_;
  std::map<std::string, int> kills_;
  HubProgram program_;
};

TEST_F(CrashTest, NothingIsLostAndNothingRunsTwice) {
  program_.start();
  for (const char* name : {"pi-1", "pi-2", "pi-3"}) program_.add_device(name);
  program_.kill();
  int rollouts = 0;
  while (!plan_.empty() || !current_.empty()) {
    const std::string id = start_rollout(++rollouts);
    const api::v1::Rollout rollout = finish(id);
    ASSERT_EQ(rollout.status().phase(), "succeeded") << rollout.status().why();
    EXPECT_EQ(rollout.status().succeeded(), 3U);
    ASSERT_LT(rollouts, 200);
  }
  for (const auto& [name, played] : program_.devices()) {
    const std::set<std::string> distinct(played->ran().begin(), played->ran().end());
    EXPECT_EQ(distinct.size(), played->ran().size()) << name << " ran an attempt twice";
    EXPECT_EQ(played->ran().size(), static_cast<std::size_t>(rollouts)) << name;
  }
  for (const char* point : {"before-commit", "after-commit", "after-publish"}) EXPECT_EQ(kills_[point], kKillsEach);
}

}  // namespace
}  // namespace kelpie::test
