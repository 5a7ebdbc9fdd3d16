#include "hub/service.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <thread>

#include <fmt/core.h>

#include "hub/api/server.h"
#include "hub/hub.h"
#include "hub/store/rocks_kv.h"
#include "proto/base/inbox.h"
#include "proto/wire/mqtt_bus.h"
#include "proto/wire/topics.h"

namespace kelpie::hub {
namespace {

constexpr std::size_t kInboxCapacity = 10'000;  // chosen: above this frames are dropped; devices send again
constexpr std::size_t kBatchMax = 512;          // chosen: one commit covers them
constexpr std::size_t kTrustBytesMax = 80U << 10U;
constexpr std::size_t kBusWindow = 900;  // below the broker's max_inflight_messages of 1,000
constexpr std::chrono::milliseconds kIdleMax{1'000};

Result<std::string> read_trust(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Code::NotFound, fmt::format("cannot open trust document \"{}\"", path));
  std::string text(kTrustBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

Result<HubIdentity> load_identity(const std::string& folder) {
  KELPIE_TRY(wire::SigningKey key, wire::SigningKey::load(folder + "/hub.key"));
  KELPIE_TRY(const std::string frame, read_trust(folder + "/trust.klp"));
  KELPIE_TRY(wire::Trust trust, wire::open_first_trust(as_bytes(frame)));
  return HubIdentity{std::move(key), std::move(trust)};
}

Result<void> make_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return fail(Code::Unavailable, fmt::format("cannot make folder \"{}\": {}", path, error.message()));
  if (chmod(path.c_str(), S_IRWXU) != 0) {
    return fail(Code::Unavailable, fmt::format("cannot close folder \"{}\" to others: {}", path, std::strerror(errno)));
  }
  return {};
}

/// systemd's readiness protocol; nothing when nobody asked for it.
void tell_manager(std::string_view state) {
  const char* const path = std::getenv("NOTIFY_SOCKET");
  sockaddr_un address{};
  if (path == nullptr || std::strlen(path) >= sizeof(address.sun_path)) return;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path, std::strlen(path));
  if (path[0] == '@') address.sun_path[0] = '\0';
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path));
  static_cast<void>(
      sendto(fd, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&address), length));
  close(fd);
}

/// "after-commit:3": this process ends as if the power went, at the third time.
Result<std::function<void(std::string_view)>> crash_points(const std::string& text) {
  if (text.empty()) return std::function<void(std::string_view)>();
  const std::size_t colon = text.find(':');
  int left = 0;
  const char* const end = text.data() + text.size();
  if (colon == std::string::npos || std::from_chars(text.data() + colon + 1, end, left).ptr != end || left < 1) {
    return fail(Code::InvalidArgument, fmt::format("crash-at is \"{}\", expected POINT:N", text));
  }
  return [point = text.substr(0, colon), left](std::string_view reached) mutable {
    if (reached != point || --left > 0) return;
    log::warn("crash point reached", {{"point", point}});
    static_cast<void>(raise(SIGKILL));
  };
}

/// SIGTERM and SIGINT as a closed inbox. Signals are blocked in every thread made after this.
class SignalWatch {
 public:
  explicit SignalWatch(Inbox<Incoming>& inbox) {
    sigemptyset(&set_);
    sigaddset(&set_, SIGTERM);
    sigaddset(&set_, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
    thread_ = std::jthread([this, &inbox](const std::stop_token& stop) {
      constexpr timespec kLook{.tv_sec = 0, .tv_nsec = 200'000'000};  // how long the hub's end may wait for this thread
      while (!stop.stop_requested() && sigtimedwait(&set_, nullptr, &kLook) < 0) continue;
      is_stopping_ = true;
      inbox.close();
    });
  }
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;
  [[nodiscard]] bool is_stopping() const { return is_stopping_; }

 private:
  sigset_t set_{};
  std::atomic<bool> is_stopping_{false};
  std::jthread thread_;
};

Result<void> turn(Hub& hub, Inbox<Incoming>& inbox, const SignalWatch& signals) {
  SystemClock clock;
  while (!signals.is_stopping()) {
    std::chrono::milliseconds wait = kIdleMax;
    if (const auto due = hub.next_due()) wait = std::clamp<std::chrono::milliseconds>(*due - clock.wall(), {}, wait);
    const std::vector<Incoming> batch = inbox.take(kBatchMax, wait);
    KELPIE_TRY(hub.step(batch, clock.wall()));
    tell_manager("WATCHDOG=1");
  }
  return {};
}

wire::MqttOptions bus_options(const Config& config, Entropy& entropy) {
  wire::MqttOptions out;
  out.broker_url = config.broker;
  out.client_id = "kelpie-hub-" + random_bytes<Nonce>(entropy).hex();
  out.filters = {wire::up_filter()};
  out.window = kBusWindow;
  return out;
}

}  // namespace

Result<void> serve(const Config& config) {
  KELPIE_TRY(const auto on_point, crash_points(config.crash_at));
  Inbox<Incoming> inbox(kInboxCapacity);
  const SignalWatch signals(inbox);  // before any other thread: the store's would take the signals otherwise
  KELPIE_TRY(HubIdentity identity, load_identity(config.keys));
  KELPIE_TRY(make_folder(config.data));
  KELPIE_TRY(make_folder(config.data + "/artifacts"));
  KELPIE_TRY(const auto store, RocksKv::open(config.data + "/store"));
  SystemEntropy entropy;
  KELPIE_TRY(const auto server, Server::start({.socket_path = config.socket,
                                               .listen = config.listen,
                                               .token_file = config.token_file,
                                               .artifacts_dir = config.data + "/artifacts",
                                               .store = store.get()},
                                              [&](ApiCall call) { return inbox.push(std::move(call)); }));
  KELPIE_TRY(const auto bus,
             wire::MqttBus::open(bus_options(config, entropy),
                                 {.on_message =
                                      [&](const std::string&, std::string payload) {
                                        static_cast<void>(inbox.push(FrameArrived{std::move(payload)}));
                                      },
                                  .on_link = [&](bool is_up) { inbox.push_always(LinkChanged{is_up}); }},
                                 entropy));
  KELPIE_TRY(const auto hub, Hub::open(std::move(identity), {*store, *bus, *server, entropy, on_point}, config.broker,
                                       SystemClock().wall()));
  log::info("hub started", {{"socket", config.socket},
                            {"tcp", server->address()},
                            {"broker", config.broker},
                            {"devices", std::to_string(hub->state().devices.size())}});
  tell_manager("READY=1");
  Result<void> outcome = turn(*hub, inbox, signals);
  tell_manager("STOPPING=1");
  server->stop();
  bus->stop();
  return outcome;
}

}  // namespace kelpie::hub
