// What is kept of what devices send, and when they may: told with values, the files are names here.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include "hub/core/archives.h"
#include "tests/hub/core/fake_fleet.h"

namespace kelpie::hub {
namespace {

using test::FakeFleet;
using test::make_policy;
using test::make_release;
using test::wave_of;

std::string sha_of(char fill) {
  return std::string(64, fill);
}

/// A command for that device; its attempt, with the GO given.
AttemptId begin(FakeFleet& fleet, const std::string& device, bool asks_for_archive = true) {
  static int version = 0;
  Release release = make_release(fmt::format("{}", ++version));
  release.scope = kAdhocScope;
  release.asks_for_archive = asks_for_archive;
  EXPECT_TRUE(fleet.write(StoreRelease{release}));
  MakePlan wanted;
  wanted.devices = {device};
  wanted.release = "kiosk@" + release.version;
  wanted.policy = make_policy({wave_of("all", 1)});
  const Result<std::string> started = fleet.start_plan(wanted);
  EXPECT_TRUE(started) << (started ? "" : started.error().message);
  fleet.pass(std::chrono::seconds(5));
  return {.rollout = fleet.rollout().id, .device = fleet.device(device).id, .n = 1};
}

std::string send(FakeFleet& fleet, const AttemptId& attempt, char fill, std::uint32_t bytes = 100) {
  const Result<std::string> object =
      fleet.write(StoreArchive{.attempt = attempt, .sha256 = sha_of(fill), .bytes = bytes});
  return object ? *object : fmt::format("{}: {}", object.error().reason, object.error().message);
}

/// "aa…" and so on, newest first.
std::string kept(FakeFleet& fleet, const std::string& device) {
  std::string out;
  for (const Archive& archive : fleet.state().devices.at(fleet.device(device).id).archives) out += archive.sha256[0];
  return out;
}

TEST(Archives, AreTakenWhileTheAttemptIsUnderWay) {
  FakeFleet fleet;
  fleet.add(2);
  const AttemptId attempt = begin(fleet, "pi-1");
  EXPECT_EQ(send(fleet, attempt, 'a'), "archive/" + to_string(attempt));
  EXPECT_EQ(kept(fleet, "pi-1"), "a");
  EXPECT_EQ(fleet.feed.back(), "archive.stored device/pi-1 ");

  AttemptId other = attempt;
  other.n = 2;
  EXPECT_NE(send(fleet, other, 'b').find("no archive is wanted of attempt"), std::string::npos);
  other = attempt;
  other.device = fleet.device("pi-2").id;
  EXPECT_NE(send(fleet, other, 'b').find("no archive is wanted of attempt"), std::string::npos);

  fleet.report("pi-1", AttemptState::Succeeded);
  EXPECT_EQ(send(fleet, attempt, 'b'), fmt::format("ATTEMPT_OVER: attempt {} is not under way", to_string(attempt)));
  EXPECT_EQ(kept(fleet, "pi-1"), "a");
}

TEST(Archives, AreWantedWhereTheReleaseAsksForThem) {
  FakeFleet fleet;
  fleet.add(1);
  EXPECT_NE(send(fleet, begin(fleet, "pi-1", false), 'a').find("no archive is wanted"), std::string::npos);
}

// An agent that restarts after it sent and before it said so sends again; not for ever.
TEST(Archives, OfOneAttemptTheLastIsKept) {
  FakeFleet fleet;
  fleet.add(1);
  const AttemptId attempt = begin(fleet, "pi-1");
  for (const char fill : {'a', 'b', 'b', 'c'}) {
    EXPECT_EQ(send(fleet, attempt, fill), "archive/" + to_string(attempt));
    EXPECT_EQ(kept(fleet, "pi-1"), std::string(1, fill));
  }
  EXPECT_EQ(send(fleet, attempt, 'd').substr(0, 17), "UPLOADS_EXHAUSTED");
  EXPECT_EQ(archive_files(fleet.state()).size(), 1U);
  EXPECT_EQ(fleet.state().archive_bytes, 100U);
}

TEST(Archives, GiveWayToNewerOnesOfTheirDeviceAndOfTheFleet) {
  FakeFleet fleet;
  fleet.add(2);
  fleet.state().archive_limits = {.per_device_max = 2, .bytes_max = 350};
  for (const char fill : {'a', 'b', 'c'}) {
    const AttemptId attempt = begin(fleet, "pi-1");
    send(fleet, attempt, fill);
    fleet.report("pi-1", AttemptState::Succeeded);
    fleet.pass(std::chrono::seconds(40));
  }
  EXPECT_EQ(kept(fleet, "pi-1"), "cb");
  send(fleet, begin(fleet, "pi-2"), 'd', 200);
  EXPECT_EQ(kept(fleet, "pi-1"), "c") << "the oldest of all";
  EXPECT_EQ(kept(fleet, "pi-2"), "d");
  EXPECT_EQ(fleet.state().archive_bytes, 300U);
}

TEST(Archives, GoWithTheirDevice) {
  FakeFleet fleet;
  fleet.add(1);
  send(fleet, begin(fleet, "pi-1"), 'a');
  EXPECT_TRUE(fleet.write(DecommissionDevice{.name = "pi-1", .reason = "stolen"}));
  EXPECT_TRUE(archive_files(fleet.state()).empty());
  EXPECT_EQ(fleet.state().archive_bytes, 0U);
}

TEST(Archives, TokensAreEachOfOneAttemptAndOneHub) {
  FakeFleet fleet;
  fleet.add(1);
  AttemptId attempt{.rollout = {}, .device = fleet.device("pi-1").id, .n = 1};
  const Digest token = archive_token(blake2b_256("secret"), attempt);
  EXPECT_EQ(token, archive_token(blake2b_256("secret"), attempt));
  EXPECT_NE(token, archive_token(blake2b_256("other"), attempt));
  attempt.n = 2;
  EXPECT_NE(token, archive_token(blake2b_256("secret"), attempt));
}

}  // namespace
}  // namespace kelpie::hub
