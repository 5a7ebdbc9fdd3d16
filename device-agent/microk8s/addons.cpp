// addons: enabled or disabled one at a time, each proved by its own workloads (facts, microk8s 5).
#include <algorithm>

#include <fmt/core.h>

#include "device-agent/microk8s/addon_proofs.h"
#include "device-agent/microk8s/addon_settings.h"
#include "device-agent/microk8s/capture.h"
#include "device-agent/microk8s/channel.h"
#include "device-agent/microk8s/commands.h"
#include "device-agent/microk8s/node.h"
#include "device-agent/microk8s/steps.h"
#include "proto/wire/addon_order.h"

namespace kelpie::agent {
namespace {

using std::chrono::seconds;
using wire::AddonOrder;
using wire::AddonPlace;
using wire::AddonSettings;

constexpr Duration kApiBackLimit = seconds(120);  // facts, microk8s 5.6: the API server may restart
constexpr Duration kLookEvery = seconds(3);
constexpr Duration kTrapEvery = seconds(15);  // events of a sandbox come with the first pod

/// Prepare may run before an install of another track, so it asks for no track.
enum class Track { Any, Own };
Tried<AddonPlace> read_place(const Work& work, Track track) {
  KELPIE_TRY(const SnapdSystem system, read_system(work));
  KELPIE_TRY(const Snap snap, read_snap(work));
  AddonPlace place{.minor = std::nullopt, .is_strict = std::nullopt, .architecture = system.architecture};
  if (!snap.is_installed) return place;
  place.is_strict = snap.confinement == "strict";
  if (track == Track::Own) place.minor = minor_of(snap.version);
  return place;
}

/// What the CLI judged is judged again: scripts run as root, and nobody's word is taken for what they are given.
Tried<std::vector<AddonOrder>> read_orders(const AddonsStep& step, const AddonPlace& place) {
  std::vector<AddonOrder> orders;
  for (const Addon& addon : step.addons) {
    Result<AddonOrder> order =
        AddonOrder::of({.name = addon.name, .args = addon.args, .is_absent = addon.is_absent}, place);
    if (!order) {
      const bool is_unknown = order.error().code == Code::NotFound;
      return trouble(is_unknown ? Reason::AddonUnknown : Reason::AddonRefused, order.error().message);
    }
    orders.push_back(std::move(*order));
  }
  return orders;
}

/// One add-on as it is, against what is asked of it.
struct Look {
  AddonState state;
  AddonSettings settings;  // read only when some are asked for
};
Tried<Look> look_at(const Work& work, const AddonOrder& order, std::optional<int> minor) {
  Look look;
  KELPIE_TRY(look.state, read_addon(work, order.row(), minor));
  if (!look.state.is_there || order.settings().empty()) return look;
  KELPIE_TRY(look.settings, read_settings(work, order.row(), minor));
  return look;
}

/// Enabling again would silently ignore other arguments (facts, microk8s 0): it is disabled first.
std::string others(const AddonOrder& order, const Look& look) {
  return look.state.is_there ? other_settings(order.settings(), look.settings) : "";
}

bool is_so(const AddonOrder& order, const Look& look) {
  if (order.is_absent()) return !look.state.is_there;
  return look.state.is_ready && others(order, look).empty();
}

std::string evidence_of(const AddonOrder& order, const Look& look) {
  if (order.is_absent()) return order.name() + ": not enabled";
  const std::vector<std::string> unseen = unseen_settings(order.settings(), look.settings);
  return fmt::format("{}: {}{}", order.name(), look.state.what,
                     unseen.empty() ? "" : fmt::format(", not compared: {}", joined(unseen)));
}

Trouble why_not(const AddonOrder& order, const Look& look) {
  const AddonState& state = look.state;
  if (order.is_absent()) {
    return {.reason = Reason::AddonStillThere, .detail = fmt::format("{}: {}", order.name(), state.what), .output = {}};
  }
  if (const std::string other = others(order, look); state.is_ready && !other.empty()) {
    return {.reason = Reason::AddonNotReady,
            .detail = fmt::format("{}: enabled with {}", order.name(), other),
            .output = {}};
  }
  const std::string because = state.trouble ? "; " + state.trouble->detail : "";
  return {.reason = Reason::AddonNotReady,
          .detail = fmt::format("{}: {}{}", order.name(), state.what, because),
          .output = {}};
}

bool is_passing(const Trouble& why) {
  return why.reason == Reason::ApiNotReady || why.reason == Reason::CommandTimeout ||
         why.reason == Reason::KubectlFailed;
}

/// Waits for the effect. The sandbox trap is named, since no add-on with pods can come up in it.
Tried<void> await_effect(const Work& work, const AddonOrder& order, std::optional<int> minor) {
  const SteadyTime since = work.now();
  Trouble last{
      .reason = Reason::AddonNotReady, .detail = order.name() + ": its effect could not be read", .output = {}};
  SteadyTime look_for_trap = since + kTrapEvery;
  while (true) {
    const Tried<Look> look = look_at(work, order, minor);
    if (!look && !is_passing(look.error())) return fail(look.error());
    if (look && is_so(order, *look)) return {};
    if (look) last = why_not(order, *look);
    if (!order.is_absent() && work.now() >= look_for_trap) {
      if (std::optional<Trouble> trap = find_sandbox_trap(work)) return fail(std::move(*trap));
      look_for_trap = work.now() + kTrapEvery;
    }
    if (work.is_over()) return fail(std::move(last));
    work.say(fmt::format("waiting for {}, {}: {}", order.name(), in_seconds(work.now() - since), last.detail));
    KELPIE_TRY(work.wait(kLookEvery));
  }
}

/// What the script said of an add-on that does not exist. One of the repository exits with 0 (facts, microk8s 5.2).
bool is_unknown(const Exit& exit) {
  return has_any(exit.out, {" not found"}) ||
         has_any(exit.err, {"was not found in any repository", "exists in more than repository"});
}

Tried<Exit> run_script(const Work& work, const AddonOrder& order, std::optional<int> minor) {
  const std::string name = order.name();
  std::vector<std::string> arguments{order.is_absent() ? "disable" : "enable", "core/" + name};
  const std::vector<std::string> words = order.words(minor);
  arguments.insert(arguments.end(), words.begin(), words.end());
  work.say(fmt::format("{} add-on {}", order.is_absent() ? "disabling" : "enabling", name));
  const bool has_time = !work.is_over();
  Tried<Exit> exit =
      run_microk8s(work, {.arguments = std::move(arguments), .limit = seconds(order.row().script_limit_s)});
  if (!exit && exit.error().reason == Reason::CommandTimeout) {
    // Every script says at once what it is about to do; what says nothing has not begun (facts, microk8s 0).
    const bool has_begun = !has_time || !exit.error().output.empty();
    return trouble(Reason::AddonTimeout,
                   fmt::format("the script of add-on {} {}", name,
                               has_begun ? "did not end in its time"
                                         : "did not begin in its time: another add-on command holds MicroK8s' lock"),
                   exit.error().output);
  }
  if (!exit) return fail(exit.error());
  const std::string both = exit->out + exit->err;
  if (is_unknown(*exit)) {
    return trouble(Reason::AddonUnknown, fmt::format("this MicroK8s has no add-on core/{}", name), both);
  }
  if (exit->code == 0) return exit;
  return trouble(Reason::AddonFailed,
                 fmt::format("the script of add-on {} ended with {}: {}", name, exit->code,
                             last_line(exit->err.empty() ? exit->out : exit->err)),
                 both);
}

/// MicroK8s takes an add-on for enabled by a name in a listing, and then enable does nothing: rbac by a role, whatever
/// the API server's arguments say (facts, microk8s 5.5). Disabling takes that name away too.
Tried<bool> was_taken_for_enabled(const Work& work, const AddonOrder& order, std::optional<int> minor,
                                  const Exit& exit) {
  const bool may_reset = !order.is_absent() && order.row().survives_reset;
  if (!may_reset || !has_any(exit.out, {" is already enabled"})) return false;
  KELPIE_TRY(const AddonState state, read_addon(work, order.row(), minor));
  return !state.is_there;
}

/// The effect decides. A script's complaint counts only when the effect is missing: disabling storage ends with 1 after
/// it has worked, metallb never ends although it works.
Tried<void> make_so(const Work& work, const AddonOrder& order, std::optional<int> minor) {
  Tried<Exit> script = run_script(work, order, minor);
  if (!script && script.error().reason != Reason::AddonFailed && script.error().reason != Reason::AddonTimeout) {
    return fail(script.error());
  }
  KELPIE_TRY(await_api(work.part(kApiBackLimit)));
  if (!script) {
    const Tried<Look> look = look_at(work, order, minor);
    return look && is_so(order, *look) ? Tried<void>{} : fail(script.error());
  }
  KELPIE_TRY(const bool is_mistaken, was_taken_for_enabled(work, order, minor, *script));
  if (is_mistaken) {
    work.say(fmt::format("add-on {} was taken for enabled: disabling it first", order.name()));
    (void)run_script(work, AddonOrder::absent(order.row()), minor);  // what counts is what enable makes now
    KELPIE_TRY(await_api(work.part(kApiBackLimit)));
    KELPIE_TRY(run_script(work, order, minor));
    KELPIE_TRY(await_api(work.part(kApiBackLimit)));
  }
  return await_effect(work.part(seconds(order.row().script_limit_s)), order, minor);
}

/// Add-ons that scripts of these enable too and that are not among them: the way back has to know them.
std::vector<const wire::AddonRow*> brought_by(const std::vector<const wire::AddonRow*>& rows) {
  std::vector<const wire::AddonRow*> out;
  const auto has = [](const std::vector<const wire::AddonRow*>& list, const wire::AddonRow* row) {
    return std::find(list.begin(), list.end(), row) != list.end();
  };
  for (const wire::AddonRow* const row : rows) {
    for (const std::string_view name : row->brings) {
      const wire::AddonRow* const other = wire::find_addon(name);
      if (other != nullptr && !has(rows, other) && !has(out, other)) out.push_back(other);
    }
  }
  return out;
}

constexpr int kRestoreForm = 2;  // of the restore point below

Json restore_of(const AddonState& state, const AddonSettings& settings) {
  Json kept{Json::Object{}};
  for (const auto& [key, value] : settings) {
    if (!value.empty()) kept[key] = value;
  }
  return Json(Json::Object{{"ready", state.is_ready}, {"settings", kept}});
}

Tried<CallResult> prepare(const AddonsStep& step, const Work& work) {
  KELPIE_TRY(const AddonPlace any, read_place(work, Track::Any));
  KELPIE_TRY(const std::vector<AddonOrder> orders, read_orders(step, any));
  for (const AddonOrder& order : orders) {
    if (is_known_addon(work, order.name())) continue;
    return trouble(Reason::AddonUnknown, fmt::format("this MicroK8s has no add-on core/{}", order.name()));
  }
  KELPIE_TRY(const Reach reach, read_reach(work));
  if (reach == Reach::Stopped)
    return prepared("MicroK8s is stopped: no way back", Json(Json::Object{{"known", false}}));
  Json there{Json::Object{}};
  if (reach == Reach::NothingThere) {
    // A fresh MicroK8s enables dns by itself; nothing else is there before the first start.
    there["dns"] = restore_of({.is_there = true, .is_ready = true, .what = {}, .trouble = {}}, {});
    return prepared("MicroK8s is not there yet",
                    Json(Json::Object{{"form", kRestoreForm}, {"known", true}, {"there", there}}));
  }
  KELPIE_TRY(const AddonPlace own, read_place(work, Track::Own));
  std::vector<const wire::AddonRow*> rows;
  for (const AddonOrder& order : orders) rows.push_back(&order.row());
  for (const wire::AddonRow* const row : brought_by(rows)) rows.push_back(row);
  std::vector<std::string> summary;
  for (const wire::AddonRow* const row : rows) {
    KELPIE_TRY(const AddonState state, read_addon(work, *row, own.minor));
    summary.push_back(fmt::format("{} {}", row->name, state.is_there ? "enabled" : "disabled"));
    if (!state.is_there) continue;
    KELPIE_TRY(const AddonSettings settings, read_settings(work, *row, own.minor));
    there[row->name] = restore_of(state, settings);
  }
  return prepared("now " + joined(summary),
                  Json(Json::Object{{"form", kRestoreForm}, {"known", true}, {"there", there}}));
}

Tried<CallResult> observe(const AddonsStep& step, const Work& work) {
  KELPIE_TRY(require_control_plane(work));
  KELPIE_TRY(await_api(work.part(kApiBackLimit)));
  KELPIE_TRY(const AddonPlace place, read_place(work, Track::Own));
  KELPIE_TRY(const std::vector<AddonOrder> orders, read_orders(step, place));
  std::vector<std::string> evidence;
  for (const AddonOrder& order : orders) {
    KELPIE_TRY(const Look look, look_at(work, order, place.minor));
    if (!is_so(order, look)) return unmet(why_not(order, look));
    evidence.push_back(evidence_of(order, look));
  }
  return satisfied(joined(evidence, "; "));
}

/// Trouble: AddonRefused when other arguments would cost what the add-on holds.
Tried<void> reset(const Work& work, const AddonOrder& order, const std::string& other, std::optional<int> minor) {
  if (!order.row().survives_reset) {
    return trouble(Reason::AddonRefused,
                   fmt::format("add-on {0} is enabled with {1}; only disabling it changes that, which destroys {2}: "
                               "sign that first, with state: absent",
                               order.name(), other, order.row().loss));
  }
  return make_so(work, AddonOrder::absent(order.row()), minor);
}

Tried<void> ensure(const Work& work, const AddonOrder& order, std::optional<int> minor) {
  KELPIE_TRY(const Look look, look_at(work, order, minor));
  if (is_so(order, look)) return {};
  if (order.row().is_always_on) return fail(why_not(order, look));
  if (const std::string other = others(order, look); !other.empty()) KELPIE_TRY(reset(work, order, other, minor));
  return make_so(work, order, minor);
}

Tried<CallResult> run(const AddonsStep& step, const Work& work) {
  KELPIE_TRY(require_control_plane(work));
  KELPIE_TRY(await_api(work.part(kApiBackLimit)));
  KELPIE_TRY(const AddonPlace place, read_place(work, Track::Own));
  KELPIE_TRY(const std::vector<AddonOrder> orders, read_orders(step, place));
  for (const AddonOrder& order : orders) KELPIE_TRY(ensure(work, order, place.minor));
  return satisfied("each add-on has its effect");
}

AddonSettings settings_of(const Json& kept) {
  AddonSettings settings;
  for (const auto& [key, value] : kept.members()) settings[key] = value.text();
  return settings;
}

/// As it was when prepared. One that was there and not well owes no more than to be there again.
Tried<std::string> take_back(const Work& work, const wire::AddonRow& row, const Json& before,
                             std::optional<int> minor) {
  const std::string name(row.name);
  if (row.is_always_on) return name + " untouched";
  if (before.is_null()) {
    KELPIE_TRY(ensure(work, AddonOrder::absent(row), minor));
    return name + " disabled";
  }
  KELPIE_TRY(const AddonState state, read_addon(work, row, minor));
  if (state.is_there && !before.at("ready").is_true()) return name + " there, as unready as before";
  KELPIE_TRY(ensure(work, AddonOrder::present(row, settings_of(before.at("settings"))), minor));
  return name + " enabled";
}

Tried<CallResult> undo(const AddonsStep& step, const std::string& restore_text, const Work& work) {
  const Result<Json> restore = Json::parse(restore_text);
  if (!restore || !restore->at("known").is_true() || restore->number("form", 0) != kRestoreForm) {
    // Never guessed: disabling one that somebody has used for years is worse than leaving one too many.
    return trouble(Reason::RestoreUnknown,
                   "MicroK8s was stopped when the release was prepared, so which add-ons were "
                   "enabled before is not known");
  }
  KELPIE_TRY(await_api(work.part(kApiBackLimit)));
  KELPIE_TRY(const AddonPlace place, read_place(work, Track::Own));
  std::vector<const wire::AddonRow*> rows;
  for (const Addon& addon : step.addons) {
    const wire::AddonRow* const row = wire::find_addon(addon.name);
    if (row != nullptr && row->refused.empty()) rows.push_back(row);  // others were never run
  }
  std::reverse(rows.begin(), rows.end());
  for (const wire::AddonRow* const row : brought_by(rows)) rows.push_back(row);
  std::vector<std::string> back;
  for (const wire::AddonRow* const row : rows) {
    KELPIE_TRY(std::string done, take_back(work, *row, restore->at({"there", row->name}), place.minor));
    back.push_back(std::move(done));
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
