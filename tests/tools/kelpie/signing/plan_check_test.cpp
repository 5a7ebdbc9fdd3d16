// What is signed follows from what was shown: a hub that shows one thing and plans another is caught.
#include "tools/kelpie/signing/plan_check.h"

#include <functional>

#include <gtest/gtest.h>

#include "hub/api/policy.h"
#include "hub/core/rollout/plan.h"
#include "proto/wire/frame.h"

namespace kelpie::cli {
namespace {

constexpr WallTime kNow{1'800'000'000'000};

DeviceId device(int number) {
  return *DeviceId::from_bytes(blake2b_128("device " + std::to_string(number)).view());
}

ProvedRelease release(std::vector<std::string> dangers = {}) {
  ProvedRelease out;
  out.release.set_scope("device");
  out.digest = blake2b_256("release");
  out.dangers = std::move(dangers);
  return out;
}

/// A plan as an honest hub shows it: one canary, two more.
api::v1::Plan honest() {
  std::vector<PlanLeaf> leaves;
  for (int i = 0; i < 3; ++i) {
    leaves.push_back({.device = device(i), .scope = "device", .generation = 7, .release = release().digest});
  }
  std::sort(leaves.begin(), leaves.end(), [](const PlanLeaf& a, const PlanLeaf& b) { return a.device < b.device; });
  std::vector<hub::PlannedWave> waves(2);
  waves[0] = {.name = "canary", .devices = {device(0)}, .successes_min = 1, .soak = std::chrono::minutes(30)};
  waves[1] = {.name = "rest", .devices = {device(2), device(1)}, .failure_bp = 5'000, .deferred_bp = 5'000};
  waves[1].failures_max = hub::failures_max(2, 5'000);
  waves[1].deferred_max = hub::deferred_max(2, 5'000);
  waves[1].successes_min = 1;
  waves[1].soak = std::chrono::minutes(10);
  api::v1::Plan out;
  api::v1::PlanSpec& spec = *out.mutable_spec();
  spec.set_release("kiosk@1");
  spec.set_release_digest(release().digest.hex());
  spec.set_scope("device");
  const hub::Policy policy;
  hub::show_policy(policy, *spec.mutable_policy());
  for (const hub::PlannedWave& wave : waves) {
    api::v1::PlannedWave& shown = *spec.add_waves();
    shown.set_name(wave.name);
    for (const DeviceId& id : wave.devices) {
      shown.add_devices(id.hex().substr(0, 4));
      shown.add_device_ids(id.hex());
    }
    shown.set_failures_max(wave.failures_max);
    shown.set_deferred_max(wave.deferred_max);
    shown.set_successes_min(wave.successes_min);
    shown.set_failure_basis_points(wave.failure_bp);
    shown.set_deferred_basis_points(wave.deferred_bp);
    shown.mutable_soak()->set_seconds(wave.soak.count() / 1'000);
  }
  for (const PlanLeaf& leaf : leaves) {
    api::v1::PlanLeaf& shown = *spec.add_leaves();
    shown.set_device(leaf.device.hex());
    shown.set_scope(leaf.scope);
    shown.set_generation("7");
    shown.set_release_digest(leaf.release.hex());
  }
  spec.set_audience_root(hub::audience_root(leaves).hex());
  spec.set_policy_hash(hub::policy_hash(release().digest, "device", waves, policy).hex());
  return out;
}

TEST(PlanCheck, AnHonestPlanIsSignedAsItWasShown) {
  const Result<v1::Plan> plan = plan_to_sign(honest(), release(), kNow);
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(to_hex(as_bytes(plan->audience_root())), honest().spec().audience_root());
  EXPECT_EQ(to_hex(as_bytes(plan->policy_hash())), honest().spec().policy_hash());
  EXPECT_EQ(plan->count(), 3U);
  EXPECT_EQ(plan->class_(), v1::CLASS_CHANGE);
  constexpr std::uint64_t kFifteenDays = 15 * 86'400;  // the rollout's deadline and a day
  EXPECT_EQ(plan->not_after_unix_s(), 1'800'000'000 + kFifteenDays);
  EXPECT_EQ(plan_to_sign(honest(), release({"a privileged container"}), kNow)->class_(), v1::CLASS_DANGEROUS);
}

struct Lie {
  std::string name;
  std::function<void(api::v1::PlanSpec&)> tell;
  std::string caught;
};

class LyingHubs : public testing::TestWithParam<Lie> {};

TEST_P(LyingHubs, GetNoSignature) {
  api::v1::Plan plan = honest();
  GetParam().tell(*plan.mutable_spec());
  const Result<v1::Plan> signed_plan = plan_to_sign(plan, release(), kNow);
  ASSERT_FALSE(signed_plan);
  EXPECT_EQ(signed_plan.error().reason, "PLAN_MISMATCH");
  EXPECT_EQ(signed_plan.error().message, "nothing was signed: " + GetParam().caught);
}

INSTANTIATE_TEST_SUITE_P(
    PlanCheck, LyingHubs,
    testing::Values(Lie{"AnotherRelease", [](auto& spec) { spec.set_release_digest(blake2b_256("other").hex()); },
                        "the plan is for another release than kiosk@1"},
                    Lie{"AnotherReleaseForOne",
                        [](auto& spec) { spec.mutable_leaves(1)->set_release_digest(blake2b_256("other").hex()); },
                        "a device of the plan would get another release"},
                    Lie{"AnotherScope", [](auto& spec) { spec.mutable_leaves(1)->set_scope("adhoc"); },
                        "a device of the plan has another scope"},
                    Lie{"OneMoreInTheAudience",
                        [](auto& spec) {
                          *spec.add_leaves() = spec.leaves(0);
                          spec.mutable_leaves(3)->set_device(std::string(32, 'f'));
                        },
                        "1 devices of the plan are in no wave"},
                    Lie{"OneMoreInAWave",
                        [](auto& spec) {
                          spec.mutable_waves(1)->add_devices("x");
                          spec.mutable_waves(1)->add_device_ids(device(9).hex());
                          spec.mutable_waves(1)->set_failures_max(1);
                        },
                        "wave rest has a device twice, or one too many"},
                    Lie{"AHiddenDevice", [](auto& spec) { spec.mutable_waves(1)->mutable_devices()->RemoveLast(); },
                        "a wave shows other devices than it has"},
                    Lie{"OutOfOrder", [](auto& spec) { spec.mutable_leaves()->SwapElements(0, 1); },
                        "the plan's audience is out of order"},
                    Lie{"AnotherGeneration", [](auto& spec) { spec.mutable_leaves(1)->set_generation("8"); },
                        "the devices shown are not the hub's audience"},
                    Lie{"GenerationOfNoNumber", [](auto& spec) { spec.mutable_leaves(1)->set_generation("8x"); },
                        "a line of the plan's audience is unreadable"},
                    Lie{"SmallerLimitThanShare", [](auto& spec) { spec.mutable_waves(1)->set_failures_max(0); },
                        "wave rest: its limits do not follow from its shares"},
                    Lie{"AnotherSoak", [](auto& spec) { spec.mutable_waves(0)->mutable_soak()->set_seconds(0); },
                        "the waves and limits shown are not the hub's"},
                    Lie{"AnotherOrder",
                        [](auto& spec) {
                          spec.mutable_waves(1)->mutable_device_ids()->SwapElements(0, 1);
                          spec.mutable_waves(1)->mutable_devices()->SwapElements(0, 1);
                        },
                        "the waves and limits shown are not the hub's"},
                    Lie{"AnotherPolicy", [](auto& spec) { spec.mutable_policy()->set_on_fail("abort"); },
                        "the waves and limits shown are not the hub's"},
                    Lie{"NoPolicy", [](auto& spec) { spec.mutable_policy()->set_on_fail("rollback-all"); },
                        "policy.onFail: rollback-all is not supported yet; use pause or abort"},
                    Lie{"NoHash", [](auto& spec) { spec.clear_policy_hash(); },
                        "the waves and limits shown are not the hub's"},
                    Lie{"Nobody",
                        [](auto& spec) {
                          spec.clear_leaves();
                          spec.clear_waves();
                        },
                        "the plan names no device"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace kelpie::cli
