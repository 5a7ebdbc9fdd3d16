#include "tools/kelpie/signing/plan_check.h"

#include <algorithm>
#include <charconv>
#include <set>

#include <fmt/core.h>
#include <google/protobuf/util/time_util.h>

#include "hub/api/policy.h"
#include "hub/core/rollout/plan.h"
#include "proto/wire/frame.h"
#include "proto/wire/release_class.h"
#include "proto/wire/walker.h"

namespace kelpie::cli {
namespace {

constexpr Duration kLeeway = std::chrono::hours(24);  // chosen: past the rollout's own deadline nothing can need it

tl::unexpected<Error> mismatch(std::string_view what) {
  return fail({.code = Code::PermissionDenied,
               .message = fmt::format("nothing was signed: {}", what),
               .reason = "PLAN_MISMATCH",
               .hint = "the hub shows one thing and plans another: find out why before you sign anything"});
}

Result<std::vector<PlanLeaf>> leaves_of(const api::v1::Plan& shown, const Digest& release) {
  std::vector<PlanLeaf> out;
  for (const api::v1::PlanLeaf& leaf : shown.spec().leaves()) {
    PlanLeaf one{.device = {}, .scope = leaf.scope(), .generation = 0, .release = release};
    const Result<DeviceId> device = DeviceId::from_hex(leaf.device());
    const std::string& digits = leaf.generation();
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), one.generation);
    if (!device || error != std::errc{} || end != digits.data() + digits.size()) {
      return mismatch("a line of the plan's audience is unreadable");
    }
    one.device = *device;
    if (leaf.scope() != shown.spec().scope()) return mismatch("a device of the plan has another scope");
    if (leaf.release_digest() != release.hex()) return mismatch("a device of the plan would get another release");
    if (!out.empty() && !(out.back().device < one.device)) return mismatch("the plan's audience is out of order");
    out.push_back(std::move(one));
  }
  return out;
}

Result<hub::PlannedWave> wave_of(const api::v1::PlannedWave& in) {
  hub::PlannedWave out;
  out.name = in.name();
  for (const std::string& hex : in.device_ids()) {
    const Result<DeviceId> id = DeviceId::from_hex(hex);
    if (!id) return mismatch("a device of a wave is unreadable");
    out.devices.push_back(*id);
  }
  if (in.devices_size() != in.device_ids_size()) return mismatch("a wave shows other devices than it has");
  out.failures_max = in.failures_max();
  out.deferred_max = in.deferred_max();
  out.successes_min = in.successes_min();
  out.failure_bp = in.failure_basis_points();
  out.deferred_bp = in.deferred_basis_points();
  out.soak = Duration(google::protobuf::util::TimeUtil::DurationToMilliseconds(in.soak()));
  const auto members = static_cast<std::uint32_t>(out.devices.size());
  if (out.failures_max != hub::failures_max(members, out.failure_bp) ||
      out.deferred_max != hub::deferred_max(members, out.deferred_bp)) {
    return mismatch(fmt::format("wave {}: its limits do not follow from its shares", in.name()));
  }
  return out;
}

Result<std::vector<hub::PlannedWave>> waves_of(const api::v1::Plan& shown, const std::vector<PlanLeaf>& leaves) {
  std::vector<hub::PlannedWave> out;
  std::set<DeviceId> left;
  for (const PlanLeaf& leaf : leaves) left.insert(leaf.device);
  for (const api::v1::PlannedWave& wave : shown.spec().waves()) {
    KELPIE_TRY(hub::PlannedWave one, wave_of(wave));
    for (const DeviceId& device : one.devices) {
      if (left.erase(device) == 0)
        return mismatch(fmt::format("wave {} has a device twice, or one too many", one.name));
    }
    out.push_back(std::move(one));
  }
  if (!left.empty()) return mismatch(fmt::format("{} devices of the plan are in no wave", left.size()));
  return out;
}

Result<void> check_same(const v1::Plan& theirs, const v1::Plan& mine) {
  if (theirs.class_() != mine.class_()) return mismatch("the other person signed another class of work");
  if (theirs.audience_root() != mine.audience_root() || theirs.count() != mine.count()) {
    return mismatch("the other person signed other devices");
  }
  if (theirs.policy_hash() != mine.policy_hash()) return mismatch("the other person signed other waves or limits");
  if (theirs.scope() != mine.scope() || theirs.schema() != mine.schema() || theirs.enforce_waves()) {
    return mismatch("the other person signed another kind of plan");
  }
  return {};
}

}  // namespace

