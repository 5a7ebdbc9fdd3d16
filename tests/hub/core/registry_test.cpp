#include <gtest/gtest.h>

#include "hub/core/query.h"
#include "tests/hub/core/fake_fleet.h"

namespace kelpie::hub {
namespace {

using test::FakeFleet;
using test::make_policy;
using test::make_release;

DeviceId some_id(char digit) {
  return *DeviceId::from_hex(std::string(32, digit));
}

TEST(Registry, RefusesWhatItCannotTakeAndChangesNothing) {
  FakeFleet fleet;
  fleet.add(1);
  const std::uint64_t audit = fleet.state().audit.size();
  struct Case {
    decltype(ApiWrite::what) what;
    Code code;
    const char* text;
  };
  const Case cases[] = {
      {AddDevice{"Pi_7", some_id('a'), {}}, Code::InvalidArgument, "not a name"},
      {AddDevice{"pi-1", some_id('a'), {}}, Code::AlreadyExists, "there is a device"},
      {AddDevice{"pi-9", fleet.device("pi-1").id, {}}, Code::AlreadyExists, "registered as \"pi-1\""},
      {AddDevice{"pi-9", some_id('a'), {{"a b", "c"}}}, Code::InvalidArgument, "label"},
      {LabelDevice{"pi-2", {}, {}}, Code::NotFound, "no device"},
      {RenameDevice{"pi-1", "-"}, Code::InvalidArgument, "not a name"},
      {ApplyFleet{Fleet{.name = "f",
                        .revision = 1,
                        .selector = "a=",
                        .release = {},
                        .release_digest = {},
                        .policy = {},
                        .created_at = {},
                        .rollout = {}},
                  {}},
       Code::InvalidArgument, "selector"},
      {ApplyFleet{Fleet{.name = "f",
                        .revision = 1,
                        .selector = "a=b",
                        .release = "x@1",
                        .release_digest = {},
                        .policy = {},
                        .created_at = {},
                        .rollout = {}},
                  {}},
       Code::NotFound, "no release"},
      {DeleteFleet{"f", {}}, Code::NotFound, "no fleet"},
      {MakePlan{"f", {}, {}, {}, {}}, Code::NotFound, "no fleet"},
      {MakePlan{{}, "role=edge", {}, "x@1", {}}, Code::NotFound, "no release"},
  };
  for (const Case& c : cases) {
    const Result<std::string> answer = fleet.write(c.what);
    ASSERT_FALSE(answer.has_value()) << c.text;
    EXPECT_EQ(answer.error().code, c.code) << answer.error().message;
    EXPECT_NE(answer.error().message.find(c.text), std::string::npos) << answer.error().message;
  }
  EXPECT_EQ(fleet.state().audit.size(), audit);
}

TEST(Registry, ADeviceBelongsToAtMostOneFleet) {
  FakeFleet fleet;
  fleet.add(1);
  Fleet edge{.name = "edge",
             .revision = 1,
             .selector = "role=edge",
             .release = {},
             .release_digest = {},
             .policy = {},
             .created_at = {},
             .rollout = {}};
  ASSERT_TRUE(fleet.write(ApplyFleet{edge, {}}));
  Fleet other = edge;
  other.name = "other";
  const Result<std::string> answer = fleet.write(ApplyFleet{other, {}});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().message,
            "device pi-1 would be in fleet edge and in fleet other; a device belongs to at most one");
}

TEST(Registry, DryRunValidatesAndChangesNothing) {
  FakeFleet fleet;
  EXPECT_EQ(*fleet.write(AddDevice{"pi-7", some_id('a'), {}}, {}, true), "device/pi-7");
  EXPECT_TRUE(fleet.state().devices.empty());
  EXPECT_FALSE(fleet.write(AddDevice{"Pi", some_id('a'), {}}, {}, true));
}

TEST(Registry, ARetriedRequestIsAnsweredFromMemory) {
  FakeFleet fleet;
  ASSERT_TRUE(fleet.write(AddDevice{"pi-7", some_id('a'), {}}, "key-1"));
  EXPECT_EQ(*fleet.write(AddDevice{"pi-7", some_id('a'), {}}, "key-1"), "device/pi-7");
  EXPECT_EQ(fleet.state().devices.size(), 1U);
}

TEST(Registry, ReleasesNeverChange) {
  FakeFleet fleet;
  ASSERT_TRUE(fleet.write(StoreRelease{make_release("1")}));
  EXPECT_TRUE(fleet.write(StoreRelease{make_release("1")}));
  Release other = make_release("1");
  other.digest = blake2b_256("other");
  EXPECT_EQ(fleet.write(StoreRelease{other}).error().reason, "RELEASE_EXISTS");
}

TEST(Registry, ABareDeviceThatNoReleaseReachedYetIsNeitherWellNorIll) {
  Device device;
  device.connection = Connection::Online;
  device.facts =
      FactsSummary{.is_ready = false, .node_state = "not-installed", .workloads_down = 0, .first_trouble = {}};
  EXPECT_EQ(health_of(device), Health::Unknown);
  device.proved_release = blake2b_256("kiosk");
  EXPECT_EQ(health_of(device), Health::Failed);  // it was there, and is gone
}

TEST(Registry, TotalsFollowEveryChange) {
  FakeFleet fleet;
  fleet.add(3);
  EXPECT_EQ(fleet.state().totals.connection[Connection::Online], 3U);
  fleet.device("pi-1").is_on = false;
  fleet.pass(std::chrono::minutes(3));
  EXPECT_EQ(fleet.state().totals.connection[Connection::Online], 2U);
  EXPECT_EQ(fleet.state().totals.connection[Connection::Offline], 1U);
  ASSERT_TRUE(fleet.write(DecommissionDevice{"pi-1", "stolen"}));
  EXPECT_EQ(fleet.state().totals.connection[Connection::Offline], 0U);
}

// A device refuses a generation below the highest it ever took, and it still holds what it took before.
TEST(Registry, ADeviceThatIsAddedAgainGoesOnCountingGenerations) {
  FakeFleet fleet;
  fleet.add(1);
  fleet.start(make_policy({}));
  fleet.finish("pi-1");
  fleet.now = fleet.now + std::chrono::seconds(1);
  fleet.start(make_policy({}), "2");
  fleet.finish("pi-1");
  const DeviceId id = fleet.device("pi-1").id;
  ASSERT_EQ(fleet.rollout().targets.at(id).generation, 2U);
  ASSERT_TRUE(fleet.write(DecommissionDevice{"pi-1", "in repair"}));
  fleet.restart_hub();
  ASSERT_TRUE(fleet.write(AddDevice{"pi-1", id, {{"role", "edge"}}}));
  fleet.hello("pi-1");
  fleet.now = fleet.now + std::chrono::seconds(1);
  fleet.start(make_policy({}), "3");
  EXPECT_EQ(fleet.rollout().targets.at(id).generation, 3U);
}

TEST(Registry, PagesOfDevicesGoOnWhereTheyEnded) {
  FakeFleet fleet;
  fleet.add(5);
  DeviceQuery query;
  query.page_size = 2;
  std::string names;
  do {
    const DevicePage page = list_devices(fleet.state(), query, fleet.now);
    for (const Device* device : page.devices) names += device->name + " ";
    query.after = page.next;
  } while (!query.after.empty());
  EXPECT_EQ(names, "pi-1 pi-2 pi-3 pi-4 pi-5 ");
}

std::string names_in(FakeFleet& fleet, const std::string& name) {
  std::string names;
  DeviceQuery query{.fleet = name, .page_size = 2};
  do {
    const DevicePage page = list_devices(fleet.state(), query, fleet.now);
    for (const Device* device : page.devices) names += device->name + " ";
    query.after = page.next;
  } while (!query.after.empty());
  return names;
}

TEST(Registry, PagesOfAFleetFollowEveryMoveOfItsDevices) {
  FakeFleet fleet;
  fleet.add(5);
  const auto apply = [&](const std::string& selector) {
    Fleet wanted;
    wanted.name = "edge";
    wanted.selector = selector;
    ASSERT_TRUE(fleet.write(ApplyFleet{wanted, {}}));
  };
  EXPECT_EQ(names_in(fleet, "edge"), "");
  apply("role=edge");
  EXPECT_EQ(names_in(fleet, "edge"), "pi-1 pi-2 pi-3 pi-4 pi-5 ");
  ASSERT_TRUE(fleet.write(RenameDevice{"pi-2", "zz-2"}));
  ASSERT_TRUE(fleet.write(LabelDevice{"pi-3", {{"role", "spare"}}, {}}));
  ASSERT_TRUE(fleet.write(DecommissionDevice{"pi-4", "stolen"}));
  EXPECT_EQ(names_in(fleet, "edge"), "pi-1 pi-5 zz-2 ");
  apply("role in (edge,spare)");
  EXPECT_EQ(names_in(fleet, "edge"), "pi-1 pi-3 pi-5 zz-2 ");
  fleet.restart_hub();
  EXPECT_EQ(names_in(fleet, "edge"), "pi-1 pi-3 pi-5 zz-2 ");
  apply("role=spare");
  EXPECT_EQ(names_in(fleet, "edge"), "pi-3 ");
  const std::uint32_t revision = fleet.state().fleets.at("edge").revision;
  const Result<std::string> looked_at_another = fleet.write(DeleteFleet{"edge", revision - 1});
  ASSERT_FALSE(looked_at_another);
  EXPECT_EQ(looked_at_another.error().reason, "STALE");
  ASSERT_TRUE(fleet.write(DeleteFleet{"edge", revision}));
  EXPECT_EQ(names_in(fleet, "edge"), "");
}

TEST(Registry, ConditionsThatMeanNothingAreRefused) {
  EXPECT_TRUE(parse_where("update=failed,connection!=online,last-seen>24h"));
  for (const char* text : {"update", "upd=failed", "update>failed", "last-seen=24h", "last-seen>soon",
                           "health=", "connection=frob", "update!=faild"})
    EXPECT_FALSE(parse_where(text)) << text;
}

}  // namespace
}  // namespace kelpie::hub
