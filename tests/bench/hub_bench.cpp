// Does anything grow with the fleet that must not? Each thing the hub does per report, per turn and per request, with
// 1,000 and with 100,000 devices, and the ratio of the two, measured in one run.
#include <map>

#include <benchmark/benchmark.h>
#include <fmt/core.h>
#include <kelpie/api/v1/api.pb.h>

#include "hub/core/decide.h"
#include "hub/core/rollout/target.h"
#include "hub/hub.h"
#include "hub/records/records.h"
#include "tests/hub/api/samples.h"

namespace kelpie::hub {
namespace {

constexpr std::int64_t kSmall = 1'000;
constexpr std::int64_t kLarge = 100'000;
constexpr double kRatioMax = 5;  // trees of 100 times as many rows are deeper, and fit no cache
constexpr WallTime kNow{1'800'000'000'000};

DeviceId device_of(std::int64_t number) {
  return *DeviceId::from_bytes(blake2b_128(fmt::format("device {}", number)).view());
}

/// A hub's state with so many devices online and one rollout of them all under way.
struct Grown {
  explicit Grown(std::int64_t size) {
    does(HubStarted{blake2b_256("secret")});
    for (std::int64_t i = 0; i < size; ++i) {
      asks(AddDevice{
          .name = fmt::format("pi-{}", i), .id = device_of(i), .labels = {{"site", fmt::format("s{}", i % 50)}}});
      reports(i, device_of(i));
    }
    roll_out();
  }

