#include "device-agent/service.h"

#include <algorithm>

#include <fmt/core.h>

#include "device-agent/agent.h"
#include "device-agent/init.h"
#include "device-agent/microk8s/carry_out.h"
#include "device-agent/records.h"
#include "device-agent/worker.h"
#include "proto/base/inbox.h"
#include "proto/base/program.h"
#include "proto/wire/broker_url.h"
#include "proto/wire/mqtt_bus.h"
#include "proto/wire/topics.h"

namespace kelpie::agent {
namespace {

constexpr std::size_t kInboxCapacity = 64;    // chosen: 4 MiB of frames at most; above it they are dropped
constexpr std::size_t kBatchMax = 16;         // chosen: a step's commit waits for no flood
constexpr std::chrono::seconds kIdleMax{15};  // a quarter of the unit's WatchdogSec
constexpr std::size_t kBusWindow = 16;        // reports without PUBACK: the newest alone tells the truth

wire::MqttOptions bus_options(const Config& config, const DeviceId& device) {
  wire::MqttOptions out;
  out.broker_url = config.broker;
  out.client_id = device.hex();
  out.filters = {wire::down_topic(device), wire::all_topic()};
  out.window = kBusWindow;
  return out;
}

void turn(Agent& agent, Inbox<Incoming>& inbox, wire::MqttBus& bus, const SignalWatch& signals) {
  SystemClock clock;
  Duration window{};
  while (!signals.is_stopping()) {
    const Duration wait = std::clamp<Duration>(agent.next_due() - clock.steady(), Duration{}, kIdleMax);
    const std::vector<Incoming> batch = inbox.take(kBatchMax, wait);
    agent.step(batch, clock.wall(), clock.steady());
    if (agent.memory().telling.reconnect_window != window) {
      window = agent.memory().telling.reconnect_window;
      bus.set_reconnect_window(window);
    }
    tell_manager("WATCHDOG=1");
  }
}

Result<void> check_broker(const Config& config) {
  if (!config.broker.empty()) {
    KELPIE_TRY(const wire::BrokerUrl broker, wire::parse_broker_url(config.broker));
    return {};
  }
  return fail({.code = Code::FailedPrecondition,
               .message = fmt::format("no broker is named in \"{}\"", config_file(config.state)),
               .reason = {},
               .hint = "--broker URL"});
}

std::string attempt_line(const Ledger& ledger) {
  if (!ledger.attempt) return "none";
  const Attempt& attempt = *ledger.attempt;
  return fmt::format("{} {}@{} {} {}", to_string(attempt.id), attempt.release.name, attempt.release.version,
                     to_string(attempt.state), attempt.failure.reason);
}

std::string state_lines(const Config& config, const wire::Trust& trust) {
  if (access((config.state + "/state.a").c_str(), F_OK) != 0) return "state        none yet\n";
  Result<std::unique_ptr<StateSlots>> slots = StateSlots::open(config.state);
  Result<std::string> blob = slots ? (*slots)->load() : Result<std::string>(fail(slots.error()));
  if (blob && blob->empty()) return "state        none yet\n";
  const Result<Ledger> ledger = blob ? records::from_blob(*blob, trust) : Result<Ledger>(fail(blob.error()));
  if (!ledger) return fmt::format("state        {}\n", ledger.error().message);
  return fmt::format("state        install {}\nattempt      {}\n", ledger->install.hex(), attempt_line(*ledger));
}

}  // namespace

Result<void> serve(const Config& config) {
  KELPIE_TRY(const auto on_point, crash_points(config.crash_at));
  Inbox<Incoming> inbox(kInboxCapacity);
  const SignalWatch signals([&] { inbox.close(); });  // before any other thread
  KELPIE_TRY(Identity identity, load_identity(config.state));
  KELPIE_TRY(check_broker(config));
  KELPIE_TRY(const FolderLock lock, FolderLock::take(config.state));
  KELPIE_TRY(const auto store, StateSlots::open(config.state));
  const DeviceId device = wire::device_id_of(identity.key.public_key());
  SystemEntropy entropy;
  KELPIE_TRY(const auto bus,
             wire::MqttBus::open(bus_options(config, device),
                                 {.on_message =
                                      [&](const std::string&, std::string payload) {
                                        static_cast<void>(inbox.push(FrameArrived{std::move(payload)}));
                                      },
                                  .on_link = [&](bool is_up) { inbox.push_always(LinkChanged{is_up}); }},
                                 entropy));
  Worker worker({.carry_out = carry_out,
                 .paths = config.paths,
                 .snapd_socket = config.snapd_socket,
                 .push = [&](Incoming incoming, Worker::Weight weight) {
                   if (weight == Worker::Weight::Result) return inbox.push_always(std::move(incoming));
                   static_cast<void>(inbox.push(std::move(incoming)));
                 }});
  KELPIE_TRY(const auto agent,
             Agent::open({std::move(identity.key), std::move(identity.trust)},
                         {*bus, *store, worker, entropy, on_point, look_every_of(config)}, SystemClock().steady()));
  log::info("agent started", {{"device", device.hex()}, {"broker", config.broker}});
  tell_manager("READY=1");
  turn(*agent, inbox, *bus, signals);
  tell_manager("STOPPING=1");
  worker.stop();
  bus->stop();
  return {};
}

Result<std::string> describe(const Config& config) {
  KELPIE_TRY(const Identity identity, load_identity(config.state));
  const DeviceId device = wire::device_id_of(identity.key.public_key());
  return fmt::format("device       {}\nfingerprint  {}\nfleet of     {}, trust version {}\nbroker       {}\n{}",
                     device.hex(), fingerprint(device.view()), identity.trust.name, identity.trust.version,
                     config.broker, state_lines(config, identity.trust));
}

}  // namespace kelpie::agent
