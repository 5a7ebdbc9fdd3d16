#include "tests/device-agent/shell/agent_world.h"

#include <algorithm>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "proto/base/log.h"

namespace kelpie::test {
namespace {

constexpr int kTurnsMax = 600;

bool is_end(v1::AttemptState state) {
  return state == v1::SUCCEEDED || state == v1::FAILED || state == v1::CANCELLED || state == v1::REFUSED;
}

}  // namespace

std::optional<agent::CallResult> PlayedMicrok8s::run_slowly(std::uint64_t call, const agent::StepCall& step,
                                                            const Note& note) {
  constexpr int kTurns = 4;
  const std::string kind(kind_of(step.step));
  std::string& change = waiting_[call];
  if (change.empty()) change = step.note;
  for (const auto& [id, open] : changes_) {
    if (open.kind == kind && open.turns_left > 0) change = id;
  }
  agent::CallResult out;
  out.verdict = agent::Verdict::Satisfied;
  if (change.empty() && is_so[kind]) return out;  // it ended between the look and the run
  if (change.empty()) {
    change = fmt::format("change {}", changes_.size() + 1);
    changes_[change] = {.kind = kind, .turns_left = kTurns};
    log.push_back("run " + kind);
    note(change);
  }
  if (changes_.at(change).turns_left > 0) return std::nullopt;
  if (is_so[kind]) return out;
  out.verdict = agent::Verdict::Failed;
  out.reason = change + " ended in error";
  return out;
}

void PlayedMicrok8s::turn() {
  for (auto& [id, change] : changes_) {
    if (change.turns_left > 0 && --change.turns_left == 0)
      is_so[change.kind] = !failing.contains("change " + change.kind);
  }
}

std::optional<agent::CallResult> PlayedMicrok8s::carry_out(const agent::Call& call, const Note& note) {
  agent::CallResult out;
  out.verdict = agent::Verdict::Satisfied;
  const auto* const step = std::get_if<agent::StepCall>(&call.what);
  const bool is_run = step != nullptr && step->phase == agent::Phase::Run;
  if (is_run && slow.contains(std::string(kind_of(step->step)))) return run_slowly(call.id, *step, note);
  const std::string name = step == nullptr ? (std::holds_alternative<agent::ChecksCall>(call.what) ? "checks" : "facts")
                                           : fmt::format("{} {}", to_string(step->phase), kind_of(step->step));
  if (name != "facts") log.push_back(name);
  if (failing.contains(name)) {
    out.verdict = agent::Verdict::Failed;
    out.reason = "broken-by-a-test";
  }
  if (step == nullptr) return out;
  bool& so = is_so[std::string(kind_of(step->step))];
  switch (step->phase) {
    case agent::Phase::Prepare: out.restore = so ? "so" : "not so"; break;
    case agent::Phase::Observe:
      if (!so) out.verdict = agent::Verdict::Unmet;
      break;
    case agent::Phase::Run: so = true; break;
    case agent::Phase::Verify: break;
    case agent::Phase::Undo: so = step->restore == "so"; break;
  }
  return out;
}

int PlayedMicrok8s::times(const std::string& name) const {
  return static_cast<int>(std::count(log.begin(), log.end(), name));
}

void AgentWorld::Bus::publish(const std::string&, ByteView payload) {
  const Result<wire::Frame> frame = wire::parse_frame(payload);
  ASSERT_TRUE(frame);
  ++world_.reports;
  if (world_.is_hub_deaf) return;
  ASSERT_TRUE(world_.heard.ParseFromString(frame->payload));
  world_.install_ids_.insert(world_.heard.install_id());
  world_.installs = static_cast<int>(world_.install_ids_.size());
  world_.answer_as_hub();
}

void AgentWorld::reached(std::string_view point) {
  if (on_point) on_point(point);
  if (cut_.left > 0 && point == cut_.point && --cut_.left == 0) throw PowerCut{};
}

AgentWorld::AgentWorld() {
  log::configure(log::Level::Error, log::Format::Text);
  start();
}

void AgentWorld::start() {
  agent_.reset();
  calls_.clear();
  microk8s.forget_calls();
  incoming_.clear();
  Result<std::unique_ptr<agent::Agent>> made =
      agent::Agent::open({.key = key_of(kDevice), .trust = the_trust()},
                         {.bus = bus_,
                          .store = card,
                          .runner = runner_,
                          .entropy = entropy_,
                          .on_point = [this](std::string_view point) { reached(point); }},
                         now_);
  ASSERT_TRUE(made) << made.error().message;
  agent_ = std::move(*made);
  incoming_.emplace_back(agent::LinkChanged{.is_connected = true});
}

void AgentWorld::turn() {
  now_ = now_ + std::chrono::seconds(1);
  wall_ = wall_ + std::chrono::seconds(1);
  try {
    if (!is_microk8s_busy) work();
    const std::vector<agent::Incoming> batch(incoming_.begin(), incoming_.end());
    incoming_.clear();
    agent_->step(batch, wall_, now_);
  } catch (const PowerCut&) {
    start();
  }
}

void AgentWorld::work() {
  microk8s.turn();
  std::erase_if(calls_, [&](const agent::Call& call) {
    std::optional<agent::CallResult> result =
        carry_out ? carry_out(call, [&](std::string note) { take_note(call.id, std::move(note)); })
                  : microk8s.carry_out(call, [&](std::string note) {
                      incoming_.emplace_back(agent::CallNoted{.id = call.id, .note = std::move(note)});
                    });
    if (result) incoming_.emplace_back(agent::CallFinished{.id = call.id, .result = std::move(*result)});
    return result.has_value();
  });
}

void AgentWorld::take_note(std::uint64_t call, std::string note) {
  const agent::Incoming noted = agent::CallNoted{.id = call, .note = std::move(note)};
  agent_->step({&noted, 1}, wall_, now_);
}

bool AgentWorld::run_until(const std::function<bool()>& done) {
  for (int i = 0; i < kTurnsMax && !done(); ++i) turn();
  return done();
}

bool AgentWorld::is_over() const {
  return is_end(heard.attempt().state());
}

void AgentWorld::answer_as_hub() {
  const v1::Attempt& attempt = heard.attempt();
  v1::Beacon beacon;
  beacon.set_install_id(heard.install_id());
  beacon.set_boot(heard.boot());
  beacon.set_sequence(heard.sequence());
  std::string holds = is_hub_forgetful ? "" : attempt.id();
  append_le32(holds, is_hub_forgetful ? 0 : static_cast<std::uint32_t>(attempt.state()));
  append_le32(holds, 1);
  beacon.set_holds_digest(blake2b_256(holds).bytes());
  frame(sealed(beacon));
  if (!heard.has_attempt()) return frame(sealed(prepare_of(wanted)));
  if (attempt.state() != v1::PREPARED) return;
  v1::Deliver deliver;
  v1::Go& go = *deliver.mutable_go();
  go.set_attempt(attempt.id());
  go.set_attempt_hash(attempt.hash());
  go.set_nonce(attempt.nonce());
  go.set_soak_s(soak_s);
  frame(sealed(deliver));
}

}  // namespace kelpie::test
