// The real hub is killed again and again in the middle of rollouts that real agents carry out: at each kind of moment,
// and from outside at any. No result is lost and nothing runs twice, read from the devices' own logs; and at every
// death the store knows all that had left, read from the wire.
#include <algorithm>
#include <functional>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/system/crash_fleet.h"
#include "tests/system/fleet_operator.h"
#include "tests/system/wire_witness.h"

namespace kelpie::test {
namespace {

constexpr std::uint64_t kSeed = 20'261'125;
// All in the middle of rollouts.
constexpr std::size_t kKillsEach = 17;     // of three kinds: 51
constexpr std::size_t kKillsOutside = 12;  // more
constexpr std::size_t kKillsDeaf = 10;     // more; up to two in each rollout
constexpr std::size_t kFullDisks = 6;      // the same
constexpr std::uint64_t kTimesMax = 9;     // how often a hub passes the point at most before it dies there
constexpr std::uint64_t kEventsMax = 12;   // how many events a hub lives at most before it is killed from outside
constexpr std::size_t kRolloutsMax = 60;
constexpr int kSilentRestarts = 3;
constexpr std::chrono::seconds kAskPatience{10};

class HubCrash : public ::testing::Test {
 protected:
  /// Rollouts, each of another release, until so many kills fell into them; then what devices and hub say of them.
  void roll_out_until(std::size_t kills) {
    SCOPED_TRACE(fmt::format("seed {}", kSeed));
    while (kills_ < kills) {
      ASSERT_LT(rollouts_.size(), kRolloutsMax);
      rollouts_.push_back(people_.start_rollout(changing_release(static_cast<int>(rollouts_.size() + 1))));
      is_rolling_ = true;
      const api::v1::Rollout end = people_.finish(rollouts_.back());
      is_rolling_ = false;
      ASSERT_EQ(end.status().phase(), "succeeded") << end.status().why() << "\n" << fleet_.logs() << hub_.log();
    }
    kill();
    hub_.start();  // what it says now it read from its store
    fleet_.expect_done_once(rollouts_);
  }
  void kill() {
    hub_.kill();
    witness_.expect_known_to_store();
  }
  void count_kill() { kills_ += is_rolling_ ? 1 : 0; }

  /// A hub that dies when it passes the point for the N-th time, and so does the next.
  void die_at(const std::string& point) {
    kill();
    live_ = [this, point, is_first = true]() mutable {
      if (hub_.is_running()) return;
      if (!std::exchange(is_first, false)) {
        EXPECT_NE(hub_.log().find("crash point reached point=" + point), std::string::npos) << hub_.log();
        witness_.expect_known_to_store();
        count_kill();
      }
      hub_.start(fmt::format("{}:{}", point, 1 + uniform(entropy_, kTimesMax)));
    };
  }

  /// A hub that is killed when somebody who watches its events has seen the N-th since the last kill.
  void kill_after_events() {
    live_ = [this, last = std::uint64_t{0}]() mutable {
      if (last == 0) last = newest_event() + uniform(entropy_, kEventsMax);
      if (newest_event() < last) return;
      last = 0;
      kill();
      count_kill();
      hub_.start();
    };
  }
  std::uint64_t newest_event() {
    const auto newest = hub_.get<api::v1::EventList>("/api/v1/events?pageSize=1");
    return newest && newest->items_size() == 1 ? std::stoull(newest->items(0).seq()) : 0;
  }

