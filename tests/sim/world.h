// A whole installation in one thread and one seed: the real hub and real agents, a broker that may do anything, stores
// that forget, devices that lose power. The next event by (time, sequence) sets the clock; nothing else moves it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <vector>

#include "hub/hub.h"
#include "hub/onward_time.h"
#include "tests/sim/safety.h"
#include "tests/sim/sim_device.h"
#include "tests/sim/stores.h"
#include "tests/sim/storm.h"
#include "tests/sim/trace.h"

namespace kelpie::test {

struct WorldOptions {
  std::uint64_t seed = 1;
  Storm storm;
  bool is_modelled = false;  // devices have the model's MicroK8s and the agent's real steps, not a script
  std::function<void(const std::string& line)> print{};  // empty: no transcript
};

class World {
 public:
  explicit World(WorldOptions options);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // ---- time ----
  void after(Duration in, std::function<void()> what);
  void run_for(Duration time);
  /// False when the time is up, or something was violated.
  [[nodiscard]] bool run_until(const std::function<bool()>& done, Duration time_max);
  [[nodiscard]] SteadyTime now() const { return now_; }
  [[nodiscard]] WallTime wall() const;

  // ---- the hub ----
  /// Asked again until it is answered, by the same idempotency key.
  using Then = std::function<void(const hub::Answer& answer)>;
  template <typename Request>
  void ask(std::string method, Request request, Then then) {
    std::string bytes = request.SerializeAsString();
    send_call(std::move(method), std::make_shared<Request>(std::move(request)), std::move(bytes), std::move(then));
  }
  void crash_hub(Duration away);
  /// Its wall clock is that far off from now on: a step, as of NTP or of a person.
  void set_hub_clock_off(Duration by);
  [[nodiscard]] bool is_hub_up() const { return hub_ != nullptr; }
  /// Of the running hub.
  [[nodiscard]] const hub::HubState& state() const;

  // ---- devices ----
  SimDevice& add_device(const std::string& name);
  [[nodiscard]] SimDevice& device(const std::string& name);
  [[nodiscard]] const std::vector<std::unique_ptr<SimDevice>>& devices() const { return devices_; }
  void power_off(SimDevice& device);
  void power_on(SimDevice& device);
  void cut_link(SimDevice& device);
  void mend_link(SimDevice& device);

  // ---- chance ----
  /// Of devices that are added from now on.
  void set_modelled(bool is_modelled) { is_modelled_ = is_modelled; }
  [[nodiscard]] Dice& dice() { return dice_; }
  [[nodiscard]] Storm& storm() { return storm_; }
  [[nodiscard]] Safety& safety() { return safety_; }
  [[nodiscard]] Trace& trace() { return trace_; }
  [[nodiscard]] const std::string& violation() const { return safety_.violation(); }
  /// The trace and the state of every source of chance.
  [[nodiscard]] std::uint64_t hash() const { return trace_.hash() ^ dice_.state(); }
  void note(std::string_view who, std::string_view what) { trace_.note(now_, who, what); }

  /// Called at each crash point that is passed; true: it crashes there. For scenarios; the storm's own chance beside.
  std::function<bool(std::string_view point)> hub_dies_at;
  std::function<bool(const SimDevice& device, std::string_view point)> agent_dies_at;

 private:
  friend class HubClock;
  friend class HubPort;
  friend class DevicePort;
  struct Moment {
    SteadyTime at;
    std::uint64_t sequence = 0;
    std::shared_ptr<std::function<void()>> what;
    friend bool operator>(const Moment& a, const Moment& b) {
      return std::pair(a.at, a.sequence) > std::pair(b.at, b.sequence);
    }
  };
  struct Asked {
    hub::ApiCall call;
    Then then;
  };

  [[nodiscard]] bool step_time(SteadyTime until);
  void send_call(std::string method, std::shared_ptr<google::protobuf::Message> request, std::string bytes, Then then);
  void repeat_call(std::uint64_t request);
  void take_answer(std::uint64_t request, const hub::Answer& answer);

  void start_hub();
  void turn_hub();
  void plan_hub_turn(SteadyTime at);
  void lose_hub(Duration away);
  void hub_published(const std::string& topic, ByteView payload);
  void to_hub(const SimDevice& from, std::string frame);

  void start_agent(SimDevice& device);
  void turn_agent(SimDevice& device);
  void plan_agent_turn(SimDevice& device, SteadyTime at);
  void lose_agent(SimDevice& device);
  void agent_published(SimDevice& device, ByteView payload);
  void to_device(SimDevice& device, const std::string& frame);
  void start_call(SimDevice& device, agent::Call call);
  void run_script(SimDevice& device, const agent::Call& call);
  void run_model(SimDevice& device, const agent::Call& call);
  void finish_call(SimDevice& device, const agent::Call& call, Duration in, agent::CallResult result);
  void show_progress(SimDevice& device, const agent::Call& call, Duration in, std::string line);

  [[nodiscard]] bool passes(std::string_view point, std::uint32_t permille);
  /// When copies of a frame arrive; none when it is lost.
  [[nodiscard]] std::vector<Duration> delays();
  void remember(SimDevice& device, const std::string& frame);

  Dice dice_;
  Storm storm_;
  Trace trace_;
  Safety safety_;
  SteadyTime now_;
  std::priority_queue<Moment, std::vector<Moment>, std::greater<>> moments_;
  std::uint64_t sequence_ = 0;

  ForgetfulKv store_;
  std::unique_ptr<class HubPort> hub_port_;
  std::unique_ptr<SeededEntropy> hub_entropy_;
  std::unique_ptr<hub::Hub> hub_;
  std::uint64_t hub_life_ = 0;
  Duration hub_clock_off_{};
  std::unique_ptr<Clock> hub_clock_;
  std::optional<hub::OnwardTime> hub_time_;  // of this life
  std::vector<hub::Incoming> hub_inbox_;
  SteadyTime hub_turn_at_;
  std::map<std::uint64_t, Asked> asked_;
  std::uint64_t requests_ = 0;

  std::vector<std::unique_ptr<SimDevice>> devices_;
  std::vector<std::pair<SimDevice*, std::string>> old_frames_;  // for replays; the last few
  bool is_modelled_;
  wire::Trust trust_;
};

}  // namespace kelpie::test
