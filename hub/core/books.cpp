// Keeping the books: records to write, audit, feed, nonces, totals, due times.
#include <algorithm>

#include <fmt/core.h>

#include "hub/core/selector.h"
#include "hub/core/turn.h"

namespace kelpie::hub {
namespace {

void append_framed(std::string& out, std::string_view field) {
  append_le32(out, static_cast<std::uint32_t>(field.size()));
  out.append(field);
}

void add(Totals& totals, const HubState::Counted& counted, bool is_added) {
  const std::uint32_t step = is_added ? 1U : ~0U;  // unsigned wrap: minus one
  totals.connection[counted.connection] += step;
  totals.health[counted.health] += step;
  if (counted.update) totals.update[*counted.update] += step;
}

void add_everywhere(HubState& state, const HubState::Counted& counted, bool is_added) {
  add(state.totals, counted, is_added);
  if (!counted.proved.is_zero()) {
    std::uint32_t& number = state.proved[counted.proved];
    number += is_added ? 1U : ~0U;
    if (number == 0) state.proved.erase(counted.proved);
  }
  if (counted.fleet.empty()) return;
  FleetTotals& fleet = state.fleet_totals[counted.fleet];
  fleet.devices += is_added ? 1U : ~0U;
  add(fleet.totals, counted, is_added);
}

// A source of bytes for Ulid::make that is a function of the state.
class StateEntropy final : public Entropy {
 public:
  explicit StateEntropy(HubState& state) : state_(state) {}
  void fill(std::span<std::uint8_t> out) override {
    const Nonce nonce = draw_nonce(state_);
    KELPIE_ASSERT(out.size() <= Nonce::kSize);
    std::copy_n(nonce.view().begin(), out.size(), out.begin());
  }

 private:
  HubState& state_;
};

DueKey due_key(const Target& target) {
  return {.at = target.wake_at,
          .kind = DueKey::Kind::Target,
          .id = fmt::format("{}/{}", target.rollout.text(), target.device.hex())};
}

}  // namespace

void touch(Turn& turn, RecordKey key) {
  turn.effects.changed.insert(std::move(key));
}

void touch_synced(Turn& turn, RecordKey key) {
  touch(turn, std::move(key));
  turn.effects.must_sync = true;
}

void audit(Turn& turn, AuditNote note) {
  AuditEntry entry{.number = turn.state.audit.size(),
                   .time = turn.now,
                   .actor = turn.actor,
                   .action = std::move(note.action),
                   .object = std::move(note.object),
                   .reason = std::move(note.reason),
                   .plan_hash = std::move(note.plan_hash),
                   .frame_hash = std::move(note.frame_hash)};
  turn.state.audit.append(merkle_leaf(as_bytes(audit_leaf_bytes(entry))));
  turn.effects.audit.push_back(std::move(entry));
  turn.effects.must_sync = true;
}

std::string audit_leaf_bytes(const AuditEntry& entry) {
  std::string out;
  append_le64(out, entry.number);
  append_le64(out, static_cast<std::uint64_t>(entry.time.unix_ms));
  for (const std::string* field :
       {&entry.actor, &entry.action, &entry.object, &entry.reason, &entry.plan_hash, &entry.frame_hash}) {
    append_framed(out, *field);
  }
  return out;
}

void feed(Turn& turn, FeedNote note) {
  turn.effects.feed.push_back({.sequence = ++turn.state.feed_sequence,
                               .time = turn.now,
                               .type = std::move(note.type),
                               .object = std::move(note.object),
                               .reason = std::move(note.reason),
                               .message = std::move(note.message),
                               .rollout = std::move(note.rollout),
                               .device = std::move(note.device)});
}

bool bring_back(WallTime& time, WallTime latest) {
  if (time <= latest) return false;
  time = latest;
  return true;
}

Nonce draw_nonce(HubState& state) {
  std::string message = state.nonce_secret.bytes();
  append_le64(message, ++state.nonces_drawn);
  const ShortDigest digest = blake2b_128(message);
  return *Nonce::from_bytes(digest.view());
}

Ulid draw_ulid(Turn& turn) {
  turn.state.newest_id = std::max(turn.now, turn.state.newest_id + std::chrono::milliseconds(1));
  StateEntropy entropy(turn.state);
  return Ulid::make(turn.state.newest_id, entropy);
}

void recount(HubState& state, const DeviceId& id) {
  if (const auto old = state.counted.find(id); old != state.counted.end()) {
    add_everywhere(state, old->second, false);
    state.counted.erase(old);
  }
  const auto at = state.devices.find(id);
  if (at == state.devices.end()) return;
  const Device& device = at->second;
  HubState::Counted counted{.connection = device.connection,
                            .update = std::nullopt,
                            .health = health_of(device),
                            .fleet = {},
                            .proved = present_release(device)};
  if (const auto fleet = state.fleet_of.find(id); fleet != state.fleet_of.end()) {
    counted.fleet = fleet->second;
    const Fleet& in = state.fleets.at(fleet->second);
    if (!in.release_digest.is_zero()) counted.update = update_of(device, in.release_digest, in.policy.drift);
  }
  add_everywhere(state, counted, true);
  state.counted.emplace(id, std::move(counted));
}

void leave_fleet(HubState& state, const Device& device) {
  const auto at = state.fleet_of.find(device.id);
  if (at == state.fleet_of.end()) return;
  const auto page = state.fleet_pages.find(at->second);
  KELPIE_ASSERT(page != state.fleet_pages.end());
  const std::size_t gone = page->second.erase(device.name);
  KELPIE_ASSERT(gone == 1);
  if (page->second.empty()) state.fleet_pages.erase(page);
  state.fleet_of.erase(at);
}

void place_in_fleet(HubState& state, const Device& device, const std::string& fleet) {
  leave_fleet(state, device);
  if (!fleet.empty()) {
    state.fleet_of[device.id] = fleet;
    state.fleet_pages[fleet][device.name] = device.id;
  }
  recount(state, device.id);
}

Result<std::string> fleet_for(const HubState& state, const Labels& labels) {
  std::string found;
  for (const auto& [name, fleet] : state.fleets) {
    const Result<Selector> selector = Selector::parse(fleet.selector);
    KELPIE_ASSERT(selector.has_value());
    if (!selector->matches(labels)) continue;
    if (!found.empty()) {
      return fail(
          {.code = Code::FailedPrecondition,
           .message = fmt::format("the labels fit fleet {} and fleet {}; a device belongs to at most one", found, name),
           .reason = "FLEET_OVERLAP",
           .hint = fmt::format("kelpie fleet show {}", name)});
    }
    found = name;
  }
  return found;
}

void schedule(HubState& state, Target& target, WallTime at) {
  unschedule(state, target);
  target.wake_at = at;
  state.due.insert(due_key(target));
}

void unschedule(HubState& state, const Target& target) {
  state.due.erase(due_key(target));
}

}  // namespace kelpie::hub
