// What one decision works on, and the small things every rule does with it: mark a record, note an event, draw a nonce.
#pragma once

#include <string>
#include <string_view>

#include "hub/core/effects.h"
#include "hub/core/event.h"

namespace kelpie::hub {

struct Turn {
  HubState& state;
  WallTime now;
  Effects& effects;
  std::string actor = "hub";  // who caused it, for the audit log
};

/// Marks a record as changed; must_sync for what grants or ends something.
void touch(Turn& turn, RecordKey key);
void touch_synced(Turn& turn, RecordKey key);

struct AuditNote {
  std::string action;
  std::string object;
  std::string reason;
  std::string plan_hash;
  std::string frame_hash;
};
void audit(Turn& turn, AuditNote note);

struct FeedNote {
  std::string type;
  std::string object;
  std::string reason;
  std::string message;
  std::string rollout;
  std::string device;
};
void feed(Turn& turn, FeedNote note);

/// To the latest that it can be; true when that changed it. Stored then, or each restart would put it off anew.
[[nodiscard]] bool bring_back(WallTime& time, WallTime latest);

/// A keyed hash of a counter: unpredictable outside, a function of state inside. See ARCHITECTURE decision 5.
[[nodiscard]] Nonce draw_nonce(HubState& state);
/// Ids of rollouts and plans sort by when they were made, also when the clock was set back since.
[[nodiscard]] Ulid draw_ulid(Turn& turn);

/// Counts the device where it is now instead of where it was; call after every change to it or its fleet.
void recount(HubState& state, const DeviceId& id);
/// Puts the device into that fleet, or into none when empty, under its present name; and counts it there.
void place_in_fleet(HubState& state, const Device& device, const std::string& fleet);
/// Takes it out of its fleet and its pages; call before its name changes or it goes.
void leave_fleet(HubState& state, const Device& device);
/// Which fleet the device is in now. Errors: FailedPrecondition naming both when two selectors match.
[[nodiscard]] Result<std::string> fleet_for(const HubState& state, const Labels& labels);

/// Replaces when a target is next looked at.
void schedule(HubState& state, Target& target, WallTime at);
void unschedule(HubState& state, const Target& target);

}  // namespace kelpie::hub
