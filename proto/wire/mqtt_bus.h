// Bus over Eclipse Paho MQTT C++ (MQTT 5, QoS 1, clean start). Its own supervisor thread reconnects with jitter by
// destroying the client and building a new one: Paho's automatic reconnect corrupts memory in 1.3.12.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proto/base/entropy.h"
#include "proto/wire/bus.h"

namespace kelpie::wire {

struct MqttOptions {
  std::string broker_url;            // tcp://127.0.0.1:1883; refused unless loopback until TLS comes
  std::string client_id;             // unique per process start on the hub
  std::vector<std::string> filters;  // subscribed on every CONNACK
  std::string username;              // empty: none
  std::string password_file;         // empty: none; read at each connect; refused when others may read it
  std::chrono::seconds keep_alive{60};
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds reconnect_window{2'000};  // first retry at uniform(0, window)
  std::chrono::milliseconds reconnect_max{120'000};   // then full jitter, doubling up to this
  std::size_t window = 100;  // messages without PUBACK; below receive maximum and Paho's buffer
};

/// Both run on threads of the bus and must do nothing but push to an inbox: no publish, no stop, no waiting.
/// on_link(true) comes once the filters are subscribed; messages may arrive just before it.
struct MqttCallbacks {
  std::function<void(std::string topic, std::string payload)> on_message;
  std::function<void(bool is_connected)> on_link;
};

class MqttBus final : public Bus {
 public:
  /// Errors: those of parse_broker_url; InvalidArgument for a window outside 1..1000.
  [[nodiscard]] static Result<std::unique_ptr<MqttBus>> open(MqttOptions options, MqttCallbacks callbacks,
                                                             Entropy& entropy);
  ~MqttBus() override;

  void publish(const std::string& topic, ByteView payload) override;
  [[nodiscard]] bool is_connected() const;
  [[nodiscard]] std::uint64_t dropped() const;    // publishes not taken: window full, no link, over the cap
  [[nodiscard]] std::uint64_t too_large() const;  // messages received over kBusPayloadBytesMax, not passed on
  /// The reconnect window a Notice asked for.
  void set_reconnect_window(std::chrono::milliseconds window);
  /// Disconnects and joins the supervisor. Called by the destructor too.
  void stop();

 private:
  struct Link;
  MqttBus(MqttOptions options, MqttCallbacks callbacks, Entropy& entropy);
  std::unique_ptr<Link> link_;
};

}  // namespace kelpie::wire
