#include "hub/api/policy.h"

#include <functional>

#include <gtest/gtest.h>
#include <kelpie/api/v1/api.pb.h>

#include "tests/hub/api/samples.h"

namespace kelpie::hub {
namespace {

using test::told;

void add_wave(api::v1::Policy& policy, const std::string& name, std::uint32_t size, std::uint32_t up_to) {
  api::v1::Wave& wave = *policy.add_waves();
  wave.set_name(name);
  wave.set_size(size);
  wave.set_up_to_basis_points(up_to);
}

TEST(Policies, WhatIsAbsentIsTheDefaultOfItsRule) {
  const Result<Policy> policy = to_policy(api::v1::Policy{}, "policy");
  ASSERT_TRUE(policy) << policy.error().message;
  EXPECT_EQ(*policy, Policy{});
}

TEST(Policies, WhatIsShownReadsBackAsTheSame) {
  api::v1::Policy given;
  add_wave(given, "canary", 2, 0);
  given.mutable_waves(0)->mutable_soak()->set_seconds(7'200);
  given.mutable_waves(0)->set_failure_basis_points(0);
  given.mutable_waves(0)->set_min_successes(2);
  add_wave(given, "rest", 0, 10'000);
  given.mutable_thresholds()->set_failure_basis_points(300);
  given.mutable_thresholds()->set_min_successes(4);
  given.set_on_fail("abort");
  given.mutable_timeouts()->mutable_prepare()->set_seconds(60);
  given.mutable_retry()->set_transient(0);
  given.mutable_retry()->add_backoff()->set_seconds(5);
  const Result<Policy> policy = to_policy(given, "policy");
  ASSERT_TRUE(policy) << policy.error().message;
  api::v1::Policy shown;
  show_policy(*policy, shown);
  EXPECT_EQ(to_policy(shown, "policy").value(), *policy);
  EXPECT_EQ(shown.timeouts().verify().seconds(), 600);
  EXPECT_EQ(policy->on_fail, OnFail::Abort);
  EXPECT_EQ(policy->waves[0].failure_bp, 0U);
  EXPECT_EQ(policy->waves[1].failure_bp, std::nullopt);
}

struct RefusedRow {
  std::string name;
  std::function<void(api::v1::Policy&)> spoil;
  std::string told;
};

class RefusedPolicies : public testing::TestWithParam<RefusedRow> {};

TEST_P(RefusedPolicies, NameTheField) {
  api::v1::Policy policy;
  add_wave(policy, "a", 1, 0);
  GetParam().spoil(policy);
  EXPECT_EQ(told(to_policy(policy, "spec.policy")), GetParam().told);
}

INSTANTIATE_TEST_SUITE_P(
    Policies, RefusedPolicies,
    testing::Values(
        RefusedRow{"WaveOfNoSize", [](auto& p) { p.mutable_waves(0)->set_size(0); },
                   "INVALID_ARGUMENT: spec.policy.waves[0]: needs either size or upTo"},
        RefusedRow{"WaveOfTwoSizes", [](auto& p) { p.mutable_waves(0)->set_up_to_basis_points(5); },
                   "INVALID_ARGUMENT: spec.policy.waves[0]: needs either size or upTo"},
        RefusedRow{"SameNameTwice", [](auto& p) { add_wave(p, "a", 1, 0); },
                   "INVALID_ARGUMENT: spec.policy.waves[1].name: \"a\" is taken by an earlier wave"},
        RefusedRow{"ShareThatDoesNotRise",
                   [](auto& p) {
                     add_wave(p, "b", 0, 500);
                     add_wave(p, "c", 0, 500);
                   },
                   "INVALID_ARGUMENT: spec.policy.waves[2].upToBasisPoints: must be above that of the wave before: "
                   "shares are cumulative"},
        RefusedRow{"MoreThanAll", [](auto& p) { add_wave(p, "b", 0, 10'001); },
                   "INVALID_ARGUMENT: spec.policy.waves[1].upToBasisPoints: 10001 basis points are above 100 %"},
        RefusedRow{"TooManyWaves",
                   [](auto& p) {
                     for (int i = 0; i < kWavesMax; ++i) add_wave(p, "w" + std::to_string(i), 1, 0);
                   },
                   "INVALID_ARGUMENT: spec.policy.waves: 33 waves are too many: at most 32"},
        RefusedRow{"FractionOfASecond", [](auto& p) { p.mutable_waves(0)->mutable_soak()->set_nanos(5); },
                   "INVALID_ARGUMENT: spec.policy.waves[0].soak: is not in whole seconds up to 90d"},
        RefusedRow{"NegativeTime", [](auto& p) { p.mutable_waves(0)->mutable_soak()->set_seconds(-1); },
                   "INVALID_ARGUMENT: spec.policy.waves[0].soak: is not in whole seconds up to 90d"},
        RefusedRow{"NoTimeAtAll", [](auto& p) { p.mutable_timeouts()->mutable_wave(); },
                   "INVALID_ARGUMENT: spec.policy.timeouts.wave: is below 1s"},
        RefusedRow{"ThresholdAboveAll", [](auto& p) { p.mutable_thresholds()->set_failure_basis_points(20'000); },
                   "INVALID_ARGUMENT: spec.policy.thresholds.failureBasisPoints: 20000 basis points are above 100 %"},
        RefusedRow{"EndlessRetries", [](auto& p) { p.mutable_retry()->set_transient(11); },
                   "INVALID_ARGUMENT: spec.policy.retry.transient: 11 is above 10"},
        RefusedRow{"UnknownOnFail", [](auto& p) { p.set_on_fail("explode"); },
                   "INVALID_ARGUMENT: spec.policy.onFail: \"explode\" is neither pause nor abort"},
        RefusedRow{"RuleThatIsNotBuilt", [](auto& p) { p.set_on_fail("rollback-wave"); },
                   "NOT_SUPPORTED: spec.policy.onFail: rollback-wave is not supported yet; use pause or abort"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace kelpie::hub
