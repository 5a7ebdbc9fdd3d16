#include "hub/service.h"

#include <algorithm>

#include "hub/api/server.h"
#include "hub/hub.h"
#include "hub/onward_time.h"
#include "hub/store/rocks_kv.h"
#include "proto/base/inbox.h"
#include "proto/base/program.h"
#include "proto/wire/mqtt_bus.h"
#include "proto/wire/topics.h"

#include <fmt/core.h>

namespace kelpie::hub {
namespace {

constexpr std::size_t kInboxCapacity = 10'000;  // chosen: above this frames are dropped; devices send again
constexpr std::size_t kBatchMax = 512;          // chosen: one commit covers them
constexpr std::size_t kTrustBytesMax = 80U << 10U;
constexpr std::size_t kBusWindow = 900;  // below the broker's max_inflight_messages of 1,000
constexpr std::chrono::milliseconds kIdleMax{1'000};

Result<HubIdentity> load_identity(const std::string& folder) {
  KELPIE_TRY(wire::SigningKey key, wire::SigningKey::load(folder + "/hub.key"));
  KELPIE_TRY(const std::string frame, read_small_file(folder + "/trust.klp", "trust document", kTrustBytesMax));
  Result<wire::Trust> trust = wire::open_first_trust(as_bytes(frame));
  if (!trust) return fail(with_context(trust.error(), fmt::format("trust document \"{}/trust.klp\"", folder)));
  return HubIdentity{std::move(key), std::move(*trust)};
}

Result<void> turn(Hub& hub, Inbox<Incoming>& inbox, OnwardTime& time, const SignalWatch& signals) {
  while (!signals.is_stopping()) {
    std::chrono::milliseconds wait = kIdleMax;
    if (const auto due = hub.next_due()) wait = std::clamp<std::chrono::milliseconds>(*due - time.now(), {}, wait);
    const std::vector<Incoming> batch = inbox.take(kBatchMax, wait);
    KELPIE_TRY(hub.step(batch, time.now()));
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
  const SignalWatch signals(
      [&] { inbox.close(); });  // before any other thread: the store's would take the signals otherwise
  KELPIE_TRY(HubIdentity identity, load_identity(config.keys));
  KELPIE_TRY(make_private_folder(config.data));
  KELPIE_TRY(make_private_folder(config.data + "/artifacts"));
  KELPIE_TRY(const auto store, RocksKv::open(config.data + "/store"));
  KELPIE_TRY(const auto anchor, HeadAnchor::open(config.data + "/head"));
  KELPIE_TRY(const ArchiveLimits limits, archive_limits_of(config));
  KELPIE_TRY(ArchiveRoom archives, ArchiveRoom::open(config.data + "/archives", limits));
  const Digest secret = archive_secret(identity.key);
  SystemEntropy entropy;
  KELPIE_TRY(const auto server, Server::start({.socket_path = config.socket,
                                               .listen = config.listen,
                                               .token_file = config.token_file,
                                               .artifacts_dir = config.data + "/artifacts",
                                               .archives_listen = config.archives_listen,
                                               .archives_dir = archives.folder(),
                                               .archive_secret = secret,
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
  SystemClock clock;
  OnwardTime time(clock);
  const std::string door = server->archives_address();
  HubSeams seams{*store, *bus, *server, entropy, on_point, anchor.get(), &archives};
  seams.archive_door = {.origin = door.empty() ? "" : "http://" + door, .secret = secret};
  KELPIE_TRY(const auto hub, Hub::open(std::move(identity), seams, config.broker, time.now()));
  log::info("hub started", {{"socket", config.socket},
                            {"tcp", server->address()},
                            {"archives", door},
                            {"broker", config.broker},
                            {"devices", std::to_string(hub->state().devices.size())}});
  tell_manager("READY=1");
  Result<void> outcome = turn(*hub, inbox, time, signals);
  tell_manager("STOPPING=1");
  server->stop();
  bus->stop();
  return outcome;
}

}  // namespace kelpie::hub
