// Whatever an operator asks for that cannot be is refused with a reason of its own, and changes nothing at all.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include "hub/core/rollout/plan.h"
#include "tests/hub/core/fake_fleet.h"

namespace kelpie::hub {
namespace {

using namespace std::chrono_literals;
using test::FakeFleet;
using test::make_policy;
using test::make_release;
using test::wave_of;
using test::wave_up_to;
using What = decltype(ApiWrite::what);

Fleet fleet_of(std::string name, std::string selector, std::string release = {}) {
  Fleet out;
  out.name = std::move(name);
  out.selector = std::move(selector);
  out.release = std::move(release);
  return out;
}

/// The reason; what else the hub would have done is a failure of the test.
std::string refusal(FakeFleet& fleet, What what) {
  ApiWrite write;
  write.request = 1;
  write.actor.name = "ana";
  write.what = std::move(what);
  Effects effects;
  const HubState before = fleet.state();
  decide(fleet.state(), write, fleet.now, effects);
  EXPECT_TRUE(effects.changed.empty() && effects.messages.empty() && effects.audit.empty() && effects.feed.empty());
  EXPECT_EQ(fleet.state().rollouts.size(), before.rollouts.size());
  EXPECT_EQ(fleet.state().devices.size(), before.devices.size());
  EXPECT_EQ(fleet.state().audit.size(), before.audit.size());
  const Result<std::string>& object = effects.replies.at(0).object;
  if (object) return "none: " + *object;
  EXPECT_FALSE(object.error().message.empty());
  return object.error().reason;
}

struct Row {
  std::string reason;
  What what;
};

void expect_refused(FakeFleet& fleet, const std::vector<Row>& rows) {
  for (const Row& row : rows) EXPECT_EQ(refusal(fleet, row.what), row.reason);
}

TEST(Refusals, OfDevicesReleasesAndFleets) {
  FakeFleet fleet;
  fleet.add(2);
  ASSERT_TRUE(fleet.write(StoreRelease{make_release("1")}));
  ASSERT_TRUE(fleet.write(ApplyFleet{fleet_of("edge", "role=edge"), {}}));
  ASSERT_TRUE(fleet.write(ApplyFleet{fleet_of("core", "tier=core"), {}}));
  Release other = make_release("1");
  other.digest = blake2b_256("other bytes");
  const DeviceId fresh = *DeviceId::from_hex(std::string(32, 'a'));
  expect_refused(fleet, {{"NAME", AddDevice{"Pi_7", fresh, {}}},
                         {"DEVICE_EXISTS", AddDevice{"pi-1", fresh, {}}},
                         {"DEVICE_EXISTS", AddDevice{"pi-9", fleet.device("pi-1").id, {}}},
                         {"DEVICE_EXISTS", RenameDevice{"pi-1", "pi-2"}},
                         {"DEVICE_UNKNOWN", LabelDevice{"pi-9", {}, {}}},
                         {"DEVICE_UNKNOWN", RenameDevice{"pi-9", "pi-8"}},
                         {"DEVICE_UNKNOWN", DecommissionDevice{.name = "pi-9"}},
                         {"FLEET_OVERLAP", LabelDevice{.name = "pi-1", .set = {{"tier", "core"}}, .remove = {}}},
                         {"FLEET_OVERLAP", ApplyFleet{fleet_of("all", "role=edge"), {}}},
                         {"SELECTOR", ApplyFleet{fleet_of("f", "a="), {}}},
                         {"RELEASE_UNKNOWN", ApplyFleet{fleet_of("f", "a=b", "x@1"), {}}},
                         {"STALE", ApplyFleet{fleet_of("edge", "role=edge"), 7}},
                         {"FLEET_UNKNOWN", DeleteFleet{"f", {}}},
                         {"RELEASE_EXISTS", StoreRelease{other}}});
}

TEST(Refusals, OfPlans) {
  FakeFleet fleet;
  fleet.add(2);
  const RolloutId started = fleet.start(make_policy({})).id;
  const PlanId used = fleet.rollout().plan;
  const PlanId stale = *PlanId::parse(fleet.write(MakePlan{.fleet = "edge"})->substr(5));
  fleet.add(3);
  StartRollout start;
  start.plan = stale;
  StartRollout again;
  again.plan = used;
  StartRollout unknown;
  unknown.plan = started;  // an id, but no plan's
  expect_refused(fleet, {{"FLEET_UNKNOWN", MakePlan{.fleet = "f"}},
                         {"RELEASE_UNKNOWN", MakePlan{.selector = "role=edge", .release = "x@1"}},
                         {"DEVICE_UNKNOWN", MakePlan{.devices = {"pi-9"}, .release = "kiosk@1"}},
                         {"NOBODY_MATCHES", MakePlan{.selector = "role=none", .release = "kiosk@1"}},
                         {"SELECTOR", MakePlan{.selector = "role=", .release = "kiosk@1"}},
                         {"PLAN_UNKNOWN", unknown},
                         {"PLAN_STARTED", again},
                         {"PLAN_STALE", start}});
}

TEST(Refusals, OfAPlanWhoseSignatureMeansSomethingElse) {
  FakeFleet fleet;
  fleet.add(2);
  ASSERT_TRUE(fleet.write(StoreRelease{make_release("1")}));
  const Result<std::string> object = fleet.write(MakePlan{.selector = "role=edge", .release = "kiosk@1"});
  const Plan plan = fleet.state().plans.at(*PlanId::parse(object->substr(5)));
  StartRollout right;
  right.plan = plan.id;
  right.signed_plan = {.hash = plan.policy_hash,
                       .frame = "plan",
                       .scope = plan.scope,
                       .count = static_cast<std::uint32_t>(plan.leaves.size()),
                       .audience_root = plan.audience_root,
                       .policy_hash = plan.policy_hash,
                       .not_after = fleet.now + 1h,
                       .persons = {"ana"}};
  const auto changed = [&](const std::function<void(SignedPlan&)>& change) {
    StartRollout out = right;
    change(out.signed_plan);
    return out;
  };
  expect_refused(fleet, {{"E_PLAN_SIG", changed([](SignedPlan& p) { p.scope = "other"; })},
                         {"E_PLAN_SIG", changed([](SignedPlan& p) { p.count = 1; })},
                         {"E_PLAN_SIG", changed([](SignedPlan& p) { p.audience_root = blake2b_256("x"); })},
                         {"E_PLAN_SIG", changed([](SignedPlan& p) { p.policy_hash = blake2b_256("x"); })},
                         {"E_PLAN_SIG", changed([&](SignedPlan& p) { p.not_after = fleet.now; })}});
  EXPECT_TRUE(fleet.write(right));
}

TEST(Refusals, OfChangesToARollout) {
  FakeFleet fleet;
  fleet.add(2);
  const RolloutId id = fleet.start(make_policy({wave_of("canary", 1), wave_up_to("rest", kBasisPoints)})).id;
  const auto change = [&](RolloutVerb verb, std::vector<std::string> devices = {}) {
    return ChangeRollout{.rollout = id, .verb = verb, .devices = std::move(devices)};
  };
  expect_refused(fleet,
                 {{"ROLLOUT_UNKNOWN", ChangeRollout{.rollout = fleet.rollout().plan, .verb = RolloutVerb::Pause}},
                  {"ROLLOUT_PHASE", change(RolloutVerb::Resume)},
                  {"TARGET_STATE", change(RolloutVerb::Retry, {"pi-2"})},
                  {"TARGET_STATE", change(RolloutVerb::Retry, {"nobody"})},
                  {"NOTHING_TO_RETRY", change(RolloutVerb::Retry)},
                  {"ROLLOUT_ACTIVE", DeleteFleet{"edge", {}}}});
  for (const char* name : {"pi-1", "pi-2"}) {
    if (fleet.device(name).attempt) fleet.fail(name, "addon-timeout");
  }
  ASSERT_EQ(fleet.rollout().phase, RolloutPhase::Paused);
  expect_refused(fleet,
                 {{"FAILURE_LIMIT", change(RolloutVerb::Resume)}, {"ROLLOUT_PHASE", change(RolloutVerb::Pause)}});
  ASSERT_TRUE(fleet.write(change(RolloutVerb::Abort)));
  ASSERT_EQ(fleet.rollout().phase, RolloutPhase::Aborted);
  expect_refused(fleet, {{"ROLLOUT_PHASE", change(RolloutVerb::Pause)},
                         {"ROLLOUT_PHASE", change(RolloutVerb::Resume)},
                         {"ROLLOUT_PHASE", change(RolloutVerb::Abort)},
                         {"ROLLOUT_PHASE", change(RolloutVerb::Retry)}});
}

}  // namespace
}  // namespace kelpie::hub
