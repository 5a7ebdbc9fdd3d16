// The devices' side of a world: power, links, turns of the agents and the calls they ask for.
#include <algorithm>

#include <fmt/core.h>

#include "proto/wire/topics.h"
#include "tests/hub/api/samples.h"
#include "tests/sim/describe.h"
#include "tests/sim/ports.h"

namespace kelpie::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr SteadyTime kNever{std::numeric_limits<std::int64_t>::max()};
constexpr std::uint64_t kFirstKeySeed = 1'000;
constexpr Duration kModelStart = std::chrono::hours(24);  // modelled devices have been on for a day
constexpr std::size_t kDetailShown = 80;
constexpr std::uint32_t kTurnsPerMinuteMax = 3'000;  // an agent that turns more often than that turns for nothing

}  // namespace

SimDevice& World::add_device(const std::string& name) {
  SimDevice& device = *devices_.emplace_back(std::make_unique<SimDevice>());
  device.name = name;
  device.key_seed = kFirstKeySeed + devices_.size();
  device.id = wire::device_id_of(key_of(device.key_seed).public_key());
  device.down_topic = wire::down_topic(device.id);
  device.entropy = std::make_unique<SeededEntropy>(dice_.draw());
  device.port = std::make_unique<DevicePort>(*this, device);
  if (is_modelled_) device.model = std::make_unique<ModelledWork>();
  return device;
}

SimDevice& World::device(const std::string& name) {
  const auto at = std::find_if(devices_.begin(), devices_.end(), [&](const auto& one) { return one->name == name; });
  KELPIE_ASSERT(at != devices_.end());
  return **at;
}

void World::power_on(SimDevice& device) {
  if (device.agent || device.is_gone) return;
  start_agent(device);
}

void World::start_agent(SimDevice& device) {
  ++device.life;
  device.turn_at = kNever;
  device.inbox.clear();
  device.clock_offset = Duration(static_cast<std::int64_t>(dice_.below(10'000'000))) - Duration(now_.ms);
  const auto on_point = [this, &device](std::string_view point) {
    const bool dies = agent_dies_at && agent_dies_at(device, point);
    if (dies || !passes(point, storm_.agent_crash_at_point)) throw PowerCut{};
  };
  Result<std::unique_ptr<agent::Agent>> made =
      agent::Agent::open({key_of(device.key_seed), trust_},
                         {*device.port, device.card, *device.port, *device.entropy, on_point}, device.own_clock(now_));
  if (!made) {  // a full card: its service manager tries again
    note(device.name, "cannot start: " + made.error().message);
    return after(seconds(30), [this, &device] { power_on(device); });
  }
  device.agent = std::move(*made);
  if (device.model) device.model->boot(now_ + kModelStart);
  note(device.name, "starts");
  plan_agent_turn(device, now_);
  after(dice_.between(milliseconds(50), seconds(3)), [this, &device, life = device.life] {
    if (device.life == life) mend_link(device);
  });
}

void World::lose_agent(SimDevice& device) {
  if (!device.agent) return;
  device.agent.reset();
  if (device.model) device.model->cut(dice_);
  ++device.life;
  ++device.connection;
  device.is_linked = false;
  device.inbox.clear();
  note(device.name, "has no power");
}

void World::power_off(SimDevice& device) {
  lose_agent(device);
}

void World::mend_link(SimDevice& device) {
  if (!device.agent || device.is_linked) return;
  device.is_linked = true;
  ++device.connection;
  device.inbox.emplace_back(agent::LinkChanged{true});
  plan_agent_turn(device, now_);
}

void World::cut_link(SimDevice& device) {
  if (!device.agent || !device.is_linked) return;
  device.is_linked = false;
  ++device.connection;
  note(device.name, "lost its link");
  device.inbox.emplace_back(agent::LinkChanged{false});
  plan_agent_turn(device, now_);
}

void World::plan_agent_turn(SimDevice& device, SteadyTime at) {
  at = std::max(at, now_);
  if (!device.agent || device.turn_at <= at) return;
  device.turn_at = at;
  after(at - now_, [this, &device, at, life = device.life] {
    if (device.agent && life == device.life && device.turn_at == at) turn_agent(device);
  });
}

