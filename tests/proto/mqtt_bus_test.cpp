// The bus against a real mosquitto: it delivers, survives the broker, drops rather than blocks, and stops.
#include "proto/wire/mqtt_bus.h"

#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <mutex>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/support/broker.h"

namespace kelpie::wire {
namespace {

using kelpie::test::Broker;
using kelpie::test::eventually;

/// What a bus told its owner.
class Received {
 public:
  MqttCallbacks callbacks() {
    return {.on_message =
                [this](std::string topic, std::string payload) {
                  const std::lock_guard lock(mutex_);
                  messages_.emplace_back(std::move(topic), std::move(payload));
                },
            .on_link = [this](bool is_connected) { is_connected ? ++ups_ : ++downs_; }};
  }
  bool has(const std::string& topic, const std::string& payload) {
    const std::lock_guard lock(mutex_);
    return std::ranges::find(messages_, std::pair(topic, payload)) != messages_.end();
  }
  std::size_t count() {
    const std::lock_guard lock(mutex_);
    return messages_.size();
  }
  [[nodiscard]] int ups() const { return ups_; }
  [[nodiscard]] int downs() const { return downs_; }

 private:
  std::mutex mutex_;
  std::vector<std::pair<std::string, std::string>> messages_;
  std::atomic<int> ups_ = 0;
  std::atomic<int> downs_ = 0;
};

MqttOptions options_for(const Broker& broker, const std::string& client_id) {
  MqttOptions options;
  options.broker_url = broker.url();
  options.client_id = client_id;
  options.filters = {"kelpie/v1/+/+/up", "kelpie/v1/all"};
  options.reconnect_window = std::chrono::milliseconds(200);
  options.reconnect_max = std::chrono::milliseconds(500);
  return options;
}

std::unique_ptr<MqttBus> open_bus(const MqttOptions& options, Received& received) {
  SeededEntropy entropy(1);
  return MqttBus::open(options, received.callbacks(), entropy).value();
}

TEST(MqttBus, CarriesMessagesAsTheyAre) {
  const Broker broker;
  Received received;
  const auto bus = open_bus(options_for(broker, "hub"), received);
  ASSERT_TRUE(eventually([&] { return bus->is_connected(); })) << broker.log();
  const std::string binary = std::string("a\0b\xff", 4);
  const std::string largest(kBusPayloadBytesMax, 'x');

  bus->publish("kelpie/v1/00/dev/up", as_bytes(binary));
  bus->publish("kelpie/v1/all", as_bytes(largest));

  EXPECT_TRUE(eventually([&] { return received.has("kelpie/v1/00/dev/up", binary); }));
  EXPECT_TRUE(eventually([&] { return received.has("kelpie/v1/all", largest); }));
  EXPECT_EQ(bus->dropped(), 0U);
  EXPECT_EQ(received.ups(), 1);
}

TEST(MqttBus, FlowsAgainAfterTheBrokerWasKilled) {
  Broker broker;
  Received received;
  const auto bus = open_bus(options_for(broker, "hub"), received);
  for (int round = 1; round <= 2; ++round) {
    ASSERT_TRUE(eventually([&] { return bus->is_connected(); })) << broker.log();
    const std::string payload = fmt::format("round {}", round);
    bus->publish("kelpie/v1/all", as_bytes(payload));
    EXPECT_TRUE(eventually([&] { return received.has("kelpie/v1/all", payload); })) << payload;
    broker.kill();
    ASSERT_TRUE(eventually([&] { return !bus->is_connected(); }));
    bus->publish("kelpie/v1/all", as_bytes("into the void"));
    broker.restart();
  }
  EXPECT_TRUE(eventually([&] { return received.ups() == 3; }));
  EXPECT_EQ(received.downs(), 2);
  EXPECT_EQ(bus->dropped(), 2U);
  EXPECT_FALSE(received.has("kelpie/v1/all", "into the void"));
}

TEST(MqttBus, FindsABrokerThatStartsLater) {
  Broker broker;
  broker.kill();
  Received received;
  const auto bus = open_bus(options_for(broker, "hub"), received);
  bus->publish("kelpie/v1/all", as_bytes("too early"));
  EXPECT_EQ(bus->dropped(), 1U);

  broker.restart();

  EXPECT_TRUE(eventually([&] { return received.ups() == 1; }));
}

TEST(MqttBus, TakesTheReconnectWindowOfANotice) {
  Broker broker;
  Received received;
  MqttOptions options = options_for(broker, "hub");
  options.reconnect_window = options.reconnect_max = std::chrono::hours(24);
  const auto bus = open_bus(options, received);
  ASSERT_TRUE(eventually([&] { return bus->is_connected(); })) << broker.log();

  bus->set_reconnect_window(std::chrono::milliseconds(50));
  broker.kill();
  broker.restart();

  EXPECT_TRUE(eventually([&] { return received.ups() == 2; }));
}

TEST(MqttBus, DropsAndCountsBeyondItsWindow) {
  const Broker broker;
  Received received;
  MqttOptions options = options_for(broker, "hub");
  options.window = 5;
  const auto bus = open_bus(options, received);
  ASSERT_TRUE(eventually([&] { return bus->is_connected(); })) << broker.log();

  broker.freeze();  // no PUBACK comes
  for (int i = 0; i < 12; ++i) bus->publish("kelpie/v1/all", as_bytes(std::to_string(i)));
  EXPECT_EQ(bus->dropped(), 7U);
  broker.thaw();

  EXPECT_TRUE(eventually([&] { return received.count() == 5; }));
  EXPECT_TRUE(eventually([&] {  // the window opens again with the PUBACKs
    bus->publish("kelpie/v1/all", as_bytes("after"));
    return received.has("kelpie/v1/all", "after");
  }));
}

TEST(MqttBus, NeitherSendsNorPassesOnWhatIsOverTheCap) {
  const Broker broker;
  Received received;
  const auto bus = open_bus(options_for(broker, "hub"), received);
  ASSERT_TRUE(eventually([&] { return bus->is_connected(); })) << broker.log();
  const kelpie::test::TempDir folder;
  kelpie::test::write_file(folder / "large", std::string(kBusPayloadBytesMax + 1, 'x'));

  bus->publish("kelpie/v1/all", as_bytes(std::string(kBusPayloadBytesMax + 1, 'x')));
  EXPECT_EQ(bus->dropped(), 1U);
  const kelpie::test::Finished sent =
      kelpie::test::run({.argv = {"/usr/bin/mosquitto_pub", "-h", "127.0.0.1", "-p", std::to_string(broker.port()),
                                  "-t", "kelpie/v1/all", "-q", "1", "-f", folder / "large"},
                         .env = {},
                         .out_file = {},
                         .err_file = {}});

  ASSERT_EQ(sent.code, 0) << sent.err;
  EXPECT_TRUE(eventually([&] { return bus->too_large() == 1; }));
  EXPECT_EQ(received.count(), 0U);
}

TEST(MqttBus, RefusesABrokerBeyondLoopback) {
  Received received;
  SeededEntropy entropy(1);
  for (const char* url : {"tcp://192.0.2.1:1883", "tcp://broker.example:1883", "tcp://0.0.0.0:1883", "tcp://127.1:1883",
                          "tcp://127.0.0.1.example:1883", "tcp://[::2]:1883"}) {
    const auto bus = MqttBus::open({.broker_url = url, .client_id = "hub"}, received.callbacks(), entropy);
    ASSERT_FALSE(bus) << url;
    EXPECT_EQ(bus.error().code, Code::InvalidArgument);
    EXPECT_NE(bus.error().message.find("loopback"), std::string::npos) << bus.error().message;
    EXPECT_FALSE(bus.error().hint.empty());
  }
}

TEST(MqttBus, RefusesUrlsAndWindowsThatAreNone) {
  Received received;
  SeededEntropy entropy(1);
  for (const char* url : {"", "127.0.0.1:1883", "ssl://127.0.0.1:1883", "tcp://127.0.0.1", "tcp://127.0.0.1:0",
                          "tcp://127.0.0.1:65536", "tcp://127.0.0.1:18x", "tcp://:1883"}) {
    EXPECT_FALSE(MqttBus::open({.broker_url = url, .client_id = "hub"}, received.callbacks(), entropy)) << url;
  }
  for (const std::size_t window : {std::size_t{0}, std::size_t{1'001}}) {
    EXPECT_FALSE(MqttBus::open({.broker_url = "tcp://127.0.0.1:1883", .client_id = "hub", .window = window},
                               received.callbacks(), entropy));
  }
}

TEST(MqttBus, GivesTheBrokerItsPassword) {
  const kelpie::test::TempDir folder;
  kelpie::test::write_file(folder / "passwords", "hub:secret\n");
  ASSERT_EQ(kelpie::test::run({.argv = {"/usr/bin/mosquitto_passwd", "-U", folder / "passwords"},
                               .env = {},
                               .out_file = {},
                               .err_file = {}})
                .code,
            0);
  const Broker broker(fmt::format("allow_anonymous false\npassword_file {}\n", folder / "passwords"));
  kelpie::test::write_file(folder / "password", "secret\n");
  ::chmod((folder / "password").c_str(), 0600);
  Received received;
  MqttOptions options = options_for(broker, "hub");
  options.username = "hub";
  options.password_file = folder / "password";

  const auto bus = open_bus(options, received);

  EXPECT_TRUE(eventually([&] { return bus->is_connected(); })) << broker.log();
}

TEST(MqttBus, StopsWhateverTheBrokerDoes) {
  Broker broker;
  Received received;
  const auto connected = open_bus(options_for(broker, "one"), received);
  ASSERT_TRUE(eventually([&] { return connected->is_connected(); })) << broker.log();
  broker.freeze();
  const auto connecting = open_bus(options_for(broker, "two"), received);
  for (int i = 0; i < 200; ++i) connected->publish("kelpie/v1/all", as_bytes("unanswered"));

  connected->stop();
  connecting->stop();
  connected->stop();

  EXPECT_FALSE(connected->is_connected());
  connected->publish("kelpie/v1/all", as_bytes("after the end"));
  EXPECT_GT(connected->dropped(), 100U);
}

}  // namespace
}  // namespace kelpie::wire
