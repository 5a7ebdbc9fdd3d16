#include "tests/device-agent/core/core_world.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

namespace kelpie::test {

using agent::Attempt;
using agent::AttemptState;
using agent::BeaconSeen;
using agent::Call;
using agent::CallFinished;
using agent::CallResult;
using agent::ChecksCall;
using agent::DeployStep;
using agent::FailedOutcome;
using agent::GoOrder;
using agent::InstallStep;
using agent::LinkEvent;
using agent::NodeReadyCheck;
using agent::Phase;
using agent::PrepareOrder;
using agent::Release;
using agent::StartStep;
using agent::StepCall;
using agent::StepOutcome;
using agent::StepRecord;
using agent::Verdict;

namespace {

constexpr int kCallsMax = 1'000;

DeviceId device() {
  return *DeviceId::from_hex("000102030405060708090a0b0c0d0e0f");
}

std::string name_of(const Call& call) {
  if (const auto* const step = std::get_if<StepCall>(&call.what)) {
    return fmt::format("{} {}", to_string(step->phase), kind_of(step->step));
  }
  return std::holds_alternative<ChecksCall>(call.what) ? "checks" : "facts";
}

std::string_view word(StepOutcome outcome) {
  switch (outcome) {
    case StepOutcome::Open: return "open";
    case StepOutcome::Unchanged: return "unchanged";
    case StepOutcome::Changed: return "changed";
    case StepOutcome::Failed: return "failed";
    case StepOutcome::Undone: return "undone";
    case StepOutcome::UndoFailed: return "undo-failed";
  }
  return "";
}

std::string_view word(FailedOutcome outcome) {
  switch (outcome) {
    case FailedOutcome::None: return "";
    case FailedOutcome::Restored: return "(restored)";
    case FailedOutcome::Broken: return "(broken)";
    case FailedOutcome::Preflight: return "(preflight)";
  }
  return "";
}

}  // namespace

Release sample_release(const std::string& tag) {
  Release out;
  out.digest = blake2b_256(tag);
  out.name = tag;
  out.version = "1";
  out.scope = "device";
  out.steps = {InstallStep{.channel = "1.32/stable"}, StartStep{}, DeployStep{}};
  out.checks = {NodeReadyCheck{}};
  return out;
}

PrepareOrder prepare(const OrderOf& of) {
  PrepareOrder out;
  out.id = {.rollout = *RolloutId::parse(of.rollout), .device = device(), .n = of.n};
  out.hash = blake2b_256(fmt::format("{} {}", to_string(out.id), of.release));
  out.scope = of.scope;
  out.generation = of.generation;
  out.release = sample_release(of.release);
  out.release_frame = of.release;
  return out;
}

CallResult satisfied(const std::string& restore) {
  CallResult out;
  out.verdict = Verdict::Satisfied;
  out.restore = restore;
  return out;
}
CallResult unmet() {
  CallResult out;
  out.verdict = Verdict::Unmet;
  return out;
}
CallResult failed(const std::string& reason) {
  CallResult out;
  out.verdict = Verdict::Failed;
  out.reason = reason;
  out.detail = reason + " of a test";
  return out;
}

CoreWorld::CoreWorld() {
  restart();
}

void CoreWorld::restart() {
  const auto boot = BootId::from_bytes(blake2b_128(fmt::format("boot {}", ++boots_)).view());
  memory = start_memory(memory.ledger, *boot, blake2b_256(boot->bytes()), memory.now);
  hear(LinkEvent{.is_connected = true});
}

void CoreWorld::move(Duration by) {
  memory.now = memory.now + by;
  tick(memory);
}

std::string CoreWorld::ask() {
  for (std::optional<Call> call = next_call(memory); call; call = next_call(memory)) {
    std::string name = name_of(*call);
    if (name != "facts") {
      asked.push_back(name);
      return name;
    }
    answer(satisfied());
  }
  return {};
}

void CoreWorld::answer(const CallResult& result) {
  hear(CallFinished{.id = memory.calls, .result = result});
  tick(memory);
}

void CoreWorld::run(const std::map<std::string, CallResult>& results) {
  for (int i = 0; i < kCallsMax; ++i) {
    const std::string name = ask();
    if (name.empty()) return;
    const auto at = results.find(name);
    answer(at == results.end() ? satisfied() : at->second);
  }
  ADD_FAILURE() << "it never ends";
}

int CoreWorld::speak() {
  int out = 0;
  for (; is_report_due(memory) && out < kCallsMax; ++out) note_report(memory);
  return out;
}

void CoreWorld::acknowledge() {
  hear(BeaconSeen{.install = memory.ledger.install,
                  .boot = memory.boot,
                  .sequence = memory.telling.sequence,
                  .holds = holds_digest(shown_attempt(memory), memory.trust_version),
                  .hub_nonce = {},
                  .heartbeat = {}});
}

GoOrder CoreWorld::go(Duration soak) const {
  return {.id = attempt().id,
          .hash = attempt().hash,
          .nonce = memory.nonce,
          .limits = {.soak = soak,
                     .step = std::chrono::minutes(15),
                     .attempt = std::chrono::minutes(45),
                     .verify = std::chrono::minutes(10)}};
}

void CoreWorld::start(Duration soak) {
  hear(prepare());
  run({{"prepare install", satisfied("no snap")}});
  hear(go(soak));
}

std::string CoreWorld::shown() const {
  const Attempt* const shown = shown_attempt(memory);
  if (shown == nullptr) return "none";
  std::string out(to_string(shown->state));
  out += word(shown->outcome);
  const bool is_walking = shown->state == AttemptState::Preparing || shown->state == AttemptState::Executing;
  if (is_walking) out += fmt::format(" {}/{}", shown->step + 1, shown->release.steps.size());
  if (shown->state == AttemptState::Executing) {
    out += fmt::format(" {}", to_string(shown->is_undoing ? Phase::Undo : memory.phase));
  }
  if (!shown->records.empty()) out += ":";
  for (const StepRecord& record : shown->records) out += fmt::format(" {}", word(record.outcome));
  const std::string why = shown->failure.reason + shown->failure.refusal;
  return why.empty() ? out : out + ", " + why;
}

std::uint64_t CoreWorld::refused(const std::string& code) const {
  const auto at = memory.refusals.find(code);
  return at == memory.refusals.end() ? 0 : at->second;
}

}  // namespace kelpie::test
