// One command in hand: what it was given, what it printed, how long it may go on.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "device-agent/host/host.h"
#include "tools/sim/microk8s/sim_microk8s.h"

namespace kelpie::sim {

inline constexpr int kKilled = -1;
inline constexpr int kUsage = 2;  // of the scripts in Python

struct Surroundings {
  StateCell& cell;
  const World& world;
  agent::Pause& pause;
  const std::function<void(Stream, std::string_view)>& on_output;
};

class Shell {
 public:
  Shell(const Surroundings& around, const agent::Command& command)
      : around_(around), command_(command), deadline_(around.pause.now() + command.limit) {}

  [[nodiscard]] const std::string& input() const { return command_.input; }
  /// Of a standard input that is a file; empty when it is none.
  [[nodiscard]] std::string input_path() const {
    return command_.input_file == nullptr ? std::string() : command_.input_file->path;
  }
  [[nodiscard]] const World& world() const { return around_.world; }
  [[nodiscard]] StateCell& cell() const { return around_.cell; }
  [[nodiscard]] SteadyTime now() const { return around_.pause.now(); }
  [[nodiscard]] WallTime wall() const { return around_.pause.wall(); }
  void out(std::string_view text) { print(Stream::Out, exit_.out, text); }
  void err(std::string_view text) { print(Stream::Err, exit_.err, text); }

  /// The state as it is by now, to look at or to change.
  template <typename F>
  auto with(F&& look) {
    using Answer = std::invoke_result_t<F, DeviceState&>;
    if constexpr (std::is_void_v<Answer>) {
      around_.cell.change([&](DeviceState& state) {
        settle(state, around_.world, now());
        look(state);
      });
    } else {
      Answer answer{};
      around_.cell.change([&](DeviceState& state) {
        settle(state, around_.world, now());
        answer = look(state);
      });
      return answer;
    }
  }

  /// Time goes by at this device's pace. False: the command was killed meanwhile and must return kKilled.
  [[nodiscard]] bool spend(Duration usual);
  /// Until it is killed.
  [[nodiscard]] int hang();

  [[nodiscard]] agent::Exit exit(int code);

 private:
  void print(Stream stream, std::string& into, std::string_view text);
  bool wait(Duration duration);

  const Surroundings& around_;
  const agent::Command& command_;
  SteadyTime deadline_;
  bool is_killed_ = false;
  agent::Exit exit_;
};

// What several commands say. Source: facts, microk8s 2.0, 2.1, 10.
inline constexpr std::string_view kStoppedText = "microk8s is not running, try microk8s start\n";
inline constexpr std::string_view kWorkerText =
    "This MicroK8s deployment is acting as a node in a cluster.\nPlease use the control plane node.\n";
inline constexpr std::string_view kLowMemoryText =
    "\nThis node does not have enough RAM to host the Kubernetes control plane services\n"
    "and join the database quorum. You may consider joining this node as a worker to a\ncluster.\n\n"
    "If you would still like to start the control plane services, start MicroK8s with:\n\n"
    "    microk8s start --disable-low-memory-guard\n\n";

inline constexpr std::string_view kApiRefusedText =
    "The connection to the server 127.0.0.1:16443 was refused - did you specify the right host or port?\n";
inline constexpr std::string_view kApiDiscoveryText =
    "E1125 00:42:00.000000   12345 memcache.go:265] \"Unhandled Error\" err=\"couldn't get current server API group "
    "list: Get \\\"https://127.0.0.1:16443/api?timeout=32s\\\": dial tcp 127.0.0.1:16443: connect: connection "
    "refused\"\n";

using Words = std::span<const std::string>;

/// Each: the words after the program's name, the exit code as answer.
[[nodiscard]] int run_microk8s(Shell& shell, Words words);
[[nodiscard]] int run_status(Shell& shell, Words words);
enum class AddonVerb { Enable, Disable };
[[nodiscard]] int run_addon(Shell& shell, Words words, AddonVerb verb);
[[nodiscard]] int run_addons_listing(Shell& shell, Words words);
[[nodiscard]] int run_ctr(Shell& shell, Words words);
[[nodiscard]] int run_images(Shell& shell, Words words);
[[nodiscard]] int run_kubectl(Shell& shell, Words words);
[[nodiscard]] int run_refresh_certs(Shell& shell, Words words);
[[nodiscard]] int run_dbctl(Shell& shell, Words words);
[[nodiscard]] int run_snap(Shell& shell, Words words);

}  // namespace kelpie::sim
