// addons: enabled or disabled one at a time, each proved by its own workloads (facts, microk8s 5).
#include <algorithm>

#include <fmt/core.h>

#include "device-agent/microk8s/addon_proofs.h"
#include "device-agent/microk8s/capture.h"
#include "device-agent/microk8s/commands.h"
#include "device-agent/microk8s/node.h"
#include "device-agent/microk8s/steps.h"

namespace kelpie::agent {
namespace {

using std::chrono::seconds;

constexpr Duration kScriptLimit = seconds(300);      // facts, microk8s 5.6
constexpr Duration kLongScriptLimit = seconds(500);  // metallb and cert-manager loop until they work
constexpr Duration kApiBackLimit = seconds(120);     // facts, microk8s 5.6: the API server may restart
constexpr Duration kLookEvery = seconds(3);

Duration script_limit(const std::string& name) {
  return name == "metallb" || name == "cert-manager" ? kLongScriptLimit : kScriptLimit;
}

std::string args_of(const Addon& addon) {
  return joined(addon.args, ",");
}

/// Enabling again would silently ignore other arguments (facts, microk8s 0): it is disabled first.
bool has_other_args(const Addon& addon, const AddonState& state) {
  return !addon.is_absent && state.is_there && !addon.args.empty() && state.args && *state.args != args_of(addon);
}

bool is_so(const Addon& addon, const AddonState& state) {
  if (addon.is_absent) return !state.is_there;
  return state.is_ready && !has_other_args(addon, state);
}

std::string evidence_of(const Addon& addon, const AddonState& state) {
  if (addon.is_absent) return addon.name + ": not enabled";
  const bool is_compared = addon.args.empty() || state.args;
  return fmt::format("{}: {}{}", addon.name, state.what, is_compared ? "" : ", arguments not compared");
}

Trouble why_not(const Addon& addon, const AddonState& state) {
  if (addon.is_absent) {
    return {.reason = Reason::AddonStillThere, .detail = fmt::format("{}: {}", addon.name, state.what), .output = {}};
  }
  if (state.is_ready && has_other_args(addon, state)) {
    return {.reason = Reason::AddonNotReady,
            .detail = fmt::format("{}: it is enabled with {}, not {}", addon.name, *state.args, args_of(addon)),
            .output = {}};
  }
  const std::string because = state.trouble ? "; " + state.trouble->detail : "";
  return {.reason = Reason::AddonNotReady,
          .detail = fmt::format("{}: {}{}", addon.name, state.what, because),
          .output = {}};
}

bool is_passing(const Trouble& why) {
  return why.reason == Reason::ApiNotReady || why.reason == Reason::CommandTimeout ||
         why.reason == Reason::KubectlFailed;
}

/// Waits for the effect. The sandbox trap is named, since no add-on with pods can come up in it.
Tried<void> await_effect(const Work& work, const Addon& addon) {
  const SteadyTime since = work.now();
  Trouble last{.reason = Reason::AddonNotReady, .detail = addon.name + ": its effect could not be read", .output = {}};
  SteadyTime look_for_trap = since + seconds(15);
  while (true) {
    const Tried<AddonState> state = read_addon(work, addon_name(addon.name));
    if (!state && !is_passing(state.error())) return fail(state.error());
    if (state && is_so(addon, *state)) return {};
    if (state) last = why_not(addon, *state);
    if (!addon.is_absent && work.now() >= look_for_trap) {
      if (std::optional<Trouble> trap = find_sandbox_trap(work)) return fail(std::move(*trap));
      look_for_trap = work.now() + seconds(15);
    }
    if (work.is_over()) return fail(std::move(last));
    work.say(fmt::format("waiting for {}, {}: {}", addon.name, in_seconds(work.now() - since), last.detail));
    KELPIE_TRY(work.wait(kLookEvery));
  }
}

/// What the script said of an add-on that does not exist. One of the repository exits with 0 (facts, microk8s 5.2).
bool is_unknown(const Exit& exit) {
  return has_any(exit.out, {" not found"}) ||
         has_any(exit.err, {"was not found in any repository", "exists in more than repository"});
}

Tried<void> run_script(const Work& work, const Addon& addon) {
  const std::string name = addon_name(addon.name);
  std::vector<std::string> arguments{addon.is_absent ? "disable" : "enable", "core/" + name};
  arguments.insert(arguments.end(), addon.args.begin(), addon.args.end());
  work.say(fmt::format("{} add-on {}", addon.is_absent ? "disabling" : "enabling", name));
  const Tried<Exit> exit = run_microk8s(work, {.arguments = std::move(arguments), .limit = script_limit(name)});
  if (!exit && exit.error().reason == Reason::CommandTimeout) {
    return trouble(Reason::AddonTimeout, fmt::format("the script of add-on {} did not end in its time", name),
                   exit.error().output);
  }
  if (!exit) return fail(exit.error());
  const std::string both = exit->out + exit->err;
  if (is_unknown(*exit)) {
    return trouble(Reason::AddonUnknown, fmt::format("this MicroK8s has no add-on core/{}", name), both);
  }
  if (exit->code == 0) return {};
  return trouble(Reason::AddonFailed,
                 fmt::format("the script of add-on {} ended with {}: {}", name, exit->code,
                             last_line(exit->err.empty() ? exit->out : exit->err)),
                 both);
}

/// The effect decides. A script's complaint counts only when the effect is missing: disabling storage ends with 1 after
/// it has worked, metallb never ends although it works.
Tried<void> make_so(const Work& work, const Addon& addon) {
  const Tried<void> script = run_script(work, addon);
  if (!script && script.error().reason != Reason::AddonFailed && script.error().reason != Reason::AddonTimeout) {
    return fail(script.error());
  }
  KELPIE_TRY(await_api(work.part(kApiBackLimit)));
  if (!script) {
    const Tried<AddonState> state = read_addon(work, addon_name(addon.name));
    return state && is_so(addon, *state) ? Tried<void>{} : fail(script.error());
  }
  return await_effect(work.part(script_limit(addon.name)), addon);
}

Tried<CallResult> prepare(const AddonsStep& step, const Work& work) {
  for (const Addon& addon : step.addons) {
    if (is_known_addon(work, addon_name(addon.name))) continue;
    return trouble(Reason::AddonUnknown, fmt::format("this MicroK8s has no add-on core/{}", addon.name));
  }
  KELPIE_TRY(const Reach reach, read_reach(work));
  if (reach == Reach::Stopped)
    return prepared("MicroK8s is stopped: no way back", Json(Json::Object{{"known", false}}));
  Json there{Json::Object{}};
  if (reach == Reach::NothingThere) {
    // A fresh MicroK8s enables dns by itself; nothing else is there before the first start.
    there["dns"] = "";
    return prepared("MicroK8s is not there yet", Json(Json::Object{{"known", true}, {"there", there}}));
  }
  std::vector<std::string> summary;
  for (const Addon& addon : step.addons) {
    KELPIE_TRY(const AddonState state, read_addon(work, addon_name(addon.name)));
    if (state.is_there) there[addon.name] = state.args.value_or("");
    summary.push_back(fmt::format("{} {}", addon.name, state.is_there ? "enabled" : "disabled"));
  }
  return prepared("now " + joined(summary), Json(Json::Object{{"known", true}, {"there", there}}));
}

Tried<CallResult> observe(const AddonsStep& step, const Work& work) {
  KELPIE_TRY(require_control_plane(work));
  KELPIE_TRY(await_api(work.part(kApiBackLimit)));
  std::vector<std::string> evidence;
  for (const Addon& addon : step.addons) {
    KELPIE_TRY(const AddonState state, read_addon(work, addon_name(addon.name)));
    if (!is_so(addon, state)) return unmet(why_not(addon, state));
    evidence.push_back(evidence_of(addon, state));
  }
  return satisfied(joined(evidence, "; "));
}

Tried<void> ensure(const Work& work, const Addon& addon) {
  KELPIE_TRY(const AddonState state, read_addon(work, addon_name(addon.name)));
  if (is_so(addon, state)) return {};
  if (has_other_args(addon, state)) {
    KELPIE_TRY(make_so(work, {.name = addon.name, .args = {}, .is_absent = true}));
  }
  return make_so(work, addon);
}

Tried<CallResult> run(const AddonsStep& step, const Work& work) {
  KELPIE_TRY(require_control_plane(work));
  KELPIE_TRY(await_api(work.part(kApiBackLimit)));
  for (const Addon& addon : step.addons) KELPIE_TRY(ensure(work, addon));
  return satisfied("each add-on has its effect");
}

/// As it was when prepared.
Addon as_before(const Addon& addon, const Json& restore) {
  const Json& there = restore.at({"there", addon.name});
  Addon before{.name = addon.name, .args = {}, .is_absent = there.is_null()};
  if (!there.text().empty()) before.args.push_back(there.text());
  return before;
}

Tried<CallResult> undo(const AddonsStep& step, const std::string& restore_text, const Work& work) {
  const Result<Json> restore = Json::parse(restore_text);
  if (!restore || !restore->at("known").is_true()) {
    // Never guessed: disabling one that somebody has used for years is worse than leaving one too many.
    return trouble(Reason::RestoreUnknown,
                   "MicroK8s was stopped when the release was prepared, so which add-ons were "
                   "enabled before is not known");
  }
  KELPIE_TRY(await_api(work.part(kApiBackLimit)));
  std::vector<std::string> back;
  for (auto addon = step.addons.rbegin(); addon != step.addons.rend(); ++addon) {
    const Addon before = as_before(*addon, *restore);
    KELPIE_TRY(ensure(work, before));
    back.push_back(fmt::format("{} {}", addon->name, before.is_absent ? "disabled" : "enabled"));
  }
  return satisfied("again " + joined(back));
}

}  // namespace

Tried<CallResult> carry_out_addons(const AddonsStep& step, const StepCall& call, const Work& work) {
  switch (call.phase) {
    case Phase::Prepare: return prepare(step, work);
    case Phase::Observe:
    case Phase::Verify: return observe(step, work);
    case Phase::Run: return run(step, work);
    case Phase::Undo: return undo(step, call.restore, work);
  }
  KELPIE_ASSERT(false);
}

}  // namespace kelpie::agent