void World::turn_agent(SimDevice& device) {
  device.turn_at = kNever;
  std::vector<agent::Incoming> batch;
  batch.swap(device.inbox);
  const std::int64_t minute = now_.ms / 60'000;
  device.turns_in_minute = device.busy_minute == minute ? device.turns_in_minute + 1 : 0;
  device.busy_minute = minute;
  if (device.turns_in_minute > kTurnsPerMinuteMax) return safety_.violate(device.name + " turns without rest");
  try {
    device.agent->step(batch, wall(), device.own_clock(now_));
  } catch (const PowerCut&) {
    lose_agent(device);
    return after(dice_.between(seconds(3), storm_.away_max), [this, &device] { power_on(device); });
  } catch (const std::exception& error) {
    return safety_.violate(device.name + " dies: " + error.what());
  }
  safety_.agent_stepped(device.id, device.agent->memory());
  const SteadyTime due = device.agent->next_due() + -device.clock_offset;
  plan_agent_turn(device, std::max(due, now_ + milliseconds(1)));
}

void World::agent_published(SimDevice& device, ByteView payload) {
  safety_.agent_stepped(device.id, device.agent->memory());  // a power cut may follow before the step is over
  safety_.report_sent(payload);
  const std::string frame(as_text(payload));
  trace_.mix(frame);
  note(device.name, describe(payload));
  if (device.is_linked) to_hub(device, frame);
}

void World::to_device(SimDevice& device, const std::string& frame) {
  if (!device.is_linked || device.is_deaf) return;
  for (const Duration delay : delays()) {
    after(delay, [this, &device, frame, connection = device.connection] {
      if (!device.agent || connection != device.connection) return;
      device.inbox.emplace_back(agent::FrameArrived{frame});
      plan_agent_turn(device, now_ + (dice_.chance(200) ? Duration(dice_.below(100)) : Duration{}));
    });
  }
}

void World::finish_call(SimDevice& device, const agent::Call& call, Duration in, agent::CallResult result) {
  std::optional<AttemptId> observed;
  std::uint32_t step = 0;
  const auto* const what = std::get_if<agent::StepCall>(&call.what);
  if (what != nullptr && what->phase == agent::Phase::Observe) {
    observed = device.agent->memory().ledger.attempt->id;
    step = device.agent->memory().ledger.attempt->step;
  }
  after(in, [this, &device, life = device.life, observed, step, id = call.id, result = std::move(result)] {
    if (device.life != life) return;
    if (observed) safety_.observed(*observed, step, result.verdict == agent::Verdict::Unmet);
    if (device.model) device.model->close();
    device.inbox.emplace_back(agent::CallFinished{id, result});
    plan_agent_turn(device, now_);
  });
}

void World::show_progress(SimDevice& device, const agent::Call& call, Duration in, std::string line) {
  after(in, [this, &device, life = device.life, id = call.id, line = std::move(line)] {
    if (device.life != life) return;
    device.inbox.emplace_back(agent::CallProgressed{id, line});
    plan_agent_turn(device, now_);
  });
}

void World::run_script(SimDevice& device, const agent::Call& call) {
  const ScriptedWork::Done done = device.work.carry_out(call, storm_, dice_);
  if (done.after != device.work.facts()) {
    after(done.applied_at, [&device, life = device.life, facts = done.after] {
      if (device.life == life) device.work.become(facts);
    });
  }
  if (dice_.chance(200)) show_progress(device, call, done.took / 3, "a third is done");
  finish_call(device, call, done.took, done.result);
}

void World::run_model(SimDevice& device, const agent::Call& call) {
  // The model's clock does not start anew with the device's.
  sim::WorkDone done = device.model->carry_out(call, now_ + kModelStart);
  for (auto& [in, line] : done.progress) show_progress(device, call, in, std::move(line));
  note(device.name, fmt::format("will have found {} {} {}", static_cast<int>(done.result.verdict), done.result.reason,
                                done.result.detail.substr(0, kDetailShown)));
  finish_call(device, call, done.took, std::move(done.result));
}

void World::start_call(SimDevice& device, agent::Call call) {
  if (const auto* const what = std::get_if<agent::StepCall>(&call.what)) {
    const agent::Attempt& attempt = *device.agent->memory().ledger.attempt;
    note(device.name, fmt::format("{} {} of {}", to_string(what->phase), kind_of(what->step), to_string(attempt.id)));
    if (what->phase == agent::Phase::Run) safety_.run_started(attempt.id, attempt.step);
  }
  device.model ? run_model(device, call) : run_script(device, call);
}

}  // namespace kelpie::test
