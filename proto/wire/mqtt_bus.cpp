#include "proto/wire/mqtt_bus.h"

#include <sys/stat.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <fstream>
#include <iterator>
#include <mutex>
#include <thread>

#include <fmt/core.h>
#include <mqtt/async_client.h>

#include "proto/base/log.h"
#include "proto/wire/broker_url.h"

namespace kelpie::wire {
namespace {

using std::chrono::milliseconds;

constexpr int kQos = 1;
// Paho refuses publishes above its own buffer even while connected (paho.mqtt.cpp#258): keep it out of reach.
constexpr std::size_t kBufferPerWindow = 4;
constexpr milliseconds kReconnectFloor{100};      // chosen: a window of zero must not become a busy loop
constexpr milliseconds kDisconnectPatience{500};  // chosen: a dead broker must not hold up stop()
constexpr std::size_t kPasswordBytesMax = 1024;

/// What Paho's threads tell the supervisor about one session: acknowledgements so far, and its end.
/// Paho holds its global lock while it calls, so nothing here may call Paho.
class Acks final : public mqtt::iaction_listener {
 public:
  void on_success(const mqtt::token&) override {
    {
      const std::lock_guard lock(mutex_);
      ++count_;
    }
    changed_.notify_all();
  }
  void on_failure(const mqtt::token& token) override {
    const int reason = static_cast<int>(token.get_reason_code());
    end(reason != 0 ? fmt::format("refused with MQTT reason {:#x}", reason)
                    : fmt::format("nobody answers there (Paho's code {})", token.get_return_code()));
  }
  void end(const std::string& why) {
    {
      const std::lock_guard lock(mutex_);
      if (has_ended_) return;
      has_ended_ = true;
      why_ = why;
    }
    changed_.notify_all();
  }

  [[nodiscard]] bool reached(std::size_t count, milliseconds patience, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, patience, [&] { return has_ended_ || count_ >= count; });
    return !has_ended_ && count_ >= count;
  }
  void wait_for_end(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, stop, [&] { return has_ended_; });
  }
  [[nodiscard]] std::string why() const {
    const std::lock_guard lock(mutex_);
    return why_.empty() ? "no answer in time" : why_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::size_t count_ = 0;
  bool has_ended_ = false;
  std::string why_;
};

/// Messages without PUBACK. Paho stalls for a second when its own limits are reached, so ours comes first.
class Window final : public mqtt::iaction_listener {
 public:
  explicit Window(std::size_t size) : size_(size) {}
  void on_success(const mqtt::token&) override { give_back(); }
  void on_failure(const mqtt::token&) override { give_back(); }

  [[nodiscard]] bool take() {
    if (outstanding_.fetch_add(1) < size_) return true;
    give_back();
    return false;
  }
  void give_back() { outstanding_.fetch_sub(1); }

 private:
  const std::size_t size_;
  std::atomic<std::size_t> outstanding_ = 0;
};

/// One client, from its CONNECT to the loss of its connection; never connected twice.
struct Session {
  Acks acks;
  Window window;
  mqtt::async_client client;  // last: destroyed first, while what it calls still lives

  explicit Session(const MqttOptions& options)
      : window(options.window), client(options.broker_url, options.client_id, create_options(options.window)) {}

  static mqtt::create_options create_options(std::size_t window) {
    mqtt::create_options out(MQTTVERSION_5, static_cast<int>(window * kBufferPerWindow));
    out.set_send_while_disconnected(false);
    return out;
  }
};

Result<void> check_options(const MqttOptions& options) {
  KELPIE_TRY(const BrokerUrl broker, parse_broker_url(options.broker_url));
  if (options.window == 0 || options.window > 1000) {
    // More makes Paho slower: it searches its lists of outstanding messages linearly.
    return fail(Code::InvalidArgument, fmt::format("publish window {} is not in 1..1000", options.window));
  }
  return {};
}

Result<std::string> read_password(const std::string& path) {
  struct stat found {};
  if (stat(path.c_str(), &found) != 0) {
    return fail(Code::NotFound, fmt::format("cannot open password file \"{}\"", path));
  }
  if ((found.st_mode & S_IRWXO) != 0) {
    return fail(Code::PermissionDenied, fmt::format("password file \"{}\" is open to others", path));
  }
  if (static_cast<std::size_t>(found.st_size) > kPasswordBytesMax) {
    return fail(Code::InvalidArgument, fmt::format("password file \"{}\" is over {} bytes", path, kPasswordBytesMax));
  }
  std::ifstream file(path, std::ios::binary);
  std::string password{std::istreambuf_iterator<char>(file), {}};
  if (!file) return fail(Code::Unavailable, fmt::format("cannot read password file \"{}\"", path));
  while (!password.empty() && (password.back() == '\n' || password.back() == '\r')) password.pop_back();
  return password;
}

std::uint64_t draw_seed(Entropy& entropy) {
  std::array<std::uint8_t, 8> bytes{};
  entropy.fill(bytes);
  return read_le64(bytes);
}

}  // namespace

