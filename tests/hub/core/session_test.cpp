// Which reports are newer, and what a device's other life means.
#include <algorithm>

#include <gtest/gtest.h>

#include "tests/hub/core/fake_fleet.h"

namespace kelpie::hub {
namespace {

using namespace std::chrono_literals;
using test::FakeFleet;
using test::make_policy;

template <typename Bytes>
Bytes made(const char* text) {
  return *Bytes::from_bytes(blake2b_256(text).view().first(Bytes::kSize));
}

TEST(Session, AnotherBootIsBelievedOnlyWhenItQuotesTheHubsNonce) {
  FakeFleet fleet;
  fleet.add(1);
  const Device& device = fleet.state().devices.begin()->second;
  const Incarnation old = *device.incarnation;
  ReportReceived forged{.device = device.id,
                        .incarnation = {old.install, made<BootId>("other")},
                        .sequence = 99,
                        .hub_nonce = made<Nonce>("guess"),
                        .heartbeat_nonce = {},
                        .hello = {},
                        .attempt = {},
                        .facts = {},
                        .facts_bytes = {},
                        .health_note = {},
                        .refusals = {},
                        .frame_hash = {}};
  Effects effects;
  decide(fleet.state(), forged, fleet.now, effects);
  EXPECT_EQ(*device.incarnation, old);
  EXPECT_EQ(fleet.state().refusals, (Refusals{{"E_NONCE", 1}}));
  ASSERT_EQ(effects.messages.size(), 1U);
  forged.hub_nonce = std::get<SendRead>(effects.messages[0]).hub_nonce;
  decide(fleet.state(), forged, fleet.now, effects);
  EXPECT_EQ(device.incarnation->boot, made<BootId>("other"));
  EXPECT_TRUE(device.hub_nonce.is_zero());
}

TEST(Session, ARepeatedOrOlderReportChangesNothingButIsAcknowledged) {
  FakeFleet fleet;
  fleet.add(1);
  fleet.start(make_policy({}));
  fleet.finish("pi-1");
  Device& device = fleet.state().devices.begin()->second;
  const std::uint64_t sequence = device.sequence;
  ReportedAttempt old = *fleet.device("pi-1").attempt;
  old.state = AttemptState::Failed;
  Effects effects;
  decide(fleet.state(),
         ReportReceived{.device = device.id,
                        .incarnation = *device.incarnation,
                        .sequence = sequence,
                        .hub_nonce = {},
                        .heartbeat_nonce = {},
                        .hello = {},
                        .attempt = old,
                        .facts = {},
                        .facts_bytes = {},
                        .health_note = {},
                        .refusals = {},
                        .frame_hash = {}},
         fleet.now, effects);
  EXPECT_EQ(fleet.targets(), "pi-1 succeeded\n");
  ASSERT_EQ(effects.messages.size(), 1U);
  EXPECT_EQ(std::get<SendBeacon>(effects.messages[0]).sequence, sequence);
  EXPECT_EQ(fleet.state().refusals, (Refusals{{"E_SEQUENCE", 1}}));
}

TEST(Session, WhatADeviceRefusedIsShownAsItSaysAndAddedUpOverBoots) {
  FakeFleet fleet;
  fleet.add(1);
  Device& device = fleet.state().devices.begin()->second;
  ReportReceived report{.device = device.id,
                        .incarnation = *device.incarnation,
                        .sequence = device.sequence,
                        .hub_nonce = {},
                        .heartbeat_nonce = {},
                        .hello = {},
                        .attempt = {},
                        .facts = {},
                        .facts_bytes = {},
                        .health_note = {},
                        .refusals = {},
                        .frame_hash = {}};
  for (const std::uint64_t count : {2U, 2U, 5U}) {
    ++report.sequence;
    report.refusals = {{"E_SIG", count}};
    fleet.decide(report);
    EXPECT_EQ(device.refusals, report.refusals);
  }
  EXPECT_EQ(fleet.state().device_refusals, (Refusals{{"E_SIG", 5}}));
  report.incarnation.boot = made<BootId>("next");
  report.hub_nonce = device.hub_nonce = made<Nonce>("asked");
  report.refusals = {{"E_SIG", 1}};
  fleet.decide(report);
  EXPECT_EQ(device.refusals, report.refusals);
  EXPECT_EQ(fleet.state().device_refusals, (Refusals{{"E_SIG", 6}}));
  EXPECT_EQ(std::count(fleet.feed.begin(), fleet.feed.end(), "device.refused device/pi-1 E_SIG"), 2) << "once a boot";
}

TEST(Session, AHelloGetsWhatTheDeviceIsOwedAtOnce) {
  FakeFleet fleet;
  fleet.add(1);
  fleet.device("pi-1").is_on = false;
  fleet.start(make_policy({}));
  EXPECT_EQ(fleet.targets(), "pi-1 preparing\n") << "the PREPARE was lost, and nobody knows yet";
  fleet.device("pi-1").is_on = true;
  fleet.hello("pi-1");
  EXPECT_EQ(fleet.targets(), "pi-1 executing\n");
}

TEST(Session, AReimagedDeviceStartsAnewAndCountsAsNoFailure) {
  FakeFleet fleet;
  fleet.add(1);
  fleet.start(make_policy({}));
  ASSERT_EQ(fleet.targets(), "pi-1 executing\n");
  test::FakeDevice& device = fleet.device("pi-1");
  device.incarnation = {made<InstallId>("new"), made<BootId>("new")};
  device.attempt.reset();
  device.sequence = 0;
  fleet.hello("pi-1");
  EXPECT_EQ(fleet.targets(), "pi-1 executing\n");
  EXPECT_EQ(device.attempt->id.n, 2U);
  EXPECT_EQ(fleet.rollout().waves[0].counters.failed, 0U);
}

TEST(Session, AnOldCardImageIsRolledBackNotSuccess) {
  FakeFleet fleet;
  fleet.add(1);
  fleet.start(make_policy({}));
  test::FakeDevice& device = fleet.device("pi-1");
  device.attempt->state = AttemptState::Prepared;
  device.attempt->nonce = made<Nonce>("another");
  fleet.report("pi-1");
  EXPECT_EQ(fleet.targets(), "pi-1 failed\n");
  EXPECT_EQ(fleet.rollout().targets.begin()->second.reported.reason, "rolled_back");
}

TEST(Session, AReplayedReportDoesNotReviveADeadDevice) {
  FakeFleet fleet;
  fleet.add(1);
  const Device& device = fleet.state().devices.begin()->second;
  fleet.device("pi-1").is_on = false;
  fleet.pass(3min);
  ASSERT_EQ(device.connection, Connection::Offline);
  const WallTime last_seen = device.last_seen;
  ReportReceived old{.device = device.id,
                     .incarnation = *device.incarnation,
                     .sequence = device.sequence,
                     .hub_nonce = {},
                     .heartbeat_nonce = {},
                     .hello = HelloReport{},
                     .attempt = {},
                     .facts = {},
                     .facts_bytes = {},
                     .health_note = {},
                     .frame_hash = {}};
  fleet.decide(old);
  old.incarnation.boot = made<BootId>("an earlier boot");
  fleet.decide(old);
  EXPECT_EQ(device.connection, Connection::Offline);
  EXPECT_EQ(device.last_seen, last_seen);
  fleet.device("pi-1").is_on = true;
  fleet.report("pi-1");
  EXPECT_EQ(device.connection, Connection::Online);
}

}  // namespace
}  // namespace kelpie::hub
