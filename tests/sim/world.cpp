#include "tests/sim/world.h"

#include <algorithm>

#include "tests/hub/api/samples.h"
#include "tests/sim/ports.h"

namespace kelpie::test {
namespace {

constexpr std::int64_t kWallStart = 1'800'000'000'000;  // 2027-01-15: after the agent's clock floor
constexpr Duration kAskAgain = std::chrono::seconds(10);
constexpr std::uint64_t kHubEntropySalt = 0x68'75'62;

}  // namespace

World::World(WorldOptions options)
    : dice_(options.seed),
      storm_(options.storm),
      trace_(std::move(options.print)),
      hub_port_(std::make_unique<HubPort>(*this)),
      hub_entropy_(std::make_unique<SeededEntropy>(dice_.draw() ^ kHubEntropySalt)),
      hub_clock_(std::make_unique<HubClock>(*this)),
      is_modelled_(options.is_modelled),
      trust_(sample_trust()) {
  start_hub();
}

World::~World() = default;

WallTime World::wall() const {
  return {kWallStart + now_.ms};
}

const hub::HubState& World::state() const {
  KELPIE_ASSERT(hub_ != nullptr);
  return hub_->state();
}

void World::after(Duration in, std::function<void()> what) {
  KELPIE_ASSERT(in >= Duration{});
  moments_.push(
      {.at = now_ + in, .sequence = ++sequence_, .what = std::make_shared<std::function<void()>>(std::move(what))});
}

bool World::step_time(SteadyTime until) {
  if (moments_.empty() || moments_.top().at > until || !violation().empty()) return false;
  const Moment next = moments_.top();
  moments_.pop();
  KELPIE_ASSERT(next.at >= now_);
  now_ = next.at;
  (*next.what)();
  return true;
}

void World::run_for(Duration time) {
  const SteadyTime until = now_ + time;
  while (step_time(until)) continue;
  now_ = until;
}

bool World::run_until(const std::function<bool()>& done, Duration time_max) {
  const SteadyTime until = now_ + time_max;
  while (!done()) {
    if (!step_time(until)) return false;
  }
  return violation().empty();
}

// ---- operators' calls ---------------------------------------------------------------------------------------------

void World::send_call(std::string method, std::shared_ptr<google::protobuf::Message> request, std::string bytes,
                      Then then) {
  hub::ApiCall call;
  call.request = ++requests_;
  call.fingerprint = blake2b_128(method + bytes).hex();
  call.method = std::move(method);
  call.input = std::move(request);
  call.actor = {.name = "ana", .request = "r" + std::to_string(requests_)};
  call.idempotency_key = "key-" + std::to_string(requests_);
  asked_[requests_] = {.call = std::move(call), .then = std::move(then)};
  repeat_call(requests_);
}

void World::repeat_call(std::uint64_t request) {
  const auto at = asked_.find(request);
  if (at == asked_.end()) return;
  if (hub_) {
    hub_inbox_.emplace_back(at->second.call);
    plan_hub_turn(now_);
  }
  after(kAskAgain, [this, request] { repeat_call(request); });
}

void World::take_answer(std::uint64_t request, const hub::Answer& answer) {
  const auto at = asked_.find(request);
  if (at == asked_.end()) return;  // asked twice because the first answer was slow
  note("ana", at->second.call.method + ": " + told(answer));
  const Then then = std::move(at->second.then);
  asked_.erase(at);
  // Later: whoever hears of it may ask again, and the hub is in the middle of its step.
  if (then) after({}, [then, answer] { then(answer); });
}

// ---- the network --------------------------------------------------------------------------------------------------

std::vector<Duration> World::delays() {
  if (dice_.chance(storm_.lost)) return {};
  std::vector<Duration> out;
  const int copies = dice_.chance(storm_.doubled) ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    Duration delay = dice_.between(std::chrono::milliseconds(2), std::chrono::milliseconds(40));
    if (dice_.chance(300)) delay += dice_.between({}, storm_.delay_max);
    out.push_back(delay);
  }
  return out;
}

void World::remember(SimDevice& device, const std::string& frame) {
  constexpr std::size_t kOldFramesMax = 64;
  if (old_frames_.size() < kOldFramesMax) {
    old_frames_.emplace_back(&device, frame);
  } else {
    old_frames_[dice_.below(kOldFramesMax)] = {&device, frame};
  }
  if (!dice_.chance(storm_.replayed)) return;
  const auto& [whose, old] = old_frames_[dice_.below(old_frames_.size())];
  note("broker", "an old frame again for " + whose->name);
  to_device(*whose, old);
}

bool World::passes(std::string_view point, std::uint32_t permille) {
  if (!dice_.chance(permille)) return true;
  note("world", std::string("power cut at ").append(point));
  return false;
}

}  // namespace kelpie::test
