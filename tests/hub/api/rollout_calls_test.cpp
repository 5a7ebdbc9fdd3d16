// Plans and rollouts: signatures, thresholds and the rest of what is refused before the core sees it.
#include <functional>

#include <gtest/gtest.h>
#include <kelpie/api/v1/api.pb.h>

#include "tests/hub/api/samples.h"

namespace kelpie::hub {
namespace {

using test::call_of;
using test::sample_plan;
using test::signed_frame;
using test::told;

constexpr const char* kUlid = "01JDFGHJKMNPQRSTVWXYZ01234";
constexpr WallTime kNow{1'700'000'000'000};

api::v1::StartRolloutRequest start_request(const v1::Plan& plan, const std::vector<std::uint64_t>& seeds = {1}) {
  api::v1::StartRolloutRequest out;
  out.set_plan(kUlid);
  out.set_frame(signed_frame(wire::FrameType::Plan, plan.SerializeAsString(), seeds));
  return out;
}

Result<ApiWrite> write(const api::v1::StartRolloutRequest& request) {
  return to_write(call_of("StartRollout", request), test::sample_trust(), kNow);
}

TEST(StartRollout, CarriesTheMeaningThatWasSigned) {
  const api::v1::StartRolloutRequest request = start_request(sample_plan());
  const Result<ApiWrite> out = write(request);
  ASSERT_TRUE(out) << out.error().message;
  const auto& start = std::get<StartRollout>(out->what);
  EXPECT_EQ(start.plan.text(), kUlid);
  EXPECT_EQ(start.signed_plan.hash, blake2b_256(sample_plan().SerializeAsString()));
  EXPECT_EQ(start.signed_plan.frame, request.frame());
  EXPECT_EQ(start.signed_plan.count, 3U);
  EXPECT_EQ(start.signed_plan.not_after.unix_ms, 2'000'000'000'000);
  EXPECT_EQ(start.signed_plan.persons, std::vector<std::string>{"ana"});
}

TEST(StartRollout, DangerousWorkNeedsTwoPersons) {
  v1::Plan plan = sample_plan();
  plan.set_class_(v1::CLASS_DANGEROUS);
  EXPECT_EQ(told(write(start_request(plan, {1}))),
            "E_THRESHOLD: the signed plan: dangerous work needs 2 persons; signed by ana");
  EXPECT_EQ(told(write(start_request(plan, {1, 2}))), "ok");
}

TEST(StartRollout, TwoKeysOfOnePersonAreOnePerson) {
  wire::Trust trust = test::sample_trust();
  trust.operators[1].person = "ana";
  v1::Plan plan = sample_plan();
  plan.set_class_(v1::CLASS_DANGEROUS);
  EXPECT_EQ(told(to_write(call_of("StartRollout", start_request(plan, {1, 2})), trust, kNow)),
            "E_THRESHOLD: the signed plan: dangerous work needs 2 persons; signed by ana");
}

TEST(StartRollout, AForeignSignatureCountsForNothing) {
  EXPECT_EQ(told(write(start_request(sample_plan(), {3}))).substr(0, 6), "E_SIG:");
}

TEST(StartRollout, OnlyAdHocWorkHasAVerb) {
  api::v1::StartRolloutRequest request = start_request(sample_plan());
  request.set_verb("enable-addon dns");
  EXPECT_EQ(told(write(request)), "INVALID_ARGUMENT: verb: only what command send makes has one");
}

TEST(StartRollout, NeedsThePlansId) {
  api::v1::StartRolloutRequest request = start_request(sample_plan());
  request.set_plan("x");
  EXPECT_EQ(told(write(request)).substr(0, 23), "INVALID_ARGUMENT: plan:");
}

struct RefusedRow {
  std::string name;
  std::function<void(v1::Plan&)> spoil;
  std::string told;
};
class RefusedPlans : public testing::TestWithParam<RefusedRow> {};

TEST_P(RefusedPlans, SayWhy) {
  v1::Plan plan = sample_plan();
  GetParam().spoil(plan);
  EXPECT_EQ(told(write(start_request(plan))), GetParam().told);
}

INSTANTIATE_TEST_SUITE_P(
    StartRollout, RefusedPlans,
    testing::Values(
        RefusedRow{"Schema", [](auto& p) { p.set_schema(2); }, "E_SCHEMA: the signed plan: schema 2 is not 1"},
        RefusedRow{"Class", [](auto& p) { p.set_class_(v1::CLASS_TRUST); },
                   "E_SCHEMA: the signed plan: its class is neither change nor dangerous"},
        RefusedRow{"Scope", [](auto& p) { p.set_scope("x"); },
                   "E_SCHEMA: the signed plan: scope \"x\" is neither device nor adhoc"},
        RefusedRow{"Count", [](auto& p) { p.clear_count(); }, "E_SCHEMA: the signed plan: it counts no device"},
        RefusedRow{"Hash", [](auto& p) { p.set_audience_root("short"); },
                   "E_SCHEMA: the signed plan: a hash has not 32 bytes"},
        RefusedRow{"Expired", [](auto& p) { p.set_not_after_unix_s(1'000); },
                   "E_EXPIRED: the signed plan: it expired at 1970-01-01T00:16:40.000Z"},
        RefusedRow{"ExpiryBeyondTime", [](auto& p) { p.set_not_after_unix_s(~0ULL); },
                   "E_SCHEMA: the signed plan: its expiry is no time"},
        RefusedRow{"WavesEnforced", [](auto& p) { p.set_enforce_waves(true); },
                   "NOT_SUPPORTED: the signed plan: enforceWaves is not supported yet (approvals, rule R18)"}),
    [](const auto& row) { return row.param.name; });

std::string told_plan(const api::v1::MakePlanRequest& request) {
  return told(to_write(call_of("MakePlan", request), test::sample_trust(), kNow));
}

TEST(MakePlan, SaysWhichDevicesInExactlyOneWay) {
  constexpr const char* kWays =
      "INVALID_ARGUMENT: fleet: say which devices by exactly one of fleet, selector and devices";
  api::v1::MakePlanRequest request;
  EXPECT_EQ(told_plan(request), kWays);
  request.set_fleet("edge");
  EXPECT_EQ(told_plan(request), "ok");
  request.set_selector("role=edge");
  EXPECT_EQ(told_plan(request), kWays);
  request.clear_fleet();
  EXPECT_EQ(told_plan(request), "INVALID_ARGUMENT: release: is missing; only a fleet has one of its own");
  request.set_release("kiosk@1");
  EXPECT_EQ(told_plan(request), "ok");
  request.clear_selector();
  request.add_devices("Pi");
  EXPECT_EQ(told_plan(request).substr(0, 29), "INVALID_ARGUMENT: devices[0]:");
}

TEST(MakePlan, NamesAtMostTenThousandDevices) {
  api::v1::MakePlanRequest request;
  request.set_release("kiosk@1");
  for (int i = 0; i < 10'001; ++i) request.add_devices("pi");
  EXPECT_EQ(told_plan(request), "INVALID_ARGUMENT: devices: 10001 names are too many: at most 10000");
}

TEST(ChangeRollout, OnlyARetryNamesDevices) {
  api::v1::ChangeRolloutRequest request;
  request.set_rollout(kUlid);
  request.add_devices("pi-1");
  EXPECT_EQ(told(to_write(call_of("PauseRollout", request), test::sample_trust(), kNow)),
            "INVALID_ARGUMENT: devices: only a retry names devices");
  const Result<ApiWrite> retry = to_write(call_of("RetryRollout", request), test::sample_trust(), kNow);
  ASSERT_TRUE(retry) << retry.error().message;
  EXPECT_EQ(std::get<ChangeRollout>(retry->what).verb, RolloutVerb::Retry);
}

}  // namespace
}  // namespace kelpie::hub
