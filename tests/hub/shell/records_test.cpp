// A store that cannot be the hub's own, or is damaged: refused by name before anything is believed.
#include "hub/records/records.h"

#include <gtest/gtest.h>
#include <kelpie/store/v1/hub.pb.h>

#include "tests/hub/api/samples.h"

namespace kelpie::hub {
namespace {

using test::MemoryStore;

const InstallationId kMine = *InstallationId::from_hex("00112233445566778899aabbccddeeff");

/// "FAILED_PRECONDITION STORE_FOREIGN: the store …", or "loaded".
std::string loading(const MemoryStore& store, const InstallationId& installation = kMine) {
  const Result<HubState> state = records::load(store, installation);
  if (state) return "loaded";
  const Error& error = state.error();
  return std::string(to_string(error.code)) + " " + error.reason + ": " + error.message;
}

void put(MemoryStore& store, std::string key, std::string value) {
  ASSERT_TRUE(store.commit({.puts = {{std::move(key), std::move(value)}}, .deletes = {}, .must_sync = true}));
}

TEST(Records, AStoreBelongsToItsInstallation) {
  MemoryStore store;
  EXPECT_EQ(loading(store), "loaded");
  ASSERT_TRUE(records::mark(store, kMine, {1'000}));
  EXPECT_EQ(loading(store), "loaded");
  EXPECT_EQ(loading(store, *InstallationId::from_hex(std::string(32, 'f'))),
            "FAILED_PRECONDITION STORE_FOREIGN: the store belongs to another installation than the keys");
}

TEST(Records, KeepWhatADeviceLacksOfItsRelease) {
  Device device;
  device.drift.moved["channel"] = {.wanted = "1.32/stable",
                                   .found = "1.33/stable",
                                   .by = "snapd change 12",
                                   .since = {7'000},
                                   .evidence = Evidence::Node};
  device.drift.moved["Deployment/default/nodered replicas"] = {
      .wanted = "1", .found = "0", .evidence = Evidence::Watch};
  device.warnings["disk"] = "disk nearly full";
  const Result<Device> back = records::read_device(records::write_device(device));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->drift, device.drift);
  EXPECT_EQ(back->warnings, device.warnings);
}

TEST(Records, AStoreOfANewerHubIsLeftAlone) {
  MemoryStore store;
  store::v1::HubRecord newer;
  newer.set_schema(1'000);
  newer.set_installation(kMine.bytes());
  put(store, std::string(kMetaPrefix) + "hub", newer.SerializeAsString());
  EXPECT_EQ(loading(store).substr(0, 32), "FAILED_PRECONDITION STORE_NEWER:");
}

TEST(Records, OneThatCannotBeReadIsNamed) {
  struct Row {
    std::string_view prefix;
    std::string name;
  };
  for (const Row& row :
       {Row{kMetaPrefix, "hub"}, Row{kDevicePrefix, "device"}, Row{kFleetPrefix, "fleet"},
        Row{kReleasePrefix, "release"}, Row{kRememberedPrefix, "record of a request"}, Row{kPlanPrefix, "plan"},
        Row{kAudiencePrefix, "audience"}, Row{kRolloutPrefix, "rollout"}, Row{kTargetPrefix, "target"}}) {
    MemoryStore store;
    put(store, std::string(row.prefix) + (row.prefix == kMetaPrefix ? "hub" : "01JD0000000000000000000000"), "\xff");
    const std::string refused = loading(store);
    EXPECT_EQ(refused.substr(0, 10), "DATA_LOSS ") << row.prefix;
    EXPECT_NE(refused.find(row.name), std::string::npos) << refused;
  }
}

}  // namespace
}  // namespace kelpie::hub
