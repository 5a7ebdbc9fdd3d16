// Many connections in one thread over a real broker: what each costs, who is looked at, what is said when none comes.
#include "tools/sim/fleet_links.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "tests/support/broker.h"
#include "tools/sim/open_files.h"

namespace kelpie::sim {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kClients = 200;
constexpr milliseconds kTurn{10};

std::size_t open_files() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

std::unique_ptr<FleetLinks> links_to(std::uint16_t port, FleetLinkCallbacks callbacks = {}) {
  if (!callbacks.on_link) callbacks.on_link = [](std::size_t, bool) {};
  if (!callbacks.on_message) callbacks.on_message = [](std::size_t, std::string) {};
  auto links = FleetLinks::open({.port = port, .retry_after = milliseconds(50)}, std::move(callbacks));
  EXPECT_TRUE(links) << links.error().message;
  return std::move(*links);
}

void add(FleetLinks& links, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::string name = "device-" + std::to_string(i);
    EXPECT_EQ(links.add(name, {"down/" + name, "all"}), i);
  }
}

bool reaches(FleetLinks& links, std::size_t connected) {
  return test::eventually([&] {
    links.poll(kTurn);
    return links.connected() == connected;
  });
}

TEST(FleetLinks, AConnectionTakesOneDescriptor) {
  test::Broker broker;
  const auto links = links_to(broker.port());
  const std::size_t before = open_files();
  add(*links, kClients);
  ASSERT_TRUE(reaches(*links, kClients));
  EXPECT_EQ(open_files() - before, kClients);
}

TEST(FleetLinks, ManyConnectWithAFewLooksAtEach) {
  constexpr std::size_t kMany = 4 * kClients;
  ASSERT_TRUE(allow_files(2 * kMany));  // the broker inherits it
  test::Broker broker;
  const auto links = links_to(broker.port());
  add(*links, kMany);
  ASSERT_TRUE(reaches(*links, kMany));
  EXPECT_LT(links->looks(), 6 * kMany);  // connect, CONNACK, SUBACK; a scan a turn would be dozens
}

TEST(FleetLinks, SaysWhyNobodyIsConnected) {
  const auto links = links_to(test::free_port());
  add(*links, kClients);
  links->poll(kTurn);
  EXPECT_EQ(links->connected(), 0U);
  EXPECT_EQ(links->trouble(), "Connection refused");
}

TEST(FleetLinks, EverybodyComesBackAfterTheBroker) {
  test::Broker broker;
  std::size_t losses = 0;
  const auto links = links_to(broker.port(), {.on_message = {}, .on_link = [&](std::size_t, bool is_connected) {
                                                losses += is_connected ? 0U : 1U;
                                              }});
  add(*links, kClients);
  ASSERT_TRUE(reaches(*links, kClients));
  broker.kill();
  EXPECT_TRUE(reaches(*links, 0));
  EXPECT_EQ(losses, kClients);
  broker.restart();
  EXPECT_TRUE(reaches(*links, kClients));
  EXPECT_EQ(losses, kClients);
}

TEST(FleetLinks, WithoutPowerOneStaysAway) {
  test::Broker broker;
  const auto links = links_to(broker.port());
  add(*links, kClients);
  links->set_power(0, false);  // still waits to connect
  ASSERT_TRUE(reaches(*links, kClients - 1));
  links->set_power(1, false);
  EXPECT_EQ(links->connected(), kClients - 2);
  links->set_power(0, true);
  links->set_power(1, true);
  EXPECT_TRUE(reaches(*links, kClients));
}

TEST(FleetLinks, BothFiltersHoldOnceConnected) {
  test::Broker broker;
  std::vector<std::size_t> heard(kClients);
  const auto links =
      links_to(broker.port(), {.on_message = [&](std::size_t who, std::string) { ++heard[who]; }, .on_link = {}});
  add(*links, kClients);
  ASSERT_TRUE(reaches(*links, kClients));
  links->publish(0, "all", as_bytes("hello"));
  links->publish(1, "down/device-7", as_bytes("you"));
  const auto all_heard = [&] {
    links->poll(kTurn);
    return heard[7] == 2 && std::count(heard.begin(), heard.end(), 1U) == static_cast<std::ptrdiff_t>(kClients - 1);
  };
  EXPECT_TRUE(test::eventually(all_heard));
}

}  // namespace
}  // namespace kelpie::sim
