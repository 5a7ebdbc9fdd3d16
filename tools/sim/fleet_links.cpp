#include "tools/sim/fleet_links.h"

#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <map>

#include <fmt/core.h>
#include <mosquitto.h>

#include "tools/sim/alarms.h"

namespace kelpie::sim {
namespace {

constexpr int kKeepAliveS = 60;
constexpr int kQosAtLeastOnce = 1;
constexpr Duration kUpkeepEvery = std::chrono::seconds(15);  // pings; the broker waits for one and a half keep-alives

constexpr std::uint64_t kWatched = 1ULL << 63U;  // an event's data: a descriptor instead of a client's index

enum class LinkState { Off, Down, Queued, Connecting, Up };

// libmosquitto opens a pair of sockets for each client, to wake a thread of its own loop. Here is no such thread: the
// pair would cost two descriptors a device and, never read, a system call and memory of the kernel a packet. Where no
// descriptor is to be had it does without.
mosquitto* new_without_pair(const std::string& client_id, void* user) {
  rlimit usual{};
  getrlimit(RLIMIT_NOFILE, &usual);
  const rlimit none{.rlim_cur = 0, .rlim_max = usual.rlim_max};
  setrlimit(RLIMIT_NOFILE, &none);
  mosquitto* const handle = mosquitto_new(client_id.c_str(), true, user);
  setrlimit(RLIMIT_NOFILE, &usual);
  return handle;
}

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
  };

  FleetLinksOptions options;
  FleetLinkCallbacks callbacks;
  int epoll = -1;
  std::deque<Client> clients;  // addresses stay: libmosquitto keeps them as user data
  SystemClock clock;
  Alarms alarms;                   // to connect for who is down, for upkeep of the rest
  std::deque<std::size_t> queued;  // to connect, as soon as fewer do
  std::size_t connecting = 0;
  std::size_t connected = 0;
  std::string trouble;
  std::uint64_t looks = 0;
  std::map<int, std::function<void()>> watched;

