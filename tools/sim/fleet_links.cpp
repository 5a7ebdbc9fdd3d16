#include "tools/sim/fleet_links.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <map>

#include <fmt/core.h>
#include <mosquitto.h>

namespace kelpie::sim {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr int kKeepAliveS = 60;
constexpr int kQosAtLeastOnce = 1;
constexpr std::chrono::milliseconds kHousekeeping{500};  // pings and retries; keep-alive is a minute

constexpr std::uint64_t kWatched = 1ULL << 63U;  // an event's data: a descriptor instead of a client's index

enum class LinkState { Off, Down, Connecting, Up };

}  // namespace

struct FleetLinks::Loop {
  struct Client {
    Loop* loop = nullptr;
    std::size_t index = 0;
    mosquitto* handle = nullptr;
    std::vector<std::string> filters;
    LinkState state = LinkState::Down;
    int socket = -1;
    bool is_write_armed = false;
    SteadyClock::time_point connect_at;
  };

  FleetLinksOptions options;
  FleetLinkCallbacks callbacks;
  int epoll = -1;
  std::deque<Client> clients;  // addresses stay: libmosquitto keeps them as user data
  SteadyClock::time_point housekeeping_at;
  std::size_t connected = 0;
  std::map<int, std::function<void()>> watched;

  static void on_connect(mosquitto* handle, void* user, int code) {
    auto* client = static_cast<Client*>(user);
    if (code != 0) return;
    for (const std::string& filter : client->filters) {
      mosquitto_subscribe(handle, nullptr, filter.c_str(), kQosAtLeastOnce);
    }
  }
  // Up means subscribed: a message sent before would be lost.
  static void on_subscribe(mosquitto*, void* user, int, int, const int*) {
    auto* client = static_cast<Client*>(user);
    if (client->state == LinkState::Up) return;
    client->state = LinkState::Up;
    ++client->loop->connected;
    client->loop->callbacks.on_link(client->index, true);
  }
  static void on_message(mosquitto*, void* user, const mosquitto_message* message) {
    auto* client = static_cast<Client*>(user);
    client->loop->callbacks.on_message(client->index, std::string(static_cast<const char*>(message->payload),
                                                                  static_cast<std::size_t>(message->payloadlen)));
  }

  void call_watcher(int descriptor) {
    const auto at = watched.find(descriptor);
    if (at == watched.end()) return;  // unwatched by an earlier event of this poll
    const std::function<void()> on_readable = at->second;
    on_readable();
  }

  void connect(Client& client) {
    client.state = LinkState::Connecting;
    if (mosquitto_connect(client.handle, options.host.c_str(), options.port, kKeepAliveS) != MOSQ_ERR_SUCCESS) {
      lose(client);
      return;
    }
    client.socket = mosquitto_socket(client.handle);
    client.is_write_armed = false;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = client.index;
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, client.socket, &event) != 0) lose(client);
  }

  void lose(Client& client) {
    const bool was_up = client.state == LinkState::Up;
    if (was_up) --connected;
    // A closed socket leaves epoll by itself; libmosquitto closes it in disconnect and on errors.
    client.socket = -1;
    if (client.state != LinkState::Off) client.state = LinkState::Down;
    client.connect_at = SteadyClock::now() + options.retry_after;
    if (was_up) callbacks.on_link(client.index, false);
  }

  void arm_write(Client& client) {
    const bool wants = mosquitto_want_write(client.handle);
    if (client.socket < 0 || wants == client.is_write_armed) return;
    epoll_event event{};
    event.events = wants ? EPOLLIN | EPOLLOUT : EPOLLIN;
    event.data.u64 = client.index;
    epoll_ctl(epoll, EPOLL_CTL_MOD, client.socket, &event);
    client.is_write_armed = wants;
  }

  void serve(Client& client, std::uint32_t events) {
    constexpr int kPacketsAtOnce = 16;
    int rc = MOSQ_ERR_SUCCESS;
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) rc = mosquitto_loop_read(client.handle, kPacketsAtOnce);
    if (rc == MOSQ_ERR_SUCCESS && (events & EPOLLOUT) != 0) rc = mosquitto_loop_write(client.handle, kPacketsAtOnce);
    if (rc != MOSQ_ERR_SUCCESS || mosquitto_socket(client.handle) < 0)
      lose(client);
    else
      arm_write(client);
  }

  void keep_house() {
    const SteadyClock::time_point now = SteadyClock::now();
    std::size_t connects = 0;
    for (Client& client : clients) {
      if (client.state == LinkState::Down && now >= client.connect_at && connects < options.connects_per_poll) {
        ++connects;
        connect(client);
      } else if (client.state == LinkState::Up || client.state == LinkState::Connecting) {
        if (mosquitto_loop_misc(client.handle) != MOSQ_ERR_SUCCESS) lose(client);
      }
    }
    // More wait to connect: come back at once instead of after the full interval.
    housekeeping_at = now + (connects == options.connects_per_poll ? std::chrono::milliseconds(10) : kHousekeeping);
  }
};

