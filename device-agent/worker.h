// The thread on which steps run: one call at a time, what it finds goes into the agent's inbox.
#pragma once

#include <functional>
#include <memory>

#include "device-agent/agent.h"
#include "device-agent/host/host.h"

namespace kelpie::agent {

class Worker final : public StepRunner {
 public:
  /// Carries out one call; see carry_out. Called on the worker's thread.
  using CarryOut = std::function<CallResult(const Call& call, Host& host)>;

  /// Of progress the newest alone counts; a result, and a note, must not be lost.
  enum class Weight { Progress, Result };
  using Push = std::function<void(Incoming incoming, Weight weight)>;

  struct Parts {
    CarryOut carry_out;
    DevicePaths paths;
    std::string snapd_socket;
    Push push;
  };
  explicit Worker(Parts parts);
  ~Worker() override;

  void start(Call call) override;
  void give_up(std::uint64_t call_id) override;
  /// Ends a running call: its command is ended as its deadline would, its waits end at once. Joins.
  void stop();

 private:
  struct Thread;
  std::unique_ptr<Thread> thread_;
};

}  // namespace kelpie::agent
