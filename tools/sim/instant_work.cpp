#include "tools/sim/instant_work.h"

#include "device-agent/host/http_put.h"
#include "device-agent/microk8s/carry_out.h"

namespace kelpie::sim {
namespace {

constexpr std::size_t kProgressMax = 200;  // chosen: a call of half an hour, a line every ten seconds

class MovingPause final : public agent::Pause {
 public:
  explicit MovingPause(SteadyTime begun) : now_(begun) {}
  [[nodiscard]] SteadyTime now() override { return now_; }
  [[nodiscard]] WallTime wall() override { return wall_of(now_); }
  [[nodiscard]] bool wait(Duration duration) override {
    now_ = now_ + duration;
    return true;
  }

 private:
  SteadyTime now_;
};

}  // namespace

WorkDone carry_out_at_once(const agent::Call& call, StateCell& cell, const World& world, SteadyTime begun) {
  MovingPause pause(begun);
  SimMicrok8s microk8s(cell, world, pause);
  const agent::DevicePaths paths;
  WorkDone done;
  agent::Host host{.processes = microk8s,
                   .snapd = microk8s,
                   .files = microk8s,
                   .pause = pause,
                   .paths = paths,
                   .progress =
                       [&](std::string line) {
                         if (done.progress.size() < kProgressMax)
                           done.progress.emplace_back(pause.now() - begun, std::move(line));
                       },
                   .upload = agent::put_on_loopback};
  done.result = agent::carry_out(call, host);
  done.took = pause.now() - begun;
  return done;
}

}  // namespace kelpie::sim
