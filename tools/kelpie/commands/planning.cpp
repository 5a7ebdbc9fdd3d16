#include "tools/kelpie/commands/planning.h"

#include <fmt/core.h>

#include "hub/core/policy.h"
#include "tools/kelpie/manifest/fleet_manifest.h"
#include "tools/kelpie/manifest/load.h"
#include "tools/kelpie/manifest/scalars.h"
#include "tools/kelpie/names.h"
#include "tools/kelpie/sign.h"
#include "tools/kelpie/signing/adhoc.h"

namespace kelpie::cli {
namespace {

constexpr std::string_view kFleetWord = "fleet/";

Error with_flag(std::string_view flag, const Error& error) {
  return with_context(error, fmt::format("--{}", flag));
}

/// The fleet's policy, or the usual one: the hub takes a policy whole.
Result<api::v1::Policy> policy_before(Session& session, const std::string& fleet) {
  api::v1::Policy out;
  const hub::Thresholds usual;
  out.mutable_thresholds()->set_failure_basis_points(usual.failure_bp);
  out.mutable_thresholds()->set_deferred_basis_points(usual.deferred_bp);
  out.mutable_thresholds()->set_min_successes(usual.min_successes);
  if (fleet.empty()) return out;
  api::v1::Named request;
  request.set_name(fleet);
  KELPIE_TRY(const api::v1::Fleet found, session.call<api::v1::Fleet>("GetFleet", request));
  return found.spec().policy();
}

Result<void> change_policy(Invocation& in, api::v1::Policy& policy) {
  if (in.has("waves")) {
    Result<std::vector<api::v1::Wave>> waves = parse_waves(in.value("waves"));
    if (!waves) return fail(with_flag("waves", waves.error()));
    policy.clear_waves();
    for (api::v1::Wave& wave : *waves) *policy.add_waves() = std::move(wave);
  }
  if (in.has("max-failed")) {
    const Result<std::uint32_t> share = parse_percent(in.value("max-failed"));
    if (!share) return fail(with_flag("max-failed", share.error()));
    policy.mutable_thresholds()->set_failure_basis_points(*share);
    for (api::v1::Wave& wave : *policy.mutable_waves()) wave.clear_failure_basis_points();
  }
  if (in.has("soak")) {
    const Result<Duration> soak = parse_seconds(in.value("soak"));
    if (!soak) return fail(with_flag("soak", soak.error()));
    if (policy.waves().empty()) {
      return fail(Code::InvalidArgument, "--soak needs waves: give them with --waves 1,10%,50%,rest");
    }
    for (api::v1::Wave& wave : *policy.mutable_waves()) {
      wave.mutable_soak()->Clear();
      wave.mutable_soak()->set_seconds(soak->count() / 1'000);
    }
  }
  return {};
}

Result<void> name_devices(Invocation& in, std::vector<std::string> words, api::v1::MakePlanRequest& out) {
  if (words.size() == 1 && words[0].starts_with(kFleetWord) && !in.has("fleet")) {
    out.set_fleet(words[0].substr(kFleetWord.size()));
    words.clear();
  }
  if (in.has("fleet")) out.set_fleet(in.value("fleet"));
  if (in.has("selector")) out.set_selector(in.value("selector"));
  const int ways = (out.fleet().empty() ? 0 : 1) + (out.selector().empty() ? 0 : 1) + (words.empty() ? 0 : 1);
  if (ways != 1) {
    return fail({.code = Code::InvalidArgument,
                 .message = ways == 0 ? "for which devices?" : "devices are named in one way, not in several",
                 .reason = {},
                 .hint = "--fleet FLEET, -l site=turin, or names of devices"});
  }
  if (words.empty()) return {};
  KELPIE_TRY(const std::vector<std::string> names, some_devices(in, words));
  for (const std::string& name : names) out.add_devices(name);
  return {};
}

tl::unexpected<Error> stale(const api::v1::Plan& plan) {
  return fail({.code = Code::Conflict,
               .message = fmt::format("plan {} is stale: {}", plan.metadata().id(), plan.status().stale_because()),
               .reason = "PLAN_STALE",
               .hint = fmt::format("see what is different: kelpie rollout plan {}{}", plan.spec().release(),
                                   plan.spec().fleet().empty() ? "" : " --fleet " + plan.spec().fleet())});
}

}  // namespace

std::vector<Flag> planning_flags() {
  return {kFleetFlag,
          kSelectorFlag,
          {.name = "waves", .value = "SIZES", .what = "instead of the fleet's: 1,10%,50%,rest (shares are cumulative)"},
          {.name = "max-failed", .value = "SHARE", .what = "failed devices of a wave above which it stops: 3%"},
          {.name = "soak", .value = "DURATION", .what = "healthy time each device must show: 10m"}};
}

Result<api::v1::MakePlanRequest> plan_request(Invocation& in, const std::vector<std::string>& words) {
  api::v1::MakePlanRequest out;
  std::vector<std::string> devices = words;
  if (!devices.empty() && devices.front().find('@') != std::string::npos) {
    out.set_release(devices.front());
    devices.erase(devices.begin());
  }
  KELPIE_TRY(name_devices(in, std::move(devices), out));
  if (out.release().empty() && out.fleet().empty()) {
    return fail({.code = Code::InvalidArgument,
                 .message = "which release? Only a fleet has one of its own",
                 .reason = {},
                 .hint = "kelpie rollout plan kiosk@1.4.0 -l site=turin"});
  }
  if (!in.has("waves") && !in.has("max-failed") && !in.has("soak")) return out;
  KELPIE_TRY(*out.mutable_policy(), policy_before(in.session(), out.fleet()));
  KELPIE_TRY(change_policy(in, *out.mutable_policy()));
  return out;
}

namespace {

/// A file that was mixed up is likelier than a hub that lies.
Error about_saved(const Error& error, const std::string& file, const std::string& plan) {
  Error out = with_context(error, fmt::format("\"{}\"", file));
  if (out.reason != "PLAN_MISMATCH") return out;
  out.hint = fmt::format(
      "it must be what the other person saved of this plan: kelpie rollout start {} --save FILE. If it is, "
      "the hub shows one thing and plans another",
      plan);
  return out;
}

}  // namespace

Result<api::v1::Rollout> start_plan(Invocation& in, const PlanSight& sight, const Signer& signer, const Start& start) {
  const api::v1::Plan& plan = sight.plan;
  if (plan.status().is_stale()) return stale(plan);
  KELPIE_TRY(const v1::Plan payload, plan_to_sign(plan, sight.release, SystemClock().wall()));
  api::v1::StartRolloutRequest request;
  request.set_plan(plan.metadata().id());
  request.set_reason(start.reason);
  request.set_verb(start.verb);
  if (in.has("co-sign")) {
    KELPIE_TRY(const std::string theirs, read_frame_file(in.value("co-sign")));
    Result<std::string> both = co_signed(theirs, payload, signer.trust, signer.key);
    if (!both) return fail(about_saved(both.error(), in.value("co-sign"), plan.metadata().id()));
    request.set_frame(std::move(*both));
  } else {
    request.set_frame(signed_frame(wire::FrameType::Plan, payload.SerializeAsString(), signer));
  }
  if (in.has("save")) {
    KELPIE_TRY(write_new_file(in.value("save"), request.frame()));
    return api::v1::Rollout();
  }
  return in.session().call<api::v1::Rollout>("StartRollout", request, {.is_dry_run = in.has("dry-run")});
}

Result<api::v1::Rollout> start_adhoc(Invocation& in, const ProvedRelease& release,
                                     const std::vector<std::string>& devices, const Signer& signer,
                                     const Start& start) {
  api::v1::MakePlanRequest request;
  request.set_release(release_ref(release.release));
  for (const std::string& name : devices) request.add_devices(name);
  *request.mutable_policy() = adhoc_policy();
  PlanSight sight{.plan = {}, .release = release, .groups = {}};
  KELPIE_TRY(sight.plan, in.session().call<api::v1::Plan>("MakePlan", request));
  return start_plan(in, sight, signer, start);
}

}  // namespace kelpie::cli
