// The broker is disposable: it dies in the middle of a rollout and comes back knowing nothing, and it may carry
// anything anybody sends.
#include <gtest/gtest.h>
#include <kelpie/v1/report.pb.h>

#include "tests/system/fleet_operator.h"

namespace kelpie::test {
namespace {

constexpr std::chrono::milliseconds kPump{20};

class BrokerTest : public ::testing::Test {
 protected:
  BrokerTest() {
    program_.start();
    for (const char* name : {"pi-1", "pi-2", "pi-3"}) program_.add_device(name);
  }
  std::size_t ran() const {
    std::size_t out = 0;
    for (const auto& [name, played] : program_.devices()) out += played->ran().size();
    return out;
  }
  std::string metrics() {
    const Result<wire::HttpResponse> answer = program_.call("GET", "/metrics", api::v1::Empty(), {});
    return answer ? answer->body : std::string();
  }

  HubProgram program_;
  FleetOperator operator_{program_, [this] { program_.pump(kPump); }};
};

TEST_F(BrokerTest, DyingInTheMiddleOfARolloutCostsNothing) {
  const std::string id = operator_.start_rollout(1);
  ASSERT_TRUE(eventually([&] {
    program_.pump(kPump);
    return ran() > 0;
  }));
  program_.broker().kill();
  program_.broker().restart();
  EXPECT_EQ(operator_.finish(id).status().succeeded(), 3U);
  for (const auto& [name, played] : program_.devices()) EXPECT_EQ(played->ran().size(), 1U) << name;
}

TEST_F(BrokerTest, ThatIsAwayMakesAHubThatIsNotReadyAndSaysSo) {
  const auto readiness = [&] {
    const Result<wire::HttpResponse> answer = program_.call("GET", "/readyz", api::v1::Empty(), {});
    return answer ? answer->status : 0;
  };
  EXPECT_EQ(readiness(), 200);
  program_.broker().kill();
  EXPECT_TRUE(eventually([&] { return readiness() == 503; }));
  const auto summary = program_.get<api::v1::Summary>("/api/v1/summary");
  ASSERT_TRUE(summary);
  ASSERT_GT(summary->attention_size(), 0);
  EXPECT_NE(summary->attention(0).text().find("no link to its broker"), std::string::npos);
  EXPECT_FALSE(summary->hub().is_ready());
  program_.broker().restart();
  EXPECT_TRUE(eventually([&] { return readiness() == 200; }));
}

TEST_F(BrokerTest, WhatIsNotSignedByTheDeviceIsCountedAndChangesNothing) {
  PlayedDevice& pi = *program_.devices().begin()->second;
  ASSERT_TRUE(eventually([&] {
    program_.pump(kPump);
    return pi.acknowledged() > 0;
  }));
  const auto before = program_.get<api::v1::Device>("/api/v1/devices/pi-1");
  ASSERT_TRUE(before);
  std::string changed = pi.heartbeat();
  changed.back() = static_cast<char>(changed.back() ^ 1);
  program_.publish(pi.id(), changed);
  program_.publish(pi.id(), "not a frame");
  EXPECT_TRUE(eventually([&] {
    const std::string text = metrics();
    return text.find("E_SIG") != std::string::npos && text.find("E_FRAME") != std::string::npos;
  })) << metrics();
  const auto after = program_.get<api::v1::Device>("/api/v1/devices/pi-1");
  ASSERT_TRUE(after);
  EXPECT_EQ(after->metadata().revision(), before->metadata().revision());
  EXPECT_TRUE(program_.is_running());
}

}  // namespace
}  // namespace kelpie::test
