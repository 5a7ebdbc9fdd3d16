// The hub's loop from signed frame to signed frame: sessions, a rollout, crashes between any two steps, refusals.
#include <limits>

#include <gtest/gtest.h>
#include <kelpie/v1/deliver.pb.h>
#include <kelpie/v1/report.pb.h>

#include "hub/records/attempt.h"
#include "tests/hub/shell/hub_world.h"

namespace kelpie::hub {
namespace {

using test::HubWorld;
using test::PlayedDevice;

bool is_over(const HubWorld& world, const RolloutId& id) {
  return is_terminal(world.state().rollouts.at(id).phase) ||
         world.state().rollouts.at(id).phase == RolloutPhase::Paused;
}

TEST(Hub, BelievesANewBootOnlyWhenItQuotesTheHubsNonce) {
  HubWorld world;
  PlayedDevice& played = world.add_device("pi-1");
  world.frame(played.hello());
  EXPECT_FALSE(world.device("pi-1").incarnation);
  EXPECT_TRUE(world.run_until([&] { return world.device("pi-1").incarnation.has_value(); }));
  EXPECT_EQ(world.device("pi-1").key->bytes().size(), 32U);
  EXPECT_EQ(played.rejected(), 0U);
}

TEST(Hub, RollsOutAndIsAcknowledged) {
  HubWorld world;
  for (const char* name : {"pi-1", "pi-2", "pi-3"}) world.add_device(name);
  ASSERT_TRUE(world.run_until([&] { return world.device("pi-3").incarnation.has_value(); }));
  const RolloutId id = world.start_rollout();
  ASSERT_TRUE(world.run_until([&] { return is_over(world, id); }));
  EXPECT_EQ(world.state().rollouts.at(id).phase, RolloutPhase::Succeeded);
  for (const char* name : {"pi-1", "pi-2", "pi-3"}) {
    EXPECT_EQ(world.played(name).ran(),
              (std::vector<std::string>{to_string(AttemptId{id, world.played(name).id(), 1})}));
    EXPECT_EQ(world.device(name).proved_release, world.state().rollouts.at(id).release);
  }
  ASSERT_TRUE(world.run_until([&] { return world.played("pi-1").acknowledged() == world.played("pi-1").sequence(); }));
}

TEST(Hub, AFailurePausesTheRolloutAndSaysWhy) {
  HubWorld world;
  world.add_device("pi-1").fail_from_now_on();
  ASSERT_TRUE(world.run_until([&] { return world.device("pi-1").incarnation.has_value(); }));
  const RolloutId id = world.start_rollout();
  ASSERT_TRUE(world.run_until([&] { return is_over(world, id); }));
  EXPECT_EQ(world.state().rollouts.at(id).phase_reason, "failure_limit");
  EXPECT_EQ(world.device("pi-1").failure_reason, "image-pull-failed");
}

// Whatever was published and not yet delivered is lost with the hub, at every step of the rollout in turn.
TEST(Hub, ACrashAtAnyStepLosesNothingAndRunsNothingTwice) {
  for (int crash_at = 0; crash_at < 25; ++crash_at) {
    HubWorld world;
    for (const char* name : {"pi-1", "pi-2"}) world.add_device(name);
    ASSERT_TRUE(world.run_until([&] { return world.device("pi-2").incarnation.has_value(); }));
    const RolloutId id = world.start_rollout();
    int steps = 0;
    static_cast<void>(world.run_until([&] { return steps++ == crash_at || is_over(world, id); }));
    world.crash_hub();
    ASSERT_TRUE(world.run_until([&] { return is_over(world, id); })) << "crash at step " << crash_at;
    EXPECT_EQ(world.state().rollouts.at(id).phase, RolloutPhase::Succeeded) << "crash at step " << crash_at;
    EXPECT_EQ(world.played("pi-1").ran().size(), 1U) << "crash at step " << crash_at;
    EXPECT_EQ(world.played("pi-2").ran().size(), 1U) << "crash at step " << crash_at;
  }
}

TEST(Hub, ComesBackFromItsStoreAsItWas) {
  HubWorld world;
  world.add_device("pi-1");
  ASSERT_TRUE(world.run_until([&] { return world.device("pi-1").incarnation.has_value(); }));
  const RolloutId id = world.start_rollout();
  ASSERT_TRUE(world.run_until([&] { return is_over(world, id); }));
  const HubState before = world.state();
  world.crash_hub();
  EXPECT_EQ(world.device("pi-1").labels, before.devices.begin()->second.labels);
  EXPECT_EQ(world.device("pi-1").proved_release, before.devices.begin()->second.proved_release);
  EXPECT_EQ(world.state().rollouts.at(id).waves[0].counters, before.rollouts.at(id).waves[0].counters);
  EXPECT_EQ(world.state().rollouts.at(id).waves[0].plan, before.rollouts.at(id).waves[0].plan);
  EXPECT_EQ(world.state().fleets.at("kiosk").policy, before.fleets.at("kiosk").policy);
  EXPECT_EQ(world.state().audit.root(), before.audit.root());
  EXPECT_EQ(world.state().audit.size(), before.audit.size());
}

TEST(Refused, AnUnregisteredDevice) {
  HubWorld world;
  PlayedDevice stranger(5, test::sample_trust());
  world.frame(stranger.hello());
  EXPECT_EQ(world.refused("E_ROLE"), 1U);
  EXPECT_TRUE(world.state().devices.empty());
}

TEST(Refused, AChangedByte) {
  HubWorld world;
  PlayedDevice& played = world.add_device("pi-1");
  ASSERT_TRUE(world.run_until([&] { return world.device("pi-1").incarnation.has_value(); }));
  std::string frame = played.heartbeat();
  frame.back() = static_cast<char>(frame.back() ^ 1);
  const std::uint64_t before = world.device("pi-1").sequence;
  world.frame(frame);
  EXPECT_EQ(world.refused("E_SIG"), 1U);
  EXPECT_EQ(world.device("pi-1").sequence, before);
}

TEST(Refused, AReportOfAnotherInstallation) {
  HubWorld world;
  world.add_device("pi-1");
  wire::Trust other = test::sample_trust();
  other.installation = *InstallationId::from_hex("ffffffffffffffffffffffffffffffff");
  PlayedDevice twin(100, other);  // the key of pi-1
  world.frame(twin.hello());
  EXPECT_EQ(world.refused("E_SIG"), 1U);
  EXPECT_FALSE(world.device("pi-1").key);
}

TEST(Refused, AReportInAnotherDevicesName) {
  HubWorld world;
  PlayedDevice& one = world.add_device("pi-1");
  world.add_device("pi-2");
  ASSERT_TRUE(world.run_until([&] { return world.device("pi-2").incarnation.has_value(); }));
  v1::Report report;
  report.set_device_id(one.id().bytes());
  report.set_sequence(99);
  SeededEntropy entropy(101);  // the key of pi-2
  const wire::SigningKey key = wire::SigningKey::generate(entropy);
  world.frame(wire::seal(wire::FrameType::Report, test::sample_trust().installation,
                         as_bytes(report.SerializeAsString()), key));
  EXPECT_EQ(world.refused("E_AUDIENCE"), 1U);
}

TEST(Refused, WhatOnlyAHubMaySend) {
  HubWorld world;
  world.add_device("pi-1");
  SeededEntropy entropy(100);
  const wire::SigningKey key = wire::SigningKey::generate(entropy);
  world.frame(wire::seal(wire::FrameType::Beacon, test::sample_trust().installation, as_bytes("x"), key));
  EXPECT_EQ(world.refused("E_TYPE"), 1U);
  world.frame("KLP");
  EXPECT_EQ(world.refused("E_FRAME") + world.refused("E_SIZE"), 1U);
}

TEST(Replayed, AReportChangesNothing) {
  HubWorld world;
  PlayedDevice& played = world.add_device("pi-1");
  ASSERT_TRUE(world.run_until([&] { return world.device("pi-1").incarnation.has_value(); }));
  const std::string old = played.heartbeat();
  world.frame(old);
  const std::uint64_t sequence = world.device("pi-1").sequence;
  world.frame(played.heartbeat());
  world.frame(old);
  EXPECT_EQ(world.device("pi-1").sequence, sequence + 1);
  EXPECT_EQ(world.refused("E_SEQUENCE"), 1U);
}

// They become labels of metrics: a device cannot choose what stands there.
TEST(Reported, RefusalsWithCodesNobodyKnowsAreCountedTogetherAndRemembered) {
  HubWorld world;
  world.add_device("pi-1");
  ASSERT_TRUE(world.run_until([&] { return world.device("pi-1").incarnation.has_value(); }));
  const Device& device = world.device("pi-1");
  v1::Report report;
  report.set_device_id(device.id.bytes());
  report.set_install_id(device.incarnation->install.bytes());
  report.set_boot(device.incarnation->boot.bytes());
  report.set_sequence(device.sequence + 1);
  for (const char* code : {"E_SIG", "E_OF_TOMORROW", "\"} 1\n# "}) {
    v1::Refusal& row = *report.add_refusals();
    row.set_code(code);
    row.set_count(2);
  }
  SeededEntropy entropy(100);  // the key of pi-1
  const wire::SigningKey key = wire::SigningKey::generate(entropy);
  world.frame(wire::seal(wire::FrameType::Report, test::sample_trust().installation,
                         as_bytes(report.SerializeAsString()), key));
  EXPECT_EQ(world.device("pi-1").refusals, (Refusals{{"E_SIG", 2}, {"other", 4}}));
  world.crash_hub();
  EXPECT_EQ(world.device("pi-1").refusals, (Refusals{{"E_SIG", 2}, {"other", 4}}));
}

TEST(Reported, ATimeThatCannotBeIsLongAgoAndNotInTheFuture) {
  v1::Attempt attempt;
  attempt.set_id(to_string(AttemptId{*RolloutId::parse("01J00000000000000000000000"), {}, 1}));
  attempt.set_hash(Digest{}.bytes());
  attempt.set_state(v1::PREPARED);
  for (const std::uint64_t ago : {std::numeric_limits<std::uint64_t>::max(), std::uint64_t{1} << 63U}) {
    attempt.set_prepared_ago_ms(ago);
    const Result<ReportedAttempt> read = records::read_attempt(attempt);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->prepared_ago, std::chrono::hours(24));
  }
  attempt.set_prepared_ago_ms(90'000);
  EXPECT_EQ(records::read_attempt(attempt)->prepared_ago, std::chrono::seconds(90));
}

// As many as it can take in a second, and nobody waits longer than that needs.
TEST(Notice, SpreadsTheHellosOfTheFleet) {
  const wire::SigningKey key = test::key_of(9);
  HubState state;
  std::string told;
  for (const std::size_t devices : {0U, 1U, 200U, 201U, 1'000U}) {
    while (state.devices.size() < devices) {
      const DeviceId id = *DeviceId::from_bytes(blake2b_128(std::to_string(state.devices.size())).view());
      state.devices.emplace(id, Device{});
    }
    const Outgoing notice = seal_notice(state, {key, test::sample_trust().installation, 1});
    v1::Notice said;
    ASSERT_TRUE(said.ParseFromString(wire::parse_frame(as_bytes(notice.frame))->payload));
    told += " " + std::to_string(said.reconnect_window_s());
  }
  EXPECT_EQ(told, " 1 1 1 2 5");
}

TEST(Open, AKeyThatIsNoHubsIsRefused) {
  test::MemoryStore store;
  test::BusSpy bus;
  test::DoorSpy door;
  SeededEntropy entropy(1);
  const auto hub = Hub::open({test::key_of(1), test::sample_trust()}, {store, bus, door, entropy, {}}, "", {});
  ASSERT_FALSE(hub);
  EXPECT_EQ(hub.error().reason, "E_ROLE");
}

}  // namespace
}  // namespace kelpie::hub