Result<std::unique_ptr<FleetLinks>> FleetLinks::open(FleetLinksOptions options, FleetLinkCallbacks callbacks) {
  auto loop = std::make_unique<Loop>();
  loop->options = std::move(options);
  loop->callbacks = std::move(callbacks);
  loop->epoll = epoll_create1(EPOLL_CLOEXEC);
  if (loop->epoll < 0)
    return fail(Code::Unavailable, fmt::format("cannot make an epoll instance: {}", std::strerror(errno)));
  mosquitto_lib_init();
  return std::unique_ptr<FleetLinks>(new FleetLinks(std::move(loop)));
}

FleetLinks::FleetLinks(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}

FleetLinks::~FleetLinks() {
  for (Loop::Client& client : loop_->clients) mosquitto_destroy(client.handle);
  close(loop_->epoll);
  mosquitto_lib_cleanup();
}

std::size_t FleetLinks::add(const std::string& client_id, std::vector<std::string> filters) {
  Loop::Client& client = loop_->clients.emplace_back();
  client.loop = loop_.get();
  client.index = loop_->clients.size() - 1;
  client.filters = std::move(filters);
  client.handle = mosquitto_new(client_id.c_str(), true, &client);
  KELPIE_ASSERT(client.handle != nullptr);
  mosquitto_int_option(client.handle, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
  mosquitto_int_option(client.handle, MOSQ_OPT_TCP_NODELAY, 1);
  mosquitto_connect_callback_set(client.handle, &Loop::on_connect);
  mosquitto_subscribe_callback_set(client.handle, &Loop::on_subscribe);
  mosquitto_message_callback_set(client.handle, &Loop::on_message);
  return client.index;
}

void FleetLinks::set_power(std::size_t index, bool is_on) {
  Loop::Client& client = loop_->clients.at(index);
  if (is_on == (client.state != LinkState::Off)) return;
  if (is_on) {
    client.state = LinkState::Down;
    client.connect_at = SteadyClock::now();
    return;
  }
  if (client.state != LinkState::Down) mosquitto_disconnect(client.handle);
  loop_->lose(client);
  client.state = LinkState::Off;
}

void FleetLinks::publish(std::size_t index, const std::string& topic, ByteView payload) {
  Loop::Client& client = loop_->clients.at(index);
  if (client.state != LinkState::Up || payload.size() > wire::kBusPayloadBytesMax) return;
  mosquitto_publish(client.handle, nullptr, topic.c_str(), static_cast<int>(payload.size()), payload.data(),
                    kQosAtLeastOnce, false);
  loop_->arm_write(client);
}

Result<void> FleetLinks::watch(int descriptor, std::function<void()> on_readable) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kWatched | static_cast<std::uint64_t>(descriptor);
  if (epoll_ctl(loop_->epoll, EPOLL_CTL_ADD, descriptor, &event) != 0) {
    return fail(Code::FailedPrecondition,
                fmt::format("cannot wait for descriptor {}: {}", descriptor, std::strerror(errno)));
  }
  loop_->watched[descriptor] = std::move(on_readable);
  return {};
}

void FleetLinks::unwatch(int descriptor) {
  if (loop_->watched.erase(descriptor) > 0) epoll_ctl(loop_->epoll, EPOLL_CTL_DEL, descriptor, nullptr);
}

void FleetLinks::poll(std::chrono::milliseconds wait_max) {
  const auto until_housekeeping =
      std::chrono::duration_cast<std::chrono::milliseconds>(loop_->housekeeping_at - SteadyClock::now());
  const auto wait = std::max(std::chrono::milliseconds(0), std::min(wait_max, until_housekeeping));
  std::array<epoll_event, 256> events{};
  const int count =
      epoll_wait(loop_->epoll, events.data(), static_cast<int>(events.size()), static_cast<int>(wait.count()));
  for (int i = 0; i < count; ++i) {
    const std::uint64_t who = events[static_cast<std::size_t>(i)].data.u64;
    if ((who & kWatched) != 0) {
      loop_->call_watcher(static_cast<int>(who & ~kWatched));
      continue;
    }
    Loop::Client& client = loop_->clients[who];
    if (client.socket >= 0) loop_->serve(client, events[static_cast<std::size_t>(i)].events);
  }
  if (SteadyClock::now() >= loop_->housekeeping_at) loop_->keep_house();
}

std::size_t FleetLinks::connected() const {
  return loop_->connected;
}

}  // namespace kelpie::sim