struct MqttBus::Link {
  const MqttOptions options;
  const MqttCallbacks callbacks;
  std::atomic<std::int64_t> window_ms;
  std::atomic<std::uint64_t> dropped = 0;
  std::atomic<std::uint64_t> too_large = 0;
  std::atomic<bool> is_connected = false;
  // Held while publishing and while swapping the pointer, never by what Paho calls: no circle of waits.
  std::mutex session_mutex;
  std::unique_ptr<Session> session;  // null without a link
  // Of the supervisor alone. Drawn from a seed because the caller's Entropy belongs to another thread; jitter spreads
  // load and keeps no secret.
  SeededEntropy jitter;
  std::jthread supervisor;

  Link(MqttOptions opts, MqttCallbacks calls, std::uint64_t seed)
      : options(std::move(opts)),
        callbacks(std::move(calls)),
        window_ms(options.reconnect_window.count()),
        jitter(seed) {}

  void run(const std::stop_token& stop) {
    std::uint32_t tries = 0;  // since the last link
    do {
      if (hold_link(stop, tries)) tries = 0;
    } while (pause(stop, tries++));
  }

  /// Until the link is lost or stop is asked for. False when there was no link.
  bool hold_link(const std::stop_token& stop, std::uint32_t tries) {
    Result<std::unique_ptr<Session>> made = connect(stop);
    if (!made) {
      const log::Level level = tries == 0 ? log::Level::Warn : log::Level::Debug;  // once per outage
      if (!stop.stop_requested()) {
        log::write(level, "no link to broker", {{"broker", options.broker_url}, {"why", made.error().message}});
      }
      return false;
    }
    Session& live = **made;
    swap_session(*made);
    is_connected = true;
    log::info("link to broker is up", {{"broker", options.broker_url}});
    callbacks.on_link(true);
    live.acks.wait_for_end(stop);
    is_connected = false;
    swap_session(*made);
    callbacks.on_link(false);
    if (stop.stop_requested()) {
      disconnect(live);
    } else {
      log::warn("link to broker is lost", {{"broker", options.broker_url}, {"why", live.acks.why()}});
    }
    return true;
  }

  void swap_session(std::unique_ptr<Session>& other) {
    const std::lock_guard lock(session_mutex);
    session.swap(other);
  }

  Result<std::unique_ptr<Session>> connect(const std::stop_token& stop) {
    try {
      auto fresh = std::make_unique<Session>(options);
      listen(*fresh);
      KELPIE_TRY(mqtt::connect_options wishes, connect_options());
      fresh->client.connect(std::move(wishes), nullptr, fresh->acks);
      if (!fresh->acks.reached(1, options.connect_timeout, stop)) {
        return fail(Code::Unavailable, fmt::format("CONNECT: {}", fresh->acks.why()));
      }
      // Always: the broker keeps nothing of an earlier session.
      for (const std::string& filter : options.filters) fresh->client.subscribe(filter, kQos, nullptr, fresh->acks);
      if (!fresh->acks.reached(1 + options.filters.size(), options.connect_timeout, stop)) {
        return fail(Code::Unavailable, fmt::format("SUBSCRIBE: {}", fresh->acks.why()));
      }
      return fresh;
    } catch (const std::exception& exception) {
      return fail(Code::Unavailable, exception.what());
    }
  }

  /// Before CONNECT: setting callbacks later can deadlock with a completing token (paho.mqtt.cpp#356).
  void listen(Session& fresh) {
    fresh.client.set_connection_lost_handler(
        [&fresh](const std::string& cause) { fresh.acks.end(cause.empty() ? "connection lost" : cause); });
    fresh.client.set_disconnected_handler([&fresh](const mqtt::properties&, mqtt::ReasonCode reason) {
      fresh.acks.end(fmt::format("broker said DISCONNECT, reason {:#x}", static_cast<int>(reason)));
    });
    fresh.client.set_message_callback([this](const mqtt::const_message_ptr& message) {
      if (message->get_payload().size() > kBusPayloadBytesMax) {
        ++too_large;
        return;
      }
      callbacks.on_message(message->get_topic(), message->get_payload_str());
    });
  }