  /// A hub that hangs as soon as every device took what it published, and dies when all of them have answered: first
  /// PREPARE, then GO. Counted when it did not take all answers before it hung; otherwise it is killed.
  void die_deaf(const std::function<void()>& death) {
    live_ = [this, death, rollout = std::string(), stage = std::size_t{0}]() mutable {
      struct Stage {
        const char* taken;
        const char* answered;
        const char* heard;
      };
      constexpr Stage kStages[] = {{"preparing", "prepared", "target.granted"},
                                   {"executing", "succeeded", "target.succeeded"}};
      if (!is_rolling_) return;
      if (rollout != rollouts_.back()) stage = 0;
      rollout = rollouts_.back();
      if (stage == std::size(kStages) || !fleet_.has_said(rollout, kStages[stage].taken)) return;
      hub_.freeze();
      EXPECT_TRUE(eventually([&] { return fleet_.has_said(rollout, kStages[stage].answered); })) << fleet_.logs();
      if (heard(kStages[stage].heard) < fleet_.size()) {
        death();
        count_kill();
      }
      kill();
      ++stage;
      hub_.start();
    };
  }
  /// It takes the answers, and cannot commit what follows from them.
  void fail_to_commit() {
    hub_.fill_disk();
    hub_.thaw();
    EXPECT_TRUE(eventually([&] { return !hub_.is_running(); })) << "a hub that cannot commit must end";
  }
  /// How often, of the rollout under way, in the hub's log.
  [[nodiscard]] std::size_t heard(const std::string& event) const {
    const std::string log = hub_.log();
    const std::size_t start = log.find("rollout.started object=rollout/" + rollouts_.back());
    return occurrences(start == std::string::npos ? log : log.substr(start), event);
  }

  SeededEntropy entropy_{kSeed};
  std::vector<std::string> rollouts_;
  std::size_t kills_ = 0;  // while a rollout was under way
  bool is_rolling_ = false;
  std::function<void()> live_;
  HubProgram hub_;
  WireWitness witness_{hub_};
  CrashFleet fleet_{hub_};
  FleetOperator people_{hub_, [this] { live_(); }};
};

TEST_F(HubCrash, BeforeTheCommit) {
  die_at("before-commit");
  roll_out_until(kKillsEach);
}

TEST_F(HubCrash, BetweenCommitAndPublish) {
  die_at("after-commit");
  roll_out_until(kKillsEach);
}

// The mark says that the hub has published; that the frames were out on the wire is shown by the test after this one.
TEST_F(HubCrash, BetweenPublishAndAcknowledgement) {
  die_at("after-publish");
  roll_out_until(kKillsEach);
}

TEST_F(HubCrash, WithAnswersOnTheirWayThatItNeverTook) {
  die_deaf([this] { hub_.kill(); });
  roll_out_until(kKillsDeaf);
}

// Other than with a kill, whatever was published before the commit has all the time to get out.
TEST_F(HubCrash, OfACommitThatFailsWithNothingPublished) {
  survive_full_disks();
  kill();
  hub_.start();
  die_deaf([this] { fail_to_commit(); });
  roll_out_until(kFullDisks);
}

// Nobody's report, nobody's repetition may be what a restarted hub knows a grant and an open attempt from.
TEST_F(HubCrash, WhileNoDeviceSpeaksForgetsNeitherGrantNorAttempt) {
  live_ = [] {};
  rollouts_.push_back(people_.start_rollout(changing_release(1)));
  ASSERT_TRUE(eventually([&] { return fleet_.has_said(rollouts_[0], "preparing"); })) << fleet_.logs();
  hub_.freeze();
  ASSERT_TRUE(eventually([&] { return fleet_.has_said(rollouts_[0], "prepared"); })) << fleet_.logs();
  fleet_.freeze();
  const std::set<DeviceId> silent = fleet_.unproved(rollouts_[0]);
  ASSERT_FALSE(silent.empty()) << fleet_.logs();
  hub_.thaw();
  const auto holds = [&](const std::set<DeviceId>& devices) { return std::ranges::includes(devices, silent); };
  ASSERT_TRUE(eventually([&] { return holds(fleet_.granted(rollouts_[0])); })) << hub_.log();
  for (int restart = 0; restart < kSilentRestarts; ++restart) {
    kill();
    witness_.forget_asked();
    hub_.start();
    const auto has_asked = [&] {
      witness_.listen();
      return holds(witness_.asked());
    };
    EXPECT_TRUE(eventually(has_asked, kAskPatience)) << "whoever holds a lease is asked where it stands";
    EXPECT_TRUE(holds(fleet_.granted(rollouts_[0]))) << hub_.log();
  }
  fleet_.thaw();
  EXPECT_EQ(people_.finish(rollouts_[0]).status().phase(), "succeeded") << fleet_.logs() << hub_.log();
  kill();
  hub_.start();
  fleet_.expect_done_once(rollouts_);
}

TEST_F(HubCrash, FromOutsideAtAnyMoment) {
  kill_after_events();
  roll_out_until(kKillsOutside);
}

}  // namespace
}  // namespace kelpie::test
