// kelpie rollout plan and start: a preview is saved, shown, and signed as it was shown.
#include <sstream>

#include <fmt/core.h>

#include "tools/kelpie/commands.h"
#include "tools/kelpie/commands/planning.h"
#include "tools/kelpie/commands/rollout_view.h"
#include "tools/kelpie/commands/rollout_wait.h"
#include "tools/kelpie/confirm.h"
#include "tools/kelpie/layout.h"
#include "tools/kelpie/sign.h"
#include "tools/kelpie/words.h"

namespace kelpie::cli {
namespace {

/// RELEASE and DEVICE… as they were typed, in order.
std::vector<std::string> words_of(Invocation& in) {
  std::vector<std::string> out = in.arguments("DEVICE");
  if (const std::string first = in.argument("RELEASE"); !first.empty()) out.insert(out.begin(), first);
  return out;
}

Result<api::v1::Plan> make_plan(Invocation& in, const std::vector<std::string>& words) {
  KELPIE_TRY(const api::v1::MakePlanRequest request, plan_request(in, words));
  return in.session().call<api::v1::Plan>("MakePlan", request);
}

bool has_changes(const api::v1::Plan& plan) {
  return plan.status().already_there() < plan.status().devices();
}

Result<View> run_plan(Invocation& in) {
  KELPIE_TRY(const wire::Trust trust, known_trust(in));
  KELPIE_TRY(api::v1::Plan plan, make_plan(in, words_of(in)));
  KELPIE_TRY(PlanSight sight, look_at_plan(in, std::move(plan), trust));
  std::vector<Block> blocks = plan_blocks(sight);
  const std::string id = sight.plan.metadata().id();
  blocks.emplace_back(
      Line{{fmt::format("Plan {} saved.   ", id)}, {fmt::format("kelpie rollout start {}", id), Tone::Strong}});
  const bool is_different = has_changes(sight.plan);
  View view = view_of(std::move(sight.plan), std::move(blocks));
  if (in.has("exit-code") && is_different) view.exit = ExitCode::Differences;
  return view;
}

bool is_plan_id(const std::string& word) {
  return word.find('@') == std::string::npos && Ulid::parse(word).has_value();
}

Result<api::v1::Plan> plan_to_start(Invocation& in) {
  const std::vector<std::string> words = words_of(in);
  if (words.size() != 1 || !is_plan_id(words[0])) return make_plan(in, words);
  api::v1::Named request;
  request.set_name(words[0]);
  return in.session().call<api::v1::Plan>("GetPlan", request);
}

/// What is about to be signed, on stderr: stdout is for what came of it.
Result<void> show_before(Invocation& in, const PlanSight& sight) {
  KELPIE_TRY(const std::string text, draw(plan_blocks(sight), {}, {.width = in.screen().width()}));
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) in.screen().note(line);
  return {};
}

Result<void> ask_before(Invocation& in, const PlanSight& sight) {
  if (in.has("dry-run") || in.has("save")) return {};
  const std::uint32_t devices = sight.plan.status().devices();
  const bool is_dangerous = !sight.release.dangers.empty();
  // A plan by its id was seen before; a release named here was not, until now.
  if (!is_dangerous && (is_plan_id(in.argument("RELEASE")) || !in.screen().can_ask())) return {};
  return confirm(in,
                 fmt::format("start {}{} on {}", is_dangerous ? "dangerous " : "", sight.plan.spec().release(),
                             counted(devices, "device")),
                 devices);
}

Result<View> run_start(Invocation& in) {
  KELPIE_TRY(const Signer signer, open_signer(in));
  KELPIE_TRY(api::v1::Plan plan, plan_to_start(in));
  KELPIE_TRY(const PlanSight sight, look_at_plan(in, std::move(plan), signer.trust));
  KELPIE_TRY(show_before(in, sight));
  KELPIE_TRY(ask_before(in, sight));
  KELPIE_TRY(api::v1::Rollout rollout, start_plan(in, sight, signer, {.reason = in.value("reason"), .verb = {}}));
  if (in.has("save")) {
    View view = view_of(api::v1::Plan(sight.plan), {});
    view.notes.push_back(fmt::format("signed by {}; the next person: kelpie rollout start {} --co-sign {}",
                                     signer.person, sight.plan.metadata().id(), in.value("save")));
    return view;
  }
  if (in.has("dry-run")) {
    View view = view_of(std::move(rollout), {});
    view.notes.emplace_back("the hub would start it; nothing was changed");
    return view;
  }
  if (in.has("wait")) return watch_rollout(in, rollout.metadata().id());
  return show_rollout(std::move(rollout),
                      {.now = SystemClock().wall(), .width = in.screen().width(), .is_watched = false});
}

}  // namespace

std::vector<Command> planning_commands() {
  std::vector<Flag> plan = planning_flags();
  plan.push_back({.name = "exit-code", .what = "exit with 10 when a device would change"});
  std::vector<Flag> start = planning_flags();
  start.insert(start.end(), {kSignKeyFlag,
                             kPassphraseFileFlag,
                             kReasonFlag,
                             kDryRunFlag,
                             kWaitFlag,
                             kThroughPauseFlag,
                             {.name = "save",
                              .value = "FILE",
                              .what = "sign, start nothing: the file is for a second person",
                              .completes = Completes::Files},
                             {.name = "co-sign",
                              .value = "FILE",
                              .what = "add a second person's signature to such a file, then start",
                              .completes = Completes::Files}});
  return {
      {.path = "rollout plan",
       .summary = "Show what a rollout would change, wave by wave",
       .details = "The plan is saved under an id and shown as it will be; starting it signs exactly that.",
       .arguments =
           {{.name = "RELEASE",
             .what = "name@version; the fleet's own unless given",
             .count = Count::Optional,
             .completes = Completes::Releases},
            {.name = "DEVICE", .what = "names of devices", .count = Count::Any, .completes = Completes::Devices}},
       .flags = std::move(plan),
       .examples = {"kelpie rollout plan kiosk@1.4.0 --fleet kiosk-eu",
                    "kelpie rollout plan kiosk@1.4.0 -l site=turin --waves 1,rest --max-failed 3%"},
       .exits = {ExitCode::Done, ExitCode::Differences},
       .columns = plan_columns(),
       .role = api::v1::OPERATOR,
       .run = run_plan},
      {.path = "rollout start",
       .summary = "Sign a plan and start it",
       .details = "Audience and policy are computed again from what is shown, and that is what is signed.",
       .arguments =
           {{.name = "RELEASE",
             .what = "a plan's id, or name@version with --fleet",
             .count = Count::Optional,
             .completes = Completes::Releases},
            {.name = "DEVICE", .what = "names of devices", .count = Count::Any, .completes = Completes::Devices}},
       .flags = std::move(start),
       .examples = {"kelpie rollout start 01J9PX3Z6V0000000000000000 --sign-key operator/operator.key",
                    "kelpie rollout start kiosk@1.4.0 --fleet kiosk-eu --reason 'menu fix' --wait"},
       .exits = {ExitCode::Done, ExitCode::Bad, ExitCode::Paused, ExitCode::Tolerated, ExitCode::EndedOnPurpose},
       .role = api::v1::OPERATOR,
       .run = run_start},
  };
}

}  // namespace kelpie::cli
