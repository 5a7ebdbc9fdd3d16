// The hub's side of a world: its life and death, its turns, what it sends.
#include <algorithm>

#include <fmt/core.h>

#include "proto/wire/topics.h"
#include "tests/hub/api/samples.h"
#include "tests/sim/describe.h"
#include "tests/sim/ports.h"

namespace kelpie::test {
namespace {

constexpr std::uint64_t kHubKeySeed = 9;  // of the sample trust document
constexpr SteadyTime kNever{std::numeric_limits<std::int64_t>::max()};
constexpr Duration kHubBack = std::chrono::seconds(2);  // the service manager's restart delay

}  // namespace

void World::start_hub() {
  if (hub_) return;
  ++hub_life_;
  hub_inbox_.clear();
  hub_turn_at_ = kNever;
  const auto on_point = [this](std::string_view point) {
    const bool dies = hub_dies_at && hub_dies_at(point);
    if (dies || !passes(point, storm_.hub_crash_at_point)) throw PowerCut{};
  };
  hub_time_.emplace(*hub_clock_);
  Result<std::unique_ptr<hub::Hub>> made =
      hub::Hub::open({key_of(kHubKeySeed), trust_}, {store_, *hub_port_, *hub_port_, *hub_entropy_, on_point},
                     "tcp://127.0.0.1:1", hub_time_->now());
  if (!made) return safety_.violate("the hub cannot start from its store: " + made.error().message);
  hub_ = std::move(*made);
  note("hub", "starts");
  hub_inbox_.emplace_back(hub::LinkChanged{true});
  plan_hub_turn(now_);
}

void World::lose_hub(Duration away) {
  hub_.reset();
  store_.crash(dice_);
  note("hub", "is gone");
  after(away, [this] { start_hub(); });
}

void World::crash_hub(Duration away) {
  if (hub_) lose_hub(away);
}

void World::set_hub_clock_off(Duration by) {
  if (by == hub_clock_off_) return;
  hub_clock_off_ = by;
  note("hub", fmt::format("its clock is {} s off", by.count() / 1'000));
  plan_hub_turn(now_);  // the real one looks at its clock every second
}

void World::plan_hub_turn(SteadyTime at) {
  at = std::max(at, now_);
  if (!hub_ || hub_turn_at_ <= at) return;
  hub_turn_at_ = at;
  after(at - now_, [this, at, life = hub_life_] {
    if (hub_ && life == hub_life_ && hub_turn_at_ == at) turn_hub();
  });
}

void World::turn_hub() {
  hub_turn_at_ = kNever;
  std::vector<hub::Incoming> batch;
  batch.swap(hub_inbox_);
  if (dice_.chance(storm_.hub_commit_failing)) store_.fail_next_commit();
  try {
    const Result<void> outcome = hub_->step(batch, hub_time_->now());
    if (!outcome) {
      note("hub", "stops: " + outcome.error().message);
      return lose_hub(kHubBack);
    }
  } catch (const PowerCut&) {
    return lose_hub(dice_.between(kHubBack, storm_.away_max));
  } catch (const std::exception& error) {
    return safety_.violate(std::string("the hub dies: ") + error.what());
  }
  safety_.hub_stepped(hub_->state(), store_, hub_time_->now());
  if (const std::optional<WallTime> due = hub_->next_due())
    plan_hub_turn(now_ + std::max<Duration>(std::chrono::milliseconds(1), *due - hub_time_->now()));
  if (!hub_inbox_.empty()) plan_hub_turn(now_);
}

void World::hub_published(const std::string& topic, ByteView payload) {
  safety_.delivery_sent(payload, hub_->state());
  const std::string frame(as_text(payload));
  trace_.mix(frame);
  for (const auto& device : devices_) {
    if (topic != device->down_topic && topic != wire::all_topic()) continue;
    note("hub", "→ " + device->name + " " + describe(payload));
    to_device(*device, frame);
    remember(*device, frame);
  }
}

void World::to_hub(const SimDevice& from, std::string frame) {
  if (from.is_deaf) return;
  for (const Duration delay : delays()) {
    after(delay, [this, frame, life = hub_life_] {
      if (!hub_ || life != hub_life_) return;
      hub_inbox_.emplace_back(hub::FrameArrived{frame});
      // Now and then a few frames wait for each other: one commit for all of them.
      plan_hub_turn(now_ + (dice_.chance(300) ? Duration(dice_.below(200)) : Duration{}));
    });
  }
}

}  // namespace kelpie::test
