// kelpie rollout list, show, status, pause, resume, abort and retry. plan and start sign: they live with the manifests.
#include <algorithm>

#include <fmt/core.h>

#include "tools/kelpie/commands.h"
#include "tools/kelpie/commands/rollout_view.h"
#include "tools/kelpie/commands/rollout_wait.h"
#include "tools/kelpie/confirm.h"
#include "tools/kelpie/names.h"
#include "tools/kelpie/words.h"

namespace kelpie::cli {
namespace {

using api::v1::Rollout;
using api::v1::RolloutList;
using api::v1::Target;
using api::v1::TargetList;

constexpr Argument kRollout{
    .name = "ROLLOUT", .what = "its id, or a beginning only it has", .completes = Completes::Rollouts};

std::vector<Column> rollout_columns() {
  return {{.title = "ID"},
          {.title = "FLEET", .drop_order = 3},
          {.title = "RELEASE", .drop_order = 2},
          {.title = "PHASE"},
          {.title = "WAVE", .drop_order = 4},
          {.title = "DONE", .is_number = true},
          {.title = "FAILED", .drop_order = 1, .is_number = true},
          {.title = "AGE", .drop_order = 5, .is_number = true},
          {.title = "BY", .drop_order = 6},
          {.title = "REASON", .drop_order = 7, .is_wide = true},
          {.title = "WHY", .drop_order = 8, .is_wide = true}};
}

Cell done_cell(const api::v1::RolloutStatus& status) {
  return {.text = fmt::format("{}/{}", status.succeeded(), status.devices()), .number = status.succeeded()};
}

Result<View> run_list(Invocation& in) {
  api::v1::ListRequest request;
  request.set_fleet(in.value("fleet"));
  request.set_where(in.value("where"));
  const bool has_scope = request.where().find("scope") != std::string::npos;
  if (!in.has("all") && !has_scope) {  // those of command send have a list of their own
    request.set_where(request.where() + (request.where().empty() ? "" : ",") + "scope!=adhoc");
  }
  KELPIE_TRY(const std::size_t limit, in.number("limit", Session::kNoLimit));
  KELPIE_TRY(RolloutList rollouts, in.session().list<RolloutList>("ListRollouts", request, limit));
  Table table{.columns = rollout_columns(), .rows = {}, .empty = "no rollouts"};
  const WallTime now = to_wall(rollouts.as_of());
  for (const Rollout& rollout : rollouts.items()) {
    const api::v1::RolloutStatus& status = rollout.status();
    table.rows.push_back({{rollout.metadata().id()},
                          {or_dash(rollout.spec().fleet())},
                          {or_dash(rollout.spec().release())},
                          state_cell(status.phase()),
                          {or_dash(status.wave())},
                          done_cell(status),
                          count_cell(status.failed() + status.unknown(), Tone::Bad),
                          age_cell(status.started_at(), now),
                          {or_dash(rollout.spec().started_by())},
                          {or_dash(rollout.spec().reason())},
                          {or_dash(status.why())}});
  }
  return view_of(std::move(rollouts), {std::move(table)});
}

std::vector<Column> target_columns() {
  return {{.title = "DEVICE"},
          {.title = "WAVE", .drop_order = 3},
          {.title = "STATE"},
          {.title = "SINCE", .drop_order = 2, .is_number = true},
          {.title = "WHY", .drop_order = 1}};
}

Table target_table(const TargetList& targets) {
  Table table{.columns = target_columns(), .rows = {}, .empty = "no devices"};
  const WallTime now = to_wall(targets.as_of());
  for (const Target& target : targets.items()) {
    table.rows.push_back({{target.metadata().name()},
                          {target.status().wave()},
                          state_cell(target.status().state()),
                          age_cell(target.status().since(), now),
                          {or_dash(target.status().why())}});
  }
  return table;
}

/// Each device of a rollout: where it is, and who must move it.
Result<View> run_show(Invocation& in) {
  KELPIE_TRY(const std::string id, one_rollout(in.session(), in.argument("ROLLOUT")));
  api::v1::ListTargetsRequest request;
  request.set_rollout(id);
  request.set_state(in.value("state"));
  KELPIE_TRY(const std::size_t limit, in.number("limit", Session::kNoLimit));
  KELPIE_TRY(TargetList targets, in.session().list<TargetList>("ListTargets", request, limit));
  Table table = target_table(targets);
  return view_of(std::move(targets), {std::move(table)});
}

Result<View> look_at(Invocation& in, Rollout rollout) {
  if (in.has("wait") && !in.has("dry-run")) return watch_rollout(in, rollout.metadata().id());
  return show_rollout(std::move(rollout),
                      {.now = SystemClock().wall(), .width = in.screen().width(), .is_watched = false});
}

Result<View> run_status(Invocation& in) {
  KELPIE_TRY(const std::string id, one_rollout(in.session(), in.argument("ROLLOUT")));
  if (in.has("watch")) return watch_rollout(in, id);
  KELPIE_TRY(Rollout rollout, get_rollout(in.session(), id));
  return look_at(in, std::move(rollout));
}

Result<View> change(Invocation& in, std::string_view rpc) {
  KELPIE_TRY(const std::string id, one_rollout(in.session(), in.argument("ROLLOUT")));
  api::v1::ChangeRolloutRequest request;
  request.set_rollout(id);
  request.set_reason(in.value("reason"));
  KELPIE_TRY(Rollout rollout, in.session().call<Rollout>(rpc, request, {.is_dry_run = in.has("dry-run")}));
  return look_at(in, std::move(rollout));
}

Result<View> run_pause(Invocation& in) {
  return change(in, "PauseRollout");
}

Result<View> run_resume(Invocation& in) {
  return change(in, "ResumeRollout");
}

Result<View> run_abort(Invocation& in) {
  KELPIE_TRY(const std::string id, one_rollout(in.session(), in.argument("ROLLOUT")));
  KELPIE_TRY(const Rollout rollout, get_rollout(in.session(), id));
  const api::v1::RolloutStatus& status = rollout.status();
  const std::uint32_t left = status.devices() - std::min(status.devices(), status.succeeded() + status.failed());
  if (!in.has("dry-run")) {
    KELPIE_TRY(confirm(in, fmt::format("abort rollout {} with {} to go", id, counted(left, "device")), left));
  }
  return change(in, "AbortRollout");
}

Result<View> run_retry(Invocation& in) {
  KELPIE_TRY(const std::string id, one_rollout(in.session(), in.argument("ROLLOUT")));
  api::v1::ChangeRolloutRequest request;
  request.set_rollout(id);
  request.set_reason(in.value("reason"));
  const std::vector<std::string> devices = in.arguments("DEVICE");
  if (!devices.empty() && in.has("failed")) {
    return fail(Code::InvalidArgument, "--failed means all that failed; name devices or give --failed");
  }
  if (!devices.empty()) {
    KELPIE_TRY(const std::vector<std::string> names, some_devices(in, devices));
    request.mutable_devices()->Add(names.begin(), names.end());
  }
  KELPIE_TRY(Rollout rollout, in.session().call<Rollout>("RetryRollout", request, {.is_dry_run = in.has("dry-run")}));
  return look_at(in, std::move(rollout));
}

std::vector<ExitCode> watch_exits() {
  return {ExitCode::Done,           ExitCode::Bad,      ExitCode::Paused,     ExitCode::Tolerated,
          ExitCode::EndedOnPurpose, ExitCode::TimedOut, ExitCode::Interrupted};
}

}  // namespace

std::vector<Command> rollout_commands() {
  return {
      {.path = "rollout list",
       .summary = "List rollouts, newest first",
       .flags = {kFleetFlag,
                 {.name = "where", .value = "CONDITIONS", .what = "phase=paused, scope!=adhoc"},
                 {.name = "all", .what = "those of command send too"},
                 kLimitFlag},
       .examples = {"kelpie rollout list", "kelpie rollout list --where phase=paused",
                    "kelpie rollout list --fleet kiosk-eu"},
       .columns = rollout_columns(),
       .run = run_list},
      {.path = "rollout show",
       .summary = "List the devices of a rollout: where each stands, and who must move it",
       .arguments = {kRollout},
       .flags = {{.name = "state", .value = "STATE", .what = "only those: failed, waiting, executing, …"}, kLimitFlag},
       .examples = {"kelpie rollout show 01J9Q2", "kelpie rollout show 01J9Q2 --state failed -o name"},
       .columns = target_columns(),
       .run = run_show},
      {.path = "rollout status",
       .summary = "Show how far a rollout is; --watch until it ends",
       .details = "While watching, a pause ends the watch with 7 unless --through-pause. Ends after a day unless "
                  "--timeout says otherwise.",
       .arguments = {kRollout},
       .flags = {{.name = "watch", .letter = 'w', .what = "until it ends"}, kThroughPauseFlag},
       .examples = {"kelpie rollout status 01J9Q2", "kelpie rollout status 01J9Q2 --watch --timeout 2h",
                    "kelpie rollout status 01J9Q2 --watch -o jsonl"},
       .exits = watch_exits(),
       .run = run_status},
      {.path = "rollout pause",
       .summary = "Start no new device; those in flight finish",
       .arguments = {kRollout},
       .flags = {kReasonFlag, kDryRunFlag},
       .examples = {"kelpie rollout pause 01J9Q2 --reason 'store calls'"},
       .role = api::v1::OPERATOR,
       .run = run_pause},
      {.path = "rollout resume",
       .summary = "Go on with a paused rollout",
       .arguments = {kRollout},
       .flags = {kReasonFlag, kDryRunFlag, kWaitFlag, kThroughPauseFlag},
       .examples = {"kelpie rollout resume 01J9Q2", "kelpie rollout resume 01J9Q2 --wait"},
       .exits = watch_exits(),
       .role = api::v1::OPERATOR,
       .run = run_resume},
      {.path = "rollout abort",
       .summary = "End a rollout: devices that got no GO stay as they are",
       .arguments = {kRollout},
       .flags = {kReasonFlag, kYesFlag, kDryRunFlag, kWaitFlag},
       .examples = {"kelpie rollout abort 01J9Q2 --reason 'wrong menu'"},
       .exits = watch_exits(),
       .role = api::v1::OPERATOR,
       .run = run_abort},
      {.path = "rollout retry",
       .summary = "Try failed devices again, all or those named",
       .arguments = {kRollout,
                     {.name = "DEVICE",
                      .what = "names, or - for stdin; none: all that failed",
                      .count = Count::Any,
                      .completes = Completes::Devices}},
       .flags = {{.name = "failed", .what = "all that failed (also without it)"},
                 kReasonFlag,
                 kDryRunFlag,
                 kWaitFlag,
                 kThroughPauseFlag},
       .examples = {"kelpie rollout retry 01J9Q2 --failed --wait", "kelpie rollout retry 01J9Q2 pi-turin-07"},
       .exits = watch_exits(),
       .role = api::v1::OPERATOR,
       .run = run_retry},
  };
}

}  // namespace kelpie::cli
