// The hub's loop body: take events, decide, commit, act. Owns the state; everything it touches comes in by reference.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "hub/api/archive_room.h"
#include "hub/api/call.h"
#include "hub/core/decide.h"
#include "hub/outbound.h"
#include "hub/store/head_anchor.h"
#include "proto/base/entropy.h"
#include "proto/wire/bus.h"

namespace kelpie::hub {

struct FrameArrived {
  std::string bytes;
};
struct LinkChanged {
  bool is_connected = false;
};
using Incoming = std::variant<FrameArrived, LinkChanged, ApiCall>;

struct HubIdentity {
  wire::SigningKey key;
  wire::Trust trust;
};

struct HubSeams {
  KeyValueStore& store;
  wire::Bus& bus;
  ApiDoor& door;
  Entropy& entropy;
  /// Told of each point between which a crash may fall: before-commit, after-commit, after-publish. May be empty.
  std::function<void(std::string_view point)> on_point;
  HeadAnchor* anchor = nullptr;     // none in simulations
  ArchiveRoom* archives = nullptr;  // what devices bring lies there; none in simulations
  ArchiveDoor archive_door = {};    // where they bring it
};

class Hub {
 public:
  /// Reads the store. Errors: those of records::load, rebuild and HeadAnchor::check; FailedPrecondition when the trust
  /// document does not name the key as a hub's.
  [[nodiscard]] static Result<std::unique_ptr<Hub>> open(HubIdentity identity, HubSeams seams, std::string broker_url,
                                                         WallTime now);

  /// Errors: the commit failed. The hub must end then: its state is ahead of its store.
  [[nodiscard]] Result<void> step(std::span<const Incoming> incoming, WallTime now);
  /// When step is due even without anything incoming.
  [[nodiscard]] std::optional<WallTime> next_due() const { return hub::next_due(state_); }

  [[nodiscard]] const HubState& state() const { return state_; }

 private:
  struct Pending {  // whoever asked waits for the commit
    const ApiCall* call = nullptr;
    std::optional<Error> error;
  };
  struct Turnover {
    Effects effects;
    std::vector<Pending> pending;
    bool must_greet = false;
  };

  Hub(HubIdentity identity, HubSeams seams, std::string broker_url);
  void take(const FrameArrived& frame, Turnover& turnover);
  void take(const LinkChanged& link, Turnover& turnover);
  void take(const ApiCall& call, Turnover& turnover);
  void act(const Turnover& turnover);
  void answer(const Turnover& turnover);
  void reached(std::string_view point) const;

  HubIdentity identity_;
  HubSeams seams_;
  std::string broker_url_;
  Signer signer_;
  HubState state_;
  WallTime now_;
  bool is_connected_ = false;
};

}  // namespace kelpie::hub