  static void on_connect(mosquitto* handle, void* user, int code) {
    auto* client = static_cast<Client*>(user);
    if (code != 0) {
      client->loop->trouble = mosquitto_reason_string(code);
      return;
    }
    std::vector<char*> filters;  // the library's interface lacks the const
    for (std::string& filter : client->filters) filters.push_back(filter.data());
    mosquitto_subscribe_multiple(handle, nullptr, static_cast<int>(filters.size()), filters.data(), kQosAtLeastOnce, 0,
                                 nullptr);
  }
  // Up means subscribed: a message sent before would be lost.
  static void on_subscribe(mosquitto*, void* user, int, int, const int*) {
    auto* client = static_cast<Client*>(user);
    if (client->state != LinkState::Connecting) return;
    client->loop->enter(*client, LinkState::Up);
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

  /// The only place where a client's state changes: the counts follow.
  void enter(Client& client, LinkState next) {
    const auto count = [this](LinkState state) -> std::size_t* {
      if (state == LinkState::Connecting) return &connecting;
      return state == LinkState::Up ? &connected : nullptr;
    };
    if (std::size_t* const left = count(client.state)) --*left;
    if (std::size_t* const entered = count(next)) ++*entered;
    client.state = next;
  }

  void connect(Client& client) {
    ++looks;
    enter(client, LinkState::Connecting);
    const int rc = mosquitto_connect(client.handle, options.host.c_str(), options.port, kKeepAliveS);
    if (rc != MOSQ_ERR_SUCCESS) return lose(client, rc);
    client.socket = mosquitto_socket(client.handle);
    client.is_write_armed = false;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = client.index;
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, client.socket, &event) != 0) return lose(client, MOSQ_ERR_ERRNO);
    alarms.set(client.index, clock.steady() + kUpkeepEvery);
  }

  void lose(Client& client, int rc) {
    trouble = rc == MOSQ_ERR_ERRNO ? std::strerror(errno) : mosquitto_strerror(rc);
    leave(client, LinkState::Down);
    alarms.set(client.index, clock.steady() + options.retry_after);
  }

  void leave(Client& client, LinkState next) {
    const bool was_up = client.state == LinkState::Up;
    client.socket = -1;  // a closed socket leaves epoll by itself; libmosquitto closes it in disconnect and on errors
    enter(client, next);
    alarms.clear(client.index);
    if (was_up) callbacks.on_link(client.index, false);
  }

  void queue(Client& client) {
    enter(client, LinkState::Queued);
    queued.push_back(client.index);
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
    ++looks;
    int rc = MOSQ_ERR_SUCCESS;
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) rc = mosquitto_loop_read(client.handle, kPacketsAtOnce);
    if (rc == MOSQ_ERR_SUCCESS && (events & EPOLLOUT) != 0) rc = mosquitto_loop_write(client.handle, kPacketsAtOnce);
    if (rc == MOSQ_ERR_SUCCESS && mosquitto_socket(client.handle) < 0) rc = MOSQ_ERR_CONN_LOST;
    if (rc == MOSQ_ERR_SUCCESS)
      arm_write(client);
    else
      lose(client, rc);
  }

  void ring(Client& client) {
    ++looks;
    if (client.state == LinkState::Down) return queue(client);
    if (const int rc = mosquitto_loop_misc(client.handle); rc != MOSQ_ERR_SUCCESS) return lose(client, rc);
    arm_write(client);
    alarms.set(client.index, clock.steady() + kUpkeepEvery);
  }

  void keep_house() {
    const SteadyTime now = clock.steady();
    while (const std::optional<std::size_t> due = alarms.take(now)) ring(clients[*due]);
    for (std::size_t tried = 0; can_connect() && tried < options.connecting_max; ++tried) {
      Client& client = clients[queued.front()];
      queued.pop_front();
      if (client.state == LinkState::Queued) connect(client);  // not switched off meanwhile
    }
  }

  [[nodiscard]] bool can_connect() const { return !queued.empty() && connecting < options.connecting_max; }
  [[nodiscard]] Duration until_due(Duration wait_max) {
    if (can_connect()) return Duration(0);
    const std::optional<SteadyTime> next = alarms.next();
    return next ? std::clamp(*next - clock.steady(), Duration(0), wait_max) : wait_max;
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
  client.handle = new_without_pair(client_id, &client);
  KELPIE_ASSERT(client.handle != nullptr);
  mosquitto_int_option(client.handle, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
  mosquitto_int_option(client.handle, MOSQ_OPT_TCP_NODELAY, 1);
  mosquitto_connect_callback_set(client.handle, &Loop::on_connect);
  mosquitto_subscribe_callback_set(client.handle, &Loop::on_subscribe);
  mosquitto_message_callback_set(client.handle, &Loop::on_message);
  loop_->queue(client);
  return client.index;
}

void FleetLinks::set_power(std::size_t index, bool is_on) {
  Loop::Client& client = loop_->clients.at(index);
  if (is_on == (client.state != LinkState::Off)) return;
  if (is_on) return loop_->queue(client);
  if (client.socket >= 0) mosquitto_disconnect(client.handle);
  loop_->leave(client, LinkState::Off);
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
  std::array<epoll_event, 256> events{};
  const int count = epoll_wait(loop_->epoll, events.data(), static_cast<int>(events.size()),
                               static_cast<int>(loop_->until_due(wait_max).count()));
  for (int i = 0; i < count; ++i) {
    const std::uint64_t who = events[static_cast<std::size_t>(i)].data.u64;
    if ((who & kWatched) != 0) {
      loop_->call_watcher(static_cast<int>(who & ~kWatched));
      continue;
    }
    Loop::Client& client = loop_->clients[who];
    if (client.socket >= 0) loop_->serve(client, events[static_cast<std::size_t>(i)].events);
  }
  loop_->keep_house();
}

std::size_t FleetLinks::connected() const {
  return loop_->connected;
}

const std::string& FleetLinks::trouble() const {
  return loop_->trouble;
}

std::uint64_t FleetLinks::looks() const {
  return loop_->looks;
}

}  // namespace kelpie::sim
