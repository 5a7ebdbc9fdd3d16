// An agent without network, card or MicroK8s: a hub that wants one attempt done answers its reports, a device that
// remembers what was done to it carries out its calls, and the power can go at any point of its loop.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <kelpie/v1/report.pb.h>

#include "device-agent/agent.h"
#include "tests/device-agent/hub_frames.h"
#include "tests/support/memory_state.h"

namespace kelpie::test {

/// What survives a power cut beside the card: the MicroK8s itself, and a log of all that was asked of it.
class PlayedMicrok8s {
 public:
  using Note = std::function<void(std::string note)>;
  /// Nothing: it waits for a change, which goes on without it.
  [[nodiscard]] std::optional<agent::CallResult> carry_out(const agent::Call& call, const Note& note);
  /// A second, for the changes that are under way.
  void turn();
  /// The agent is gone, and with it who waited.
  void forget_calls() { waiting_.clear(); }
  [[nodiscard]] int times(const std::string& name) const;

  std::map<std::string, bool> is_so;  // by kind of step
  std::set<std::string> failing;      // "verify deploy", "change addons"
  std::set<std::string> slow;         // by kind: its run is accepted, noted, and waited for as a change of snapd is
  std::vector<std::string> log;       // what was asked; of a slow run, what was accepted

 private:
  struct Change {
    std::string kind;
    int turns_left = 0;
  };
  [[nodiscard]] std::optional<agent::CallResult> run_slowly(std::uint64_t call, const agent::StepCall& step,
                                                            const Note& note);

  std::map<std::string, Change> changes_;         // by what is noted
  std::map<std::uint64_t, std::string> waiting_;  // the change of a call
};

class AgentWorld {
 public:
  /// What goes through the loop, and through what a call does, when the power goes.
  struct PowerCut {};

  AgentWorld();

  /// A power cut: all that is not on the card or in the MicroK8s is gone.
  void start();
  /// The power goes the n-th time the loop comes to this point; -1: never.
  void cut_at(std::string_view point, int n) { cut_ = {.point = std::string(point), .left = n}; }
  [[nodiscard]] bool was_cut() const { return cut_.left == 0; }
  /// One second: what the hub sent and the MicroK8s found is taken, and answered.
  void turn();
  [[nodiscard]] bool run_until(const std::function<bool()>& done);
  /// The hub knows how its attempt ended.
  [[nodiscard]] bool is_over() const;

  void set_wall(WallTime wall) { wall_ = wall; }
  [[nodiscard]] const agent::Memory& memory() const { return agent_->memory(); }
  void frame(std::string bytes) { incoming_.emplace_back(agent::FrameArrived{std::move(bytes)}); }

  PlayedMicrok8s microk8s;
  /// Instead of the played one; may be cut. What it notes is taken at once.
  std::function<agent::CallResult(const agent::Call& call, const PlayedMicrok8s::Note& note)> carry_out;
  std::function<void(std::string_view point)> on_point;
  PrepareOf wanted;  // what the hub asks for
  std::uint32_t soak_s = 20;
  MemoryState card;
  v1::Report heard;               // newest report
  std::uint64_t reports = 0;      // all of them
  bool is_microk8s_busy = false;  // calls are answered later
  std::vector<std::uint64_t> given_up;
  bool is_hub_deaf = false;       // reports are lost on the way
  bool is_hub_forgetful = false;  // it holds no attempt any more
  int installs = 0;               // distinct install ids so far

 private:
  class Bus final : public wire::Bus {
   public:
    explicit Bus(AgentWorld& world) : world_(world) {}
    void publish(const std::string& topic, ByteView payload) override;

   private:
    AgentWorld& world_;
  };
  class Runner final : public agent::StepRunner {
   public:
    explicit Runner(AgentWorld& world) : world_(world) {}
    void start(agent::Call call) override { world_.calls_.push_back(std::move(call)); }
    void give_up(std::uint64_t call_id) override { world_.given_up.push_back(call_id); }

   private:
    AgentWorld& world_;
  };
  struct Cut {
    std::string point;
    int left = -1;
  };

  void reached(std::string_view point);
  void answer_as_hub();
  void work();
  void take_note(std::uint64_t call, std::string note);

  Cut cut_;
  SteadyTime now_{1'000'000};
  WallTime wall_{1'795'000'000'000};
  SeededEntropy entropy_{11};
  Bus bus_{*this};
  Runner runner_{*this};
  std::unique_ptr<agent::Agent> agent_;
  std::vector<agent::Call> calls_;
  std::deque<agent::Incoming> incoming_;
  std::set<std::string> install_ids_;
};

}  // namespace kelpie::test