Result<ProvedRelease> prove_release(std::string_view bytes, const wire::Trust& trust) {
  KELPIE_TRY(wire::Frame frame, wire::parse_frame(as_bytes(bytes)));
  if (frame.type != wire::FrameType::Release) {
    return fail(wire::refused(wire::Refusal::Type, "the frame is no signed release"));
  }
  KELPIE_TRY(
      const std::vector<wire::PublicKey> signers,
      wire::verified_signers(frame, trust.installation, [&](const KeyId& kid) { return trust.operator_key(kid); }));
  KELPIE_TRY(wire::check_strict(as_bytes(frame.payload), *v1::Release::descriptor()));
  ProvedRelease out;
  if (!out.release.ParseFromString(frame.payload)) {
    return fail(wire::refused(wire::Refusal::Schema, "the payload is no release"));
  }
  out.digest = blake2b_256(frame.payload);
  out.dangers = wire::dangers_of(out.release);
  for (const wire::PublicKey& key : signers) out.persons.push_back(trust.person(key));
  std::sort(out.persons.begin(), out.persons.end());
  return out;
}

Result<v1::Plan> plan_to_sign(const api::v1::Plan& shown, const ProvedRelease& release, WallTime now) {
  const api::v1::PlanSpec& spec = shown.spec();
  if (spec.release_digest() != release.digest.hex()) {
    return mismatch(fmt::format("the plan is for another release than {}", spec.release()));
  }
  if (spec.scope() != release.release.scope()) return mismatch("the plan's scope is not its release's");
  KELPIE_TRY(const std::vector<PlanLeaf> leaves, leaves_of(shown, release.digest));
  if (leaves.empty()) return mismatch("the plan names no device");
  KELPIE_TRY(const std::vector<hub::PlannedWave> waves, waves_of(shown, leaves));
  const Result<hub::Policy> policy = hub::to_policy(spec.policy(), "policy");
  if (!policy) return mismatch(policy.error().message);
  const Digest root = hub::audience_root(leaves);
  const Digest hash = hub::policy_hash(release.digest, spec.scope(), waves, *policy);
  if (root.hex() != spec.audience_root()) return mismatch("the devices shown are not the hub's audience");
  if (hash.hex() != spec.policy_hash()) return mismatch("the waves and limits shown are not the hub's");
  v1::Plan out;
  out.set_schema(1);
  out.set_class_(release.dangers.empty() ? v1::CLASS_CHANGE : v1::CLASS_DANGEROUS);
  out.set_scope(spec.scope());
  out.set_not_after_unix_s(static_cast<std::uint64_t>((now + policy->timeouts.rollout + kLeeway).unix_ms / 1'000));
  out.set_policy_hash(hash.bytes());
  out.set_count(static_cast<std::uint32_t>(leaves.size()));
  out.set_audience_root(root.bytes());
  return out;
}

Result<std::string> co_signed(std::string_view bytes, const v1::Plan& mine, const wire::Trust& trust,
                              const wire::SigningKey& key) {
  KELPIE_TRY(wire::Frame frame, wire::parse_frame(as_bytes(bytes)));
  if (frame.type != wire::FrameType::Plan)
    return fail(wire::refused(wire::Refusal::Type, "the file is no signed plan"));
  KELPIE_TRY(
      const std::vector<wire::PublicKey> signers,
      wire::verified_signers(frame, trust.installation, [&](const KeyId& kid) { return trust.operator_key(kid); }));
  KELPIE_TRY(wire::check_strict(as_bytes(frame.payload), *v1::Plan::descriptor()));
  v1::Plan theirs;
  if (!theirs.ParseFromString(frame.payload)) return fail(wire::refused(wire::Refusal::Schema, "the file is no plan"));
  KELPIE_TRY(check_same(theirs, mine));
  return wire::add_signature(as_bytes(bytes), trust.installation, key);
}

}  // namespace kelpie::cli
