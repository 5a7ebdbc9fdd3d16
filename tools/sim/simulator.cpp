#include "tools/sim/simulator.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <deque>
#include <map>

#include <fmt/core.h>

#include "proto/base/log.h"
#include "proto/wire/topics.h"
#include "tools/sim/alarms.h"
#include "tools/sim/fleet_links.h"
#include "tools/sim/member.h"
#include "tools/sim/open_files.h"

namespace kelpie::sim {
namespace {

constexpr std::size_t kTurnsPerPoll = 64;      // chosen: no connection waits longer than a few of the dearest calls
constexpr std::size_t kOrderBytesMax = 4'096;  // of a line on standard input
constexpr std::chrono::milliseconds kIdleMax{1'000};
constexpr Duration kProgressEvery = std::chrono::seconds(2);
constexpr SteadyTime kModelStart{86'400'000};  // devices have been on for a day: times before the start exist

void say(const std::string& line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

void say_wrong(const Error& error) {
  fmt::print(stderr, "kelpie-sim: {}\n", error.message);
  if (!error.hint.empty()) fmt::print(stderr, "hint: {}\n", error.hint);
}

}  // namespace

struct Simulator::Fleet {
  Fleet(SimulatorOptions wanted, const wire::Trust& given) : options(std::move(wanted)), trust(given) {
    started = clock.steady();
    said.at = started;
  }

  SimulatorOptions options;
  wire::Trust trust;
  World world = usual_world();
  SystemClock clock;
  SystemEntropy entropy;
  SteadyTime started;
  std::unique_ptr<FleetLinks> links;
  MemberSeams seams{.entropy = entropy,
                    .publish = [this](std::size_t index, const std::string& topic,
                                      ByteView payload) { links->publish(index, topic, payload); },
                    .start_call = [this](std::size_t index, const agent::Call& call) { start_call(index, call); }};
  std::deque<Member> members;
  std::size_t powered = 0;

  struct Moment {
    std::size_t index = 0;
    std::uint64_t life = 0;
    agent::Incoming incoming;
  };
  std::multimap<SteadyTime, Moment> moments;  // what calls bring, when
  Alarms due;
  std::deque<std::size_t> waiting;  // for their turn
  std::vector<bool> is_waiting;

  std::string typed;
  bool is_ready = false;
  struct Said {
    SteadyTime at;
    std::size_t connected = 0;
  } said;  // of how many are connected
  bool is_ended = false;

  // ---- time ----
  [[nodiscard]] SteadyTime model_now() {
    const std::int64_t passed = (clock.steady() - started).count();
    return kModelStart + Duration(passed * options.speed);
  }
  void wake(std::size_t index) {
    if (is_waiting[index]) return;
    is_waiting[index] = true;
    waiting.push_back(index);
  }
  void collect_due(SteadyTime now) {
    while (!moments.empty() && moments.begin()->first <= now) {
      Moment moment = std::move(moments.begin()->second);
      moments.erase(moments.begin());
      Member& member = members[moment.index];
      if (!member.is_on() || member.life() != moment.life) continue;
      member.put(std::move(moment.incoming));
      wake(moment.index);
    }
    while (const std::optional<std::size_t> index = due.take(now)) wake(*index);
  }
  void take_turns() {
    for (std::size_t i = 0; i < kTurnsPerPoll && !waiting.empty(); ++i) {
      const std::size_t index = waiting.front();
      waiting.pop_front();
      is_waiting[index] = false;
      if (members[index].is_on()) due.set(index, members[index].turn(clock.wall(), clock.steady()));
    }
  }
  [[nodiscard]] std::chrono::milliseconds until_next(SteadyTime now) const {
    if (!waiting.empty()) return std::chrono::milliseconds(0);
    SteadyTime next = now + kIdleMax;
    if (!moments.empty()) next = std::min(next, moments.begin()->first);
    next = std::min(next, due.next().value_or(next));
    return std::clamp<std::chrono::milliseconds>(next - now, std::chrono::milliseconds(1), kIdleMax);
  }

  void start_call(std::size_t index, const agent::Call& call) {
    Member& member = members[index];
    WorkDone done = carry_out_at_once(call, member.cell(), world, model_now());
    const SteadyTime now = clock.steady();
    const auto later = [&](Duration in, agent::Incoming incoming) {
      moments.emplace(now + in / options.speed,
                      Moment{.index = index, .life = member.life(), .incoming = std::move(incoming)});
    };
    for (auto& [in, line] : done.progress) later(in, agent::CallProgressed{call.id, std::move(line)});
    later(done.took, agent::CallFinished{call.id, std::move(done.result)});
  }

  // ---- devices ----
  Result<void> add_members() {
    is_waiting.resize(options.count);
    for (RosterEntry& entry : make_roster(options.count, options.labels)) {
      const std::size_t index = members.size();
      Member& member = members.emplace_back(index, std::move(entry), options.seed, seams);
      if (!options.channel.empty()) install(member);
      links->add(member.id().hex(), {wire::down_topic(member.id()), wire::all_topic()});
      KELPIE_TRY(switch_on(index));
    }
    for (const SetFault& set : options.faults) KELPIE_TRY(take(set));
    for (const SetPower& power : options.off) KELPIE_TRY(take(power));
    return {};
  }
  void install(Member& member) {
    DeviceState& state = member.cell().state;
    DeviceState running = running_device(world, options.channel, kModelStart);
    running.model = state.model;
    running.architecture = state.architecture;
    running.memory_bytes = state.memory_bytes;
    running.seed = state.seed;
    running.kubernetes.name = state.kubernetes.name;
    state = std::move(running);
  }
  Result<void> switch_on(std::size_t index) {
    KELPIE_TRY(members[index].power_on(trust, clock.steady()));
    ++powered;
    wake(index);
    return {};
  }

  // ---- orders ----
  /// Errors: NotFound when nobody is chosen.
  [[nodiscard]] Result<std::vector<std::size_t>> chosen(const Chosen& whom) const {
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (whom.fits(members[i].entry())) out.push_back(i);
    }
    if (!out.empty()) return out;
    const std::string what =
        whom.name.empty() ? "no device has these labels" : "there is no device \"" + whom.name + "\"";
    return fail({.code = Code::NotFound, .message = what, .reason = {}, .hint = "kelpie-sim list --count N --seed S"});
  }
  Result<void> take(const SetFault& set) {
    KELPIE_TRY(const std::vector<std::size_t> whom, chosen(set.whom));
    for (const std::size_t index : whom) {
      std::vector<Fault>& faults = members[index].cell().state.faults;
      std::erase_if(faults,
                    [&](const Fault& one) { return one.kind == set.fault.kind && one.subject == set.fault.subject; });
      faults.push_back(set.fault);
    }
    say(fmt::format("ok: fault {} on {} devices", to_string(set.fault), whom.size()));
    return {};
  }
  Result<void> take(const ClearFault& clear) {
    KELPIE_TRY(const std::vector<std::size_t> whom, chosen(clear.whom));
    for (const std::size_t index : whom) {
      std::erase_if(members[index].cell().state.faults,
                    [&](const Fault& one) { return clear.kind.empty() || to_string(one.kind) == clear.kind; });
    }
    say(fmt::format("ok: {} cleared on {} devices", clear.kind.empty() ? "every fault" : clear.kind, whom.size()));
    return {};
  }
  Result<void> take(const SetPower& power) {
    KELPIE_TRY(const std::vector<std::size_t> whom, chosen(power.whom));
    for (const std::size_t index : whom) {
      if (power.is_on == members[index].is_on()) continue;
      links->set_power(index, power.is_on);
      if (power.is_on) {
        reboot(members[index].cell().state, model_now());
        KELPIE_TRY(switch_on(index));
      } else {
        members[index].power_off();
        due.clear(index);
        --powered;
      }
    }
    say(fmt::format("ok: power {} for {} devices", power.is_on ? "on" : "off", whom.size()));
    return {};
  }
  Result<void> take(const Quit&) {
    is_ended = true;
    say("ok: quit");
    return {};
  }
  void take_line(const std::string& line) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) return;
    const Result<Order> order = parse_order(line);
    const Result<void> outcome =
        order ? std::visit([this](const auto& what) { return take(what); }, *order) : Result<void>(fail(order.error()));
    if (!outcome) say_wrong(outcome.error());
  }
  void read_orders() {
    std::array<char, kOrderBytesMax> bytes{};
    const ssize_t count = read(STDIN_FILENO, bytes.data(), bytes.size());
    if (count <= 0) return links->unwatch(STDIN_FILENO);  // the fleet lives on without orders
    typed.append(bytes.data(), static_cast<std::size_t>(count));
    for (std::size_t end = typed.find('\n'); end != std::string::npos; end = typed.find('\n')) {
      take_line(typed.substr(0, end));
      typed.erase(0, end + 1);
    }
    if (typed.size() <= kOrderBytesMax) return;
    typed.clear();
    say_wrong({.code = Code::ResourceExhausted, .message = "an order is over 4096 bytes", .reason = {}, .hint = {}});
  }
  void say_how_far() {
    if (is_ready) return;
    const std::size_t connected = links->connected();
    const SteadyTime now = clock.steady();
    is_ready = connected >= powered;
    if (is_ready) return say(fmt::format("ready: {} devices connected", powered));
    if (now - said.at < kProgressEvery) return;
    const bool is_stuck = connected <= said.connected && !links->trouble().empty();
    say(fmt::format("connected: {} of {} devices{}", connected, powered,
                    is_stuck ? "; last trouble: " + links->trouble() : ""));
    said = {.at = now, .connected = connected};
  }
};