  void does(const Event& event) {
    effects = Effects{};
    decide(state, event, kNow, effects);
  }
  template <typename What>
  void asks(What what) {
    ApiWrite write;
    write.actor = {.name = "ana", .request = "r"};
    write.what = std::move(what);
    does(write);
    KELPIE_ASSERT(effects.replies.at(0).object.has_value());
    object = *effects.replies.at(0).object;
  }
  void reports(std::int64_t number, const DeviceId& id) {
    ReportReceived report;
    report.device = id;
    report.incarnation.boot = random_bytes<BootId>(entropy);
    report.sequence = 1;
    report.hello = HelloReport{.key = {}, .agent_version = "1", .trust_version = 1, .schema_max = 1};
    does(report);
    report.hub_nonce = state.devices.at(id).hub_nonce;
    does(report);
    KELPIE_ASSERT(state.devices.at(id).connection == Connection::Online);
    static_cast<void>(number);
  }
  void roll_out() {
    Release release;
    release.digest = blake2b_256("release");
    release.name = "kiosk";
    release.version = "1";
    release.scope = std::string(kDeviceScope);
    release.frame = std::string(2'000, 'f');
    asks(StoreRelease{release});
    Fleet fleet;
    fleet.name = "all";
    fleet.selector = "*";
    fleet.release = "kiosk@1";
    fleet.policy.waves = {WaveSpec{.name = "all", .size = 0, .up_to_bp = kBasisPoints}};
    asks(ApplyFleet{.fleet = fleet, .if_revision = {}});
    asks(MakePlan{.fleet = "all", .selector = {}, .devices = {}, .release = {}, .policy = {}});
    const Plan& plan = state.plans.begin()->second;
    asks(StartRollout{.plan = plan.id,
                      .signed_plan = {.hash = blake2b_256("plan"),
                                      .frame = std::string(200, 'p'),
                                      .scope = plan.scope,
                                      .count = static_cast<std::uint32_t>(plan.leaves.size()),
                                      .audience_root = plan.audience_root,
                                      .policy_hash = plan.policy_hash,
                                      .not_after = kNow + std::chrono::hours(24),
                                      .persons = {"ana"}},
                      .reason = {},
                      .verb = {}});
    rollout = state.rollouts.begin()->first;
  }
  Answer reads(const std::string& method, std::shared_ptr<google::protobuf::Message> input) {
    ApiCall call;
    call.method = method;
    call.input = std::move(input);
    const ApiView view{.state = state, .store = store, .trust = trust, .hub_name = "bench", .broker_url = {}};
    Answer answer = answer_read(call, view, kNow);
    KELPIE_ASSERT(answer.has_value());
    return answer;
  }

  HubState state;
  Effects effects;
  std::string object;
  SeededEntropy entropy{1};
  RolloutId rollout;
  test::MemoryStore store;
  wire::Trust trust = test::sample_trust();
};

Grown& fleet_of(const benchmark::State& bench) {
  static std::map<std::int64_t, std::unique_ptr<Grown>> fleets;  // made once for all benchmarks of this process
  std::unique_ptr<Grown>& fleet = fleets[bench.range(0)];
  if (!fleet) fleet = std::make_unique<Grown>(bench.range(0));
  return *fleet;
}

void heartbeat(benchmark::State& bench) {
  Grown& fleet = fleet_of(bench);
  const DeviceId id = device_of(bench.range(0) / 2);
  ReportReceived report;
  report.device = id;
  report.incarnation = *fleet.state.devices.at(id).incarnation;
  report.sequence = fleet.state.devices.at(id).sequence;
  for (auto _ : bench) {
    ++report.sequence;
    fleet.does(report);
    benchmark::DoNotOptimize(records::to_batch(fleet.state, fleet.effects));
  }
}

void progress_of_an_attempt(benchmark::State& bench) {
  Grown& fleet = fleet_of(bench);
  const DeviceId id = device_of(bench.range(0) / 3);
  const Rollout& rollout = fleet.state.rollouts.at(fleet.rollout);
  const Target& target = rollout.targets.at(id);
  ReportReceived report;
  report.device = id;
  report.incarnation = *fleet.state.devices.at(id).incarnation;
  report.sequence = fleet.state.devices.at(id).sequence;
  report.attempt = ReportedAttempt{};
  report.attempt->id = attempt_of(target);
  report.attempt->hash = attempt_hash_of(rollout, target);
  for (auto _ : bench) {
    report.attempt->step = static_cast<std::uint32_t>(++report.sequence % 5);
    fleet.does(report);
    benchmark::DoNotOptimize(records::to_batch(fleet.state, fleet.effects));
  }
}

void turn_with_nothing_due(benchmark::State& bench) {
  Grown& fleet = fleet_of(bench);
  for (auto _ : bench) fleet.does(Tick{});
}

void summary(benchmark::State& bench) {
  Grown& fleet = fleet_of(bench);
  for (auto _ : bench) benchmark::DoNotOptimize(fleet.reads("GetSummary", std::make_shared<api::v1::Empty>()));
}

void page_of_devices(benchmark::State& bench) {
  Grown& fleet = fleet_of(bench);
  for (auto _ : bench) benchmark::DoNotOptimize(fleet.reads("ListDevices", std::make_shared<api::v1::ListRequest>()));
}

void rollout_status(benchmark::State& bench) {
  Grown& fleet = fleet_of(bench);
  const auto named = std::make_shared<api::v1::Named>();
  named->set_name(fleet.rollout.text());
  for (auto _ : bench) benchmark::DoNotOptimize(fleet.reads("GetRollout", named));
}

void releases(benchmark::State& bench) {
  Grown& fleet = fleet_of(bench);
  for (auto _ : bench) benchmark::DoNotOptimize(fleet.reads("ListReleases", std::make_shared<api::v1::ListRequest>()));
}

/// Keeps what was measured; says it as Markdown.
class Ratios final : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      const std::string name = run.run_name.function_name;
      if (!times_.contains(name)) order_.push_back(name);
      times_[name].push_back(run.GetAdjustedCPUTime());
    }
  }
  /// The number of things that grow.
  int say() const {
    int growing = 0;
    fmt::print("\n| hub, CPU per | {} devices | {} devices | ratio |\n|---|---|---|---|\n", kSmall, kLarge);
    for (const std::string& name : order_) {
      const std::vector<double>& times = times_.at(name);
      if (times.size() != 2) continue;
      const double ratio = times[1] / times[0];
      growing += ratio > kRatioMax ? 1 : 0;
      fmt::print("| {} | {:.1f} µs | {:.1f} µs | {:.1f}{} |\n", name, times[0] / 1e3, times[1] / 1e3, ratio,
                 ratio > kRatioMax ? " **grows**" : "");
    }
    return growing;
  }

 private:
  std::vector<std::string> order_;
  std::map<std::string, std::vector<double>> times_;
};

int measure(int argc, char** argv) {
  const std::pair<const char*, void (*)(benchmark::State&)> all[] = {{"heartbeat", heartbeat},
                                                                     {"progress of an attempt", progress_of_an_attempt},
                                                                     {"turn with nothing due", turn_with_nothing_due},
                                                                     {"kelpie status", summary},
                                                                     {"page of devices", page_of_devices},
                                                                     {"rollout status", rollout_status},
                                                                     {"list of releases", releases}};
  for (const auto& [name, what] : all) benchmark::RegisterBenchmark(name, what)->Arg(kSmall)->Arg(kLarge);
  benchmark::Initialize(&argc, argv);
  Ratios ratios;
  benchmark::RunSpecifiedBenchmarks(&ratios);
  return ratios.say() == 0 ? 0 : 1;
}

}  // namespace
}  // namespace kelpie::hub

int main(int argc, char** argv) {
  return kelpie::hub::measure(argc, argv);
}
