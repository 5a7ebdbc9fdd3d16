// A whole fleet on one machine: real broker, real hub, kelpie-sim, the reference release in one rollout; what it costs
// each of them; then what operators feel: kelpie status, the command's start, an idle agent.
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/bench/measure.h"
#include "tests/sim/sim_fleet.h"
#include "tests/system/agent_program.h"
#include "tools/sim/open_files.h"

namespace kelpie::bench {
namespace {

using test::eventually;
using test::SimFleet;
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kDevices = 1'000;
constexpr int kRuns = 21;
constexpr std::chrono::minutes kPatience{15};
constexpr const char* kSpeed = "20";  // the model's minutes are not what is measured

double seconds_since(SteadyClock::time_point begun) {
  return std::chrono::duration<double>(SteadyClock::now() - begun).count();
}

struct Process {
  const char* name;
  pid_t pid;
  double before = 0;
};
using Processes = std::array<Process, 3>;

Processes processes_of(SimFleet& fleet) {
  return {{{"broker (mosquitto)", fleet.hub().broker().pid()},
           {"hub", fleet.hub().pid()},
           {"simulator", fleet.sim().child().pid()}}};
}

void print_costs(const Processes& processes, std::size_t devices) {
  for (const Process& process : processes) {
    const double used = cpu_seconds(process.pid) - process.before;
    fmt::print("| {} | {:.1f} | {:.2f} | {:.0f} |\n", process.name, used, used * 1e3 / static_cast<double>(devices),
               static_cast<double>(kib_of(process.pid, "status", "VmHWM")) / 1'024);
  }
}

void print_start(SimFleet& fleet, std::size_t devices) {
  fmt::print("\n| {} devices registered, connected, online | CPU s | ms per device | peak memory MiB |\n", devices);
  fmt::print("|---|---|---|---|\n");
  print_costs(processes_of(fleet), devices);
  const SimFleet::Took& took = fleet.took();
  fmt::print(
      "| wall time: registered in {:.1f} s; connected {:.1f} s, known as online {:.1f} s after the start | | | |\n",
      took.registering.count(), took.connecting.count(), took.online.count());
}

void print_rollout(SimFleet& fleet, std::size_t devices) {
  Processes processes = processes_of(fleet);
  for (Process& process : processes) process.before = cpu_seconds(process.pid);
  const SteadyClock::time_point begun = SteadyClock::now();
  const std::string id = fleet.roll_out({1'000, 10'000});
  EXPECT_TRUE(fleet.reaches(id, "succeeded", kPatience)) << fleet.rollout(id).status().ShortDebugString();
  const double wall = seconds_since(begun);
  fmt::print("\n| {} devices, reference release, two waves | CPU s | ms per device | peak memory MiB |\n", devices);
  fmt::print("|---|---|---|---|\n");
  print_costs(processes, devices);
  fmt::print("| wall time {:.1f} s at simulator speed {} | | | |\n", wall, kSpeed);
}

void print_command(const char* what, const std::vector<std::string>& argv, const char* aim) {
  const Timed timed = median_run(argv, kRuns);
  EXPECT_EQ(timed.code, 0) << what;
  fmt::print("| {} | {:.1f} ms | {:.1f} ms CPU | {} |\n", what, timed.wall_ms, timed.cpu_ms, aim);
}

void print_agent(SimFleet& fleet) {
  test::AgentProgram agent(fleet.hub(), "bench-agent");
  agent.start();
  EXPECT_TRUE(eventually([&] { return agent.is_online(); })) << agent.log();
  fmt::print("| idle agent | {:.1f} MiB anonymous | {:.1f} MiB PSS | ≤ 6 MiB, ≤ 24 MiB |\n",
             static_cast<double>(kib_of(agent.pid(), "smaps_rollup", "Anonymous")) / 1'024,
             static_cast<double>(kib_of(agent.pid(), "smaps_rollup", "Pss")) / 1'024);
}

void measure(std::size_t devices) {
  static_cast<void>(std::setvbuf(stdout, nullptr, _IOLBF, 0));  // a long run shows how far it is, in a file too
  fmt::print("{}", machine_facts());
  SimFleet fleet(devices, {"--speed", kSpeed});
  print_start(fleet, devices);
  print_rollout(fleet, devices);
  const std::string kelpie = KELPIE_BIN_DIR "/kelpie";
  const std::string hub = fleet.hub().socket();
  fmt::print("\n| what | median of {} | | aim |\n|---|---|---|---|\n", kRuns);
  print_command(fmt::format("kelpie status, {} devices", devices).c_str(), {kelpie, "status", "--hub", hub},
                "≤ 200 ms");
  print_command("kelpie device list", {kelpie, "device", "list", "--hub", hub}, "");
  print_command("kelpie version: the start alone", {kelpie, "version"}, "≤ 30 ms");
  print_agent(fleet);
}

}  // namespace
}  // namespace kelpie::bench

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);  // the support of the tests says through it what went wrong
  const std::size_t devices = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : kelpie::bench::kDevices;
  if (devices == 0) {
    fmt::print(stderr, "usage: fleet_bench [DEVICES]\n");
    return 2;
  }
  if (const auto allowed = kelpie::sim::allow_files(devices); !allowed) {  // the broker inherits it
    fmt::print(stderr, "fleet_bench: {}\nhint: {}\n", allowed.error().message, allowed.error().hint);
    return 1;
  }
  kelpie::bench::measure(devices);
  return testing::Test::HasFailure() ? 1 : 0;
}
