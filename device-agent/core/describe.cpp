#include <chrono>

#include <fmt/core.h>

#include "device-agent/core/parts.h"

namespace kelpie::agent {
namespace {

std::string seconds(Duration duration) {
  return fmt::format("{} s", std::chrono::duration_cast<std::chrono::seconds>(duration).count());
}

std::string_view word_of(StepOutcome outcome) {
  switch (outcome) {
    case StepOutcome::Open: return "open";
    case StepOutcome::Unchanged: return "unchanged";
    case StepOutcome::Changed: return "changed";
    case StepOutcome::Failed: return "failed";
    case StepOutcome::Undone: return "undone";
    case StepOutcome::UndoFailed: return "undo failed";
  }
  return "";
}

std::string attempt_lines(const Attempt& attempt) {
  std::string out = fmt::format(
      "attempt      {}\nrelease      {}@{} of scope {}, generation {}\nstate        {}, step {} of {}, {} since GO, "
      "{} restarts\n",
      to_string(attempt.id), attempt.release.name, attempt.release.version, attempt.scope, attempt.generation,
      to_string(attempt.state), attempt.step + 1, attempt.records.size(), seconds(attempt.spent), attempt.restarts);
  out += fmt::format("limits       step {}, attempt {}, verify {}, soak {}\n", seconds(attempt.limits.step),
                     seconds(attempt.limits.attempt), seconds(attempt.limits.verify), seconds(attempt.limits.soak));
  if (!attempt.failure.reason.empty()) {
    out += fmt::format("failure      {}: {}\n", attempt.failure.reason, attempt.failure.detail);
  }
  for (std::size_t i = 0; i < attempt.records.size(); ++i) {
    const StepRecord& record = attempt.records[i];
    out += fmt::format("step {:<7} {} {}{}, {} ms: {}\n", i + 1, kind_of(attempt.release.steps[i]),
                       word_of(record.outcome), record.has_intent ? " with intent" : "", record.duration_ms,
                       record.summary);
  }
  return out;
}

}  // namespace

std::string describe(const Memory& memory) {
  const Telling& telling = memory.telling;
  std::string out =
      fmt::format("install      {}\nboot         {}\nhub epoch    {}, trust version {}\n", memory.ledger.install.hex(),
                  memory.boot.hex(), memory.ledger.hub_epoch, memory.trust_version);
  out += fmt::format("reports      {} sent, {} acknowledged, connection {} of this boot, heartbeat {}\n",
                     telling.sequence, telling.acknowledged, telling.connection, seconds(telling.heartbeat));
  if (const std::string_view note = health_note(memory); !note.empty()) out += fmt::format("health       {}\n", note);
  for (const auto& [code, count] : memory.refusals) out += fmt::format("refused      {} {} times\n", code, count);
  for (const auto& [scope, mark] : memory.ledger.marks) {
    out += fmt::format("newest of    {}: generation {}, attempt {}, release {}{}\n", scope, mark.generation, mark.n,
                       mark.release.hex(), mark.is_closed ? ", closed" : "");
  }
  if (memory.ledger.attempt) out += attempt_lines(*memory.ledger.attempt);
  return out;
}

}  // namespace kelpie::agent
