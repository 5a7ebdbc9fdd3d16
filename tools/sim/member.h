// One device of a simulated fleet: its agent, its card, its MicroK8s. Both survive its power; the process forgets them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "device-agent/agent.h"
#include "tools/sim/instant_work.h"
#include "tools/sim/roster.h"

namespace kelpie::sim {

/// A card that is as good as memory.
class MemoryCard final : public agent::StateStore {
 public:
  [[nodiscard]] Result<std::string> load() override { return blob_; }
  [[nodiscard]] Result<void> commit(std::string_view blob) override {
    blob_ = blob;
    return {};
  }

 private:
  std::string blob_;
};

/// What a member needs of its fleet.
struct MemberSeams {
  Entropy& entropy;
  std::function<void(std::size_t index, const std::string& topic, ByteView payload)> publish;
  std::function<void(std::size_t index, const agent::Call& call)> start_call;
};

class Member final : public wire::Bus, public agent::StepRunner {
 public:
  Member(std::size_t index, RosterEntry entry, std::uint64_t seed, MemberSeams& seams);

  void publish(const std::string& topic, ByteView payload) override { seams_.publish(index_, topic, payload); }
  void start(agent::Call call) override { seams_.start_call(index_, call); }
  void give_up(std::uint64_t) override {}  // modelled work takes its time

  /// The agent starts from its card. Errors: those of Agent::open.
  [[nodiscard]] Result<void> power_on(const wire::Trust& trust, SteadyTime now);
  void power_off();
  [[nodiscard]] bool is_on() const { return agent_ != nullptr; }
  /// Dropped without power, and above a limit: the level-triggered hub says it again.
  void put(agent::Incoming incoming);
  /// One step with all that came in; when the next one is due.
  [[nodiscard]] SteadyTime turn(WallTime wall, SteadyTime now);

  [[nodiscard]] const RosterEntry& entry() const { return entry_; }
  [[nodiscard]] const DeviceId& id() const { return id_; }
  [[nodiscard]] std::uint64_t life() const { return life_; }
  [[nodiscard]] MemoryCell& cell() { return cell_; }

 private:
  std::size_t index_;
  RosterEntry entry_;
  std::uint64_t seed_;
  MemberSeams& seams_;
  DeviceId id_;
  MemoryCard card_;
  MemoryCell cell_;
  std::unique_ptr<agent::Agent> agent_;
  std::vector<agent::Incoming> inbox_;
  std::uint64_t life_ = 0;  // counts switching on and off: what belongs to an older one is dropped
};

}  // namespace kelpie::sim