  /// MQTT 5 without properties: session expiry is 0 when absent, and 1.2.0 copies properties wrongly.
  Result<mqtt::connect_options> connect_options() const {
    mqtt::connect_options_builder builder;
    builder.mqtt_version(MQTTVERSION_5)
        .clean_start(true)
        .automatic_reconnect(false)
        .keep_alive_interval(options.keep_alive)
        .connect_timeout(std::chrono::ceil<std::chrono::seconds>(options.connect_timeout))
        .max_inflight(static_cast<int>(options.window * kBufferPerWindow));
    if (!options.username.empty()) builder.user_name(options.username);
    if (!options.password_file.empty()) {
      KELPIE_TRY(const std::string password, read_password(options.password_file));
      builder.password(password);
    }
    return builder.finalize();
  }

  /// A broker that does not answer, or a client that has lost it already, changes nothing: the client is destroyed
  /// next.
  static void disconnect(Session& live) {
    try {
      live.client.disconnect(0)->wait_for(kDisconnectPatience);
    } catch (const mqtt::exception& exception) {
      log::debug("no clean disconnect", {{"why", exception.what()}});
    }
  }

  /// Full jitter, so that a fleet does not return in step. False when stop was asked for.
  bool pause(const std::stop_token& stop, std::uint32_t tries) {
    milliseconds bound = std::max(milliseconds(window_ms.load()), kReconnectFloor);
    const milliseconds bound_max = std::max(options.reconnect_max, kReconnectFloor);
    for (std::uint32_t i = 0; i < tries && bound < bound_max; ++i) bound *= 2;
    bound = std::min(bound, bound_max);
    const milliseconds delay(uniform(jitter, static_cast<std::uint64_t>(bound.count()) + 1));
    std::mutex mutex;
    std::condition_variable_any never;  // only stop wakes it
    std::unique_lock lock(mutex);
    never.wait_for(lock, stop, delay, [] { return false; });
    return !stop.stop_requested();
  }
};

Result<std::unique_ptr<MqttBus>> MqttBus::open(MqttOptions options, MqttCallbacks callbacks, Entropy& entropy) {
  KELPIE_TRY(check_options(options));
  KELPIE_ASSERT(callbacks.on_message != nullptr);
  KELPIE_ASSERT(callbacks.on_link != nullptr);
  return std::unique_ptr<MqttBus>(new MqttBus(std::move(options), std::move(callbacks), entropy));
}

MqttBus::MqttBus(MqttOptions options, MqttCallbacks callbacks, Entropy& entropy)
    : link_(std::make_unique<Link>(std::move(options), std::move(callbacks), draw_seed(entropy))) {
  link_->supervisor = std::jthread([link = link_.get()](const std::stop_token& stop) { link->run(stop); });
}

MqttBus::~MqttBus() {
  stop();
}

void MqttBus::publish(const std::string& topic, ByteView payload) {
  const std::lock_guard lock(link_->session_mutex);
  Session* live = link_->session.get();
  if (live == nullptr || payload.size() > kBusPayloadBytesMax || !live->window.take()) {
    ++link_->dropped;
    return;
  }
  try {
    // The listener goes with the call: attached afterwards it misses fast completions.
    live->client.publish(mqtt::make_message(topic, payload.data(), payload.size(), kQos, false), nullptr, live->window);
  } catch (const std::exception& exception) {
    live->window.give_back();
    ++link_->dropped;
    log::debug("publish not taken", {{"topic", topic}, {"why", exception.what()}});
  }
}

bool MqttBus::is_connected() const {
  return link_->is_connected;
}

std::uint64_t MqttBus::dropped() const {
  return link_->dropped;
}

std::uint64_t MqttBus::too_large() const {
  return link_->too_large;
}

void MqttBus::set_reconnect_window(milliseconds window) {
  link_->window_ms = window.count();
}

void MqttBus::stop() {
  if (!link_->supervisor.joinable()) return;
  link_->supervisor.request_stop();
  link_->supervisor.join();
}

}  // namespace kelpie::wire
