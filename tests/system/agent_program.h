// A real kelpie-agent with a state folder of its own, registered on a real hub.
#pragma once

#include <csignal>
#include <string>
#include <vector>

#include "tests/support/child.h"
#include "tests/support/temp_dir.h"
#include "tests/system/hub_program.h"

namespace kelpie::test {

Finished run_agent(std::vector<std::string> arguments);

class AgentProgram {
 public:
  /// Runs `kelpie-agent init`.
  AgentProgram(HubProgram& hub, const std::string& name);

  /// The first time it registers the device on the hub, which runs by then. crash_at: "after-intent:2"; empty: none.
  void start(const std::string& crash_at = {});
  void kill() { agent_.kill_now(); }
  /// SIGSTOP and SIGCONT.
  void freeze() const { agent_.signal(SIGSTOP); }
  void thaw() const { agent_.signal(SIGCONT); }
  /// SIGTERM; its exit code, or -1 when it does not end.
  int terminate();
  [[nodiscard]] bool is_running() { return agent_.is_running(); }
  [[nodiscard]] pid_t pid() const { return agent_.pid(); }
  [[nodiscard]] std::string log() const { return agent_.err(); }
  [[nodiscard]] const DeviceId& id() const { return id_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::string state() const { return dir_ / "state"; }
  /// The hub hears it.
  [[nodiscard]] bool is_online();

  std::vector<std::string> flags;  // of every later start

 private:
  void add_to_hub();

  HubProgram& hub_;
  std::string name_;
  TempDir dir_;
  DeviceId id_;
  bool is_registered_ = false;
  Child agent_;
};

}  // namespace kelpie::test