Simulator::Simulator(std::unique_ptr<Fleet> fleet) : fleet_(std::move(fleet)) {}
Simulator::~Simulator() = default;

Result<std::unique_ptr<Simulator>> Simulator::open(const SimulatorOptions& options, const wire::Trust& trust) {
  KELPIE_TRY(allow_files(options.count));
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
  auto fleet = std::make_unique<Fleet>(options, trust);
  Fleet* const raw = fleet.get();
  FleetLinksOptions links;
  links.host = options.broker_host;
  links.port = options.broker_port;
  KELPIE_TRY(fleet->links,
             FleetLinks::open(links, {.on_message =
                                          [raw](std::size_t index, std::string payload) {
                                            raw->members[index].put(agent::FrameArrived{std::move(payload)});
                                            raw->wake(index);
                                          },
                                      .on_link =
                                          [raw](std::size_t index, bool is_connected) {
                                            raw->members[index].put(agent::LinkChanged{is_connected});
                                            raw->wake(index);
                                          }}));
  KELPIE_TRY(fleet->add_members());
  return std::unique_ptr<Simulator>(new Simulator(std::move(fleet)));
}

void Simulator::run() {
  Fleet& fleet = *fleet_;
  sigset_t signals{};
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  const int signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
  const Result<void> ends = fleet.links->watch(signal_fd, [&fleet] { fleet.is_ended = true; });
  KELPIE_ASSERT(ends.has_value());
  if (const Result<void> orders = fleet.links->watch(STDIN_FILENO, [&fleet] { fleet.read_orders(); }); !orders)
    log::warn("orders are not read from standard input", {{"why", orders.error().message}});
  while (!fleet.is_ended) {
    fleet.collect_due(fleet.clock.steady());
    fleet.take_turns();
    fleet.links->poll(fleet.until_next(fleet.clock.steady()));
    fleet.say_how_far();
  }
  close(signal_fd);
}

}  // namespace kelpie::sim
