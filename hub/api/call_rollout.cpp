#include <fmt/core.h>
#include <fmt/ranges.h>
#include <kelpie/api/v1/api.pb.h>
#include <kelpie/v1/release.pb.h>

#include "hub/api/policy.h"
#include "hub/api/writes.h"
#include "hub/core/selector.h"

namespace kelpie::hub {
namespace {

constexpr std::uint32_t kSchema = 1;
constexpr std::uint64_t kNotAfterMax = 253'402'300'799;  // seconds: the end of year 9999, the last a Timestamp has
constexpr std::size_t kVerbBytesMax = 256;               // chosen: "enable-addon registry --size=20Gi" and a few more

Error refused_plan(wire::Refusal refusal, std::string_view what) {
  return wire::refused(refusal, fmt::format("the signed plan: {}", what));
}

Result<Ulid> to_id(std::string_view path, std::string_view text) {
  Result<Ulid> id = Ulid::parse(text);
  if (!id) return fail(wrong_field(path, id.error().message));
  return id;
}

Result<void> check_threshold(const v1::Plan& plan, const OperatorFrame& opened, const wire::Trust& trust) {
  if (plan.class_() != v1::CLASS_CHANGE && plan.class_() != v1::CLASS_DANGEROUS) {
    return fail(refused_plan(wire::Refusal::Schema, "its class is neither change nor dangerous"));
  }
  const bool is_dangerous = plan.class_() == v1::CLASS_DANGEROUS;
  const std::uint32_t wanted = is_dangerous ? trust.dangerous_threshold : trust.change_threshold;
  if (opened.persons.size() >= wanted) return {};
  Error out = refused_plan(wire::Refusal::Threshold,
                           fmt::format("{} work needs {} persons; signed by {}", is_dangerous ? "dangerous" : "this",
                                       wanted, fmt::join(opened.persons, ", ")));
  out.hint =
      "kelpie rollout start PLAN --save FILE keeps this signature; another operator adds his with --co-sign FILE";
  return fail(std::move(out));
}

Result<SignedPlan> open_plan(const std::string& frame, const wire::Trust& trust, WallTime now) {
  KELPIE_TRY(const OperatorFrame opened,
             open_operator_frame(frame, trust,
                                 {.type = wire::FrameType::Plan,
                                  .payload_bytes_max = wire::payload_bytes_max(wire::FrameType::Plan),
                                  .name = "plan"}));
  v1::Plan plan;
  if (!plan.ParseFromString(opened.payload)) return fail(refused_plan(wire::Refusal::Schema, "is no plan"));
  if (plan.schema() != kSchema) {
    return fail(refused_plan(wire::Refusal::Schema, fmt::format("schema {} is not {}", plan.schema(), kSchema)));
  }
  if (plan.scope() != kDeviceScope && plan.scope() != kAdhocScope) {
    return fail(
        refused_plan(wire::Refusal::Schema, fmt::format("scope \"{}\" is neither device nor adhoc", plan.scope())));
  }
  if (plan.count() == 0) return fail(refused_plan(wire::Refusal::Schema, "it counts no device"));
  if (plan.not_after_unix_s() > kNotAfterMax) return fail(refused_plan(wire::Refusal::Schema, "its expiry is no time"));
  const Result<Digest> root = Digest::from_bytes(plan.audience_root());
  const Result<Digest> policy = Digest::from_bytes(plan.policy_hash());
  if (!root || !policy) return fail(refused_plan(wire::Refusal::Schema, "a hash has not 32 bytes"));
  if (plan.enforce_waves()) {
    return fail(Code::NotSupported, "the signed plan: enforceWaves is not supported yet (approvals, rule R18)");
  }
  KELPIE_TRY(check_threshold(plan, opened, trust));
  const WallTime not_after{static_cast<std::int64_t>(plan.not_after_unix_s()) * 1'000};
  if (not_after <= now) {
    return fail(refused_plan(wire::Refusal::Expired, fmt::format("it expired at {}", to_rfc3339(not_after))));
  }
  return SignedPlan{.hash = blake2b_256(opened.payload),
                    .frame = frame,
                    .scope = plan.scope(),
                    .count = plan.count(),
                    .audience_root = *root,
                    .policy_hash = *policy,
                    .not_after = not_after,
                    .persons = opened.persons,
                    .is_dangerous = plan.class_() == v1::CLASS_DANGEROUS};
}

Result<void> check_names(const google::protobuf::RepeatedPtrField<std::string>& names) {
  if (static_cast<std::size_t>(names.size()) > kNamedDevicesMax) {
    return fail(
        wrong_field("devices", fmt::format("{} names are too many: at most {}", names.size(), kNamedDevicesMax)));
  }
  for (int i = 0; i < names.size(); ++i) KELPIE_TRY(check_name_field(fmt::format("devices[{}]", i), names[i]));
  return {};
}

}  // namespace

Result<MakePlan> to_make_plan(const api::v1::MakePlanRequest& in) {
  const int ways = (in.fleet().empty() ? 0 : 1) + (in.selector().empty() ? 0 : 1) + (in.devices().empty() ? 0 : 1);
  if (ways != 1) return fail(wrong_field("fleet", "say which devices by exactly one of fleet, selector and devices"));
  if (!in.fleet().empty()) KELPIE_TRY(check_name_field("fleet", in.fleet()));
  if (!in.selector().empty()) {
    if (const Result<Selector> selector = Selector::parse(in.selector()); !selector) {
      return fail(wrong_field("selector", selector.error().message));
    }
  }
  KELPIE_TRY(check_names(in.devices()));
  if (in.release().empty() && in.fleet().empty()) {
    return fail(wrong_field("release", "is missing; only a fleet has one of its own"));
  }
  if (!in.release().empty()) KELPIE_TRY(check_release_ref("release", in.release()));
  MakePlan out{.fleet = in.fleet(),
               .selector = in.selector(),
               .devices = {in.devices().begin(), in.devices().end()},
               .release = in.release(),
               .policy = {}};
  if (in.has_policy()) {
    KELPIE_TRY(out.policy, to_policy(in.policy(), "policy"));
  }
  return out;
}

Result<StartRollout> to_start_rollout(const api::v1::StartRolloutRequest& in, const wire::Trust& trust, WallTime now) {
  KELPIE_TRY(const PlanId plan, to_id("plan", in.plan()));
  KELPIE_TRY(check_line("reason", in.reason(), kReasonBytesMax));
  KELPIE_TRY(check_line("verb", in.verb(), kVerbBytesMax));
  KELPIE_TRY(SignedPlan signed_plan, open_plan(in.frame(), trust, now));
  if (!in.verb().empty() && signed_plan.scope != kAdhocScope) {
    return fail(wrong_field("verb", "only what command send makes has one"));
  }
  return StartRollout{.plan = plan, .signed_plan = std::move(signed_plan), .reason = in.reason(), .verb = in.verb()};
}

Result<ChangeRollout> to_change_rollout(const api::v1::ChangeRolloutRequest& in, RolloutVerb verb) {
  KELPIE_TRY(const RolloutId rollout, to_id("rollout", in.rollout()));
  KELPIE_TRY(check_line("reason", in.reason(), kReasonBytesMax));
  if (verb != RolloutVerb::Retry && !in.devices().empty()) {
    return fail(wrong_field("devices", "only a retry names devices"));
  }
  KELPIE_TRY(check_names(in.devices()));
  return ChangeRollout{
      .rollout = rollout, .verb = verb, .reason = in.reason(), .devices = {in.devices().begin(), in.devices().end()}};
}

}  // namespace kelpie::hub
