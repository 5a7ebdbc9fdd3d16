// kelpie command list, show and wait: an ad-hoc command is a rollout of one wave. command send signs: it lives with the
// manifests.
#include <algorithm>

#include <fmt/core.h>

#include "tools/kelpie/commands.h"
#include "tools/kelpie/commands/rollout_wait.h"
#include "tools/kelpie/names.h"
#include "tools/kelpie/words.h"

namespace kelpie::cli {
namespace {

using api::v1::Rollout;
using api::v1::RolloutList;
using api::v1::Target;
using api::v1::TargetList;

constexpr std::size_t kListedMax = 50;  // chosen: each row of one device asks for its target

std::vector<Column> command_columns() {
  return {{.title = "ID"},
          {.title = "DEVICE", .drop_order = 1},
          {.title = "VERB"},
          {.title = "STATE"},
          {.title = "TRY", .drop_order = 3, .is_number = true},
          {.title = "AGE", .drop_order = 2, .is_number = true},
          {.title = "BY", .drop_order = 4, .is_wide = true},
          {.title = "REASON", .drop_order = 5, .is_wide = true}};
}

Result<TargetList> targets_of(Session& session, const std::string& id, std::size_t limit) {
  api::v1::ListTargetsRequest request;
  request.set_rollout(id);
  return session.list<TargetList>("ListTargets", request, limit);
}

/// "rollout/device/n" → n.
std::string try_of(const Target& target) {
  const std::string& id = target.metadata().id();
  const std::string number = id.substr(id.rfind('/') + 1);
  return number == "0" ? "-" : number;
}

Result<std::vector<Cell>> command_row(Session& session, const Rollout& rollout, WallTime now) {
  const api::v1::RolloutStatus& status = rollout.status();
  Cell device{counted(status.devices(), "device")};
  Cell state = state_cell(status.phase());
  Cell tries{"-"};
  if (status.devices() == 1) {
    KELPIE_TRY(const TargetList targets, targets_of(session, rollout.metadata().id(), 1));
    if (!targets.items().empty()) {
      device.text = targets.items(0).metadata().name();
      state = state_cell(targets.items(0).status().state());
      tries.text = try_of(targets.items(0));
    }
  }
  const std::string verb = rollout.spec().verb().empty() ? rollout.spec().release() : rollout.spec().verb();
  return std::vector<Cell>{{rollout.metadata().id()},
                           std::move(device),
                           {or_dash(verb)},
                           std::move(state),
                           std::move(tries),
                           age_cell(status.started_at(), now),
                           {or_dash(rollout.spec().started_by())},
                           {or_dash(rollout.spec().reason())}};
}

Result<View> run_list(Invocation& in) {
  api::v1::ListRequest request;
  request.set_where("scope=adhoc");
  KELPIE_TRY(const std::size_t limit, in.number("limit", kListedMax));
  KELPIE_TRY(RolloutList runs, in.session().list<RolloutList>("ListRollouts", request, limit));
  Table table{.columns = command_columns(), .rows = {}, .empty = "no commands"};
  const WallTime now = to_wall(runs.as_of());
  for (const Rollout& run : runs.items()) {
    KELPIE_TRY(std::vector<Cell> row, command_row(in.session(), run, now));
    table.rows.push_back(std::move(row));
  }
  return view_of(std::move(runs), {std::move(table)});
}

void add_result(std::vector<Block>& blocks, const api::v1::StepResult& result) {
  blocks.emplace_back(Line{{fmt::format("    {:<16}", result.kind())},
                           {fmt::format("{:<12}", result.outcome()), tone_of(result.outcome())},
                           {fmt::format("{:>7.1f}s  {}", result.duration_ms() / 1'000.0, result.summary())}});
  std::string_view output = result.output_tail();
  while (!output.empty()) {
    const std::size_t end = std::min(output.find('\n'), output.size());
    blocks.emplace_back(Line{{"      | ", Tone::Faint}, {std::string(output.substr(0, end)), Tone::Faint}});
    output.remove_prefix(std::min(end + 1, output.size()));
  }
}

void add_target(std::vector<Block>& blocks, const Target& target) {
  const api::v1::TargetStatus& status = target.status();
  blocks.emplace_back(Line{{"  " + target.metadata().name(), Tone::Strong},
                           {"   "},
                           {symbol_of(status.state()) + status.state(), tone_of(status.state())},
                           {fmt::format("   try {}", try_of(target))}});
  const api::v1::Attempt& attempt = status.attempt();
  const bool is_bad = !attempt.reason().empty();
  const std::string why = is_bad ? fmt::format("{}: {}", attempt.reason(), attempt.detail()) : status.why();
  if (!why.empty()) blocks.emplace_back(Line{{"    " + why, is_bad ? Tone::Bad : Tone::Plain}});
  for (const api::v1::StepResult& result : attempt.results()) add_result(blocks, result);
}

/// What failed stands first; who has not begun is only counted.
void add_targets(std::vector<Block>& blocks, const TargetList& targets, const std::string& id) {
  std::vector<const Target*> begun;
  for (const Target& target : targets.items()) {
    if (target.status().has_attempt()) begun.push_back(&target);
  }
  std::stable_partition(begun.begin(), begun.end(),
                        [](const Target* target) { return target->status().state() == "failed"; });
  for (const Target* target : begun) add_target(blocks, *target);
  const std::size_t left = static_cast<std::size_t>(targets.items_size()) - begun.size();
  if (left == 0) return;
  const auto waiting = std::ranges::find_if(targets.items(), [](const Target& target) {
    return !target.status().has_attempt() && !target.status().why().empty();
  });
  if (waiting != targets.items().end()) {
    blocks.emplace_back(Line{{fmt::format("  {}: {}", waiting->metadata().name(), waiting->status().why())}});
  }
  blocks.emplace_back(Line{{fmt::format("  {} told nothing yet", counted(left, "device")), Tone::Faint},
                           {fmt::format("   kelpie rollout show {}", id), Tone::Faint}});
}

Result<View> run_show(Invocation& in) {
  KELPIE_TRY(const std::string id, one_rollout(in.session(), in.argument("COMMAND")));
  KELPIE_TRY(const Rollout rollout, get_rollout(in.session(), id));
  KELPIE_TRY(const std::size_t limit, in.number("limit", kListedMax));
  KELPIE_TRY(TargetList targets, targets_of(in.session(), id, limit));
  const std::string verb = rollout.spec().verb().empty() ? rollout.spec().release() : rollout.spec().verb();
  const api::v1::RolloutStatus& status = rollout.status();
  std::vector<Block> blocks;
  blocks.emplace_back(
      Line{{or_dash(verb), Tone::Strong},
           {fmt::format("   {}   ", id)},
           {symbol_of(status.phase()) + status.phase(), tone_of(status.phase())},
           {fmt::format("   {}   by {}", counted(status.devices(), "device"), or_dash(rollout.spec().started_by()))}});
  add_targets(blocks, targets, id);
  return view_of(std::move(targets), std::move(blocks));
}

/// A failed device is what a command failed by, also where its limits tolerate it.
Result<View> run_wait(Invocation& in) {
  KELPIE_TRY(const std::string id, one_rollout(in.session(), in.argument("COMMAND")));
  KELPIE_TRY(View view, watch_rollout(in, id));
  if (view.exit == ExitCode::Tolerated) {
    const auto& rollout = static_cast<const Rollout&>(*view.message);
    if (rollout.status().succeeded() == 0) view.exit = ExitCode::Bad;
  }
  return view;
}

constexpr Argument kCommand{
    .name = "COMMAND", .what = "its id, or a beginning only it has", .completes = Completes::Rollouts};

}  // namespace

std::vector<Command> run_commands() {
  return {
      {.path = "command list",
       .summary = "List commands sent to devices, newest first",
       .flags = {kLimitFlag},
       .examples = {"kelpie command list", "kelpie command list --limit 5 -o wide"},
       .columns = command_columns(),
       .run = run_list},
      {.path = "command show",
       .summary = "Show what each device did: its steps, their output, and why one failed",
       .details = "Takes the id of any rollout.",
       .arguments = {kCommand},
       .flags = {kLimitFlag},
       .examples = {"kelpie command show 01J9Q7", "kelpie command show 01J9Q7 -o json"},
       .run = run_show},
      {.path = "command wait",
       .summary = "Wait until a command has ended",
       .arguments = {kCommand},
       .flags = {kThroughPauseFlag},
       .examples = {"kelpie command wait 01J9Q7 --timeout 5m"},
       .exits = {ExitCode::Done, ExitCode::Bad, ExitCode::Paused, ExitCode::Tolerated, ExitCode::EndedOnPurpose,
                 ExitCode::TimedOut, ExitCode::Interrupted},
       .run = run_wait},
  };
}

}  // namespace kelpie::cli
