// The agent's loop body: take events, decide, commit, act. The same shape as the hub's; it owns the memory, and
// everything it touches comes in by reference.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "device-agent/core/decide.h"
#include "device-agent/store/state_slots.h"
#include "proto/base/entropy.h"
#include "proto/wire/bus.h"
#include "proto/wire/trust.h"

namespace kelpie::agent {

struct FrameArrived {
  std::string bytes;
};
struct LinkChanged {
  bool is_connected = false;
};
using Incoming = std::variant<FrameArrived, LinkChanged, CallProgressed, CallNoted, CallFinished>;

/// Carries out one call at a time, elsewhere; what it finds comes back as CallProgressed, CallNoted and CallFinished.
class StepRunner {
 public:
  virtual ~StepRunner() = default;
  virtual void start(Call call) = 0;
  /// What this call finds counts no more: it may end early. It still answers.
  virtual void give_up(std::uint64_t call_id) = 0;
};

struct AgentIdentity {
  wire::SigningKey key;
  wire::Trust trust;
};

struct AgentSeams {
  wire::Bus& bus;
  StateStore& store;
  StepRunner& runner;
  Entropy& entropy;
  /// Told of each point between which a crash may fall; see kCrashPoints. May be empty.
  std::function<void(std::string_view point)> on_point;
  Duration look_every = kLookEvery;  // no seam: what the agent was told
};

inline constexpr std::string_view kCrashPoints[] = {"before-commit",      "after-commit", "after-intent",
                                                    "after-note",         "after-done",   "after-run",
                                                    "after-final-commit", "after-publish"};

class Agent {
 public:
  /// Reads the store; a device without one begins its first install, and says so on the card before anything else.
  /// A damaged store leaves the agent alive for reading only. Errors: Unavailable, when the card cannot be read or
  /// the first record not be written.
  [[nodiscard]] static Result<std::unique_ptr<Agent>> open(AgentIdentity identity, AgentSeams seams, SteadyTime now);

  void step(std::span<const Incoming> incoming, WallTime wall, SteadyTime now);
  /// When step is due even without anything incoming.
  [[nodiscard]] SteadyTime next_due() const;

  [[nodiscard]] const Memory& memory() const { return memory_; }
  [[nodiscard]] DeviceId device() const { return wire::device_id_of(identity_.key.public_key()); }

 private:
  Agent(AgentIdentity identity, AgentSeams seams, Memory memory);
  void take(Memory& memory, const Incoming& incoming, WallTime wall) const;
  [[nodiscard]] bool commit(const Memory& next);
  void act(WallTime wall);
  void reached(std::string_view point) const;

  AgentIdentity identity_;
  AgentSeams seams_;
  Memory memory_;
  std::vector<Incoming> unrecorded_;  // what a worker found while the card took no writes
  SteadyTime retry_at_;
  std::uint64_t given_up_ = 0;  // id of a call
};

}  // namespace kelpie::agent
