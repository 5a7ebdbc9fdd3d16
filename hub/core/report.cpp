#include "hub/core/report.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "hub/core/query.h"
#include "hub/core/repair.h"
#include "hub/core/rollout/target.h"
#include "hub/core/rollout/wave.h"
#include "proto/base/reached.h"

namespace kelpie::hub {
namespace {

constexpr std::uint32_t kHeartbeatsUntilOffline = 3;  // R7
constexpr std::ptrdiff_t kLinesToldMax = 8;           // chosen: in one event; all are in device show

std::ptrdiff_t shown(const std::vector<std::string>& lines) {
  return std::min(kLinesToldMax, std::ssize(lines));
}

WallTime offline_at(const Device& device) {
  return device.last_seen + std::chrono::seconds(device.heartbeat_s * kHeartbeatsUntilOffline);
}

void ask(Turn& turn, Device& device) {
  if (device.hub_nonce.is_zero()) device.hub_nonce = draw_nonce(turn.state);
  turn.effects.messages.emplace_back(SendRead{device.id, device.hub_nonce});
}

// What the device should hold now, as both sides can compute it: attempt id ‖ state u32 ‖ trust version u32.
Digest holds_digest(const Turn& turn, const Device& device) {
  std::string out;
  std::uint32_t state = 0;
  if (device.rollout) {
    const Target& target = turn.state.rollouts.at(*device.rollout).targets.at(device.id);
    out = to_string(target.reported.id);
    state = static_cast<std::uint32_t>(target.reported.state) + 1;
  }
  append_le32(out, state);
  append_le32(out, turn.state.trust_version);
  return blake2b_256(out);
}

// The first of each kind is an event; the rest is a number in the metrics, so that a flood writes nothing.
void refuse(Turn& turn, const Device& device, const std::string& code, std::string why) {
  if (++turn.state.refusals[code] > 1) return;
  feed(turn, {.type = "report.refused",
              .object = "device/" + device.name,
              .reason = code,
              .message = std::move(why),
              .rollout = {},
              .device = device.name});
}

// Each report says all of its boot.
void take_refusals(Turn& turn, Device& device, const Refusals& said) {
  for (const auto& [code, count] : said) {
    const auto known = device.refusals.find(code);
    const std::uint64_t before = known == device.refusals.end() ? 0 : known->second;
    if (count > before) turn.state.device_refusals[code] += count - before;
    if (before != 0) continue;
    feed(turn, {.type = "device.refused",
                .object = "device/" + device.name,
                .reason = code,
                .message = fmt::format("it refused a frame; kelpie device show {} counts them", device.name),
                .rollout = {},
                .device = device.name});
  }
  device.refusals = said;
}

void acknowledge(Turn& turn, const Device& device, const ReportReceived& report) {
  turn.effects.messages.emplace_back(SendBeacon{.device = device.id,
                                                .heartbeat_nonce = report.heartbeat_nonce,
                                                .incarnation = device.incarnation.value_or(Incarnation{}),
                                                .sequence = device.sequence,
                                                .holds_digest = holds_digest(turn, device),
                                                .hub_nonce = {}});
}

void set_online(Turn& turn, Device& device) {
  device.last_seen = turn.now;
  if (device.connection == Connection::Online) return;
  device.connection = Connection::Online;
  turn.state.due.insert({offline_at(device), DueKey::Kind::Device, device.id.hex()});
  recount(turn.state, device.id);
  feed(turn, {.type = "device.online",
              .object = "device/" + device.name,
              .reason = {},
              .message = {},
              .rollout = {},
              .device = device.name});
}

Target* target_of(HubState& state, const AttemptId& id) {
  const auto rollout = state.rollouts.find(id.rollout);
  if (rollout == state.rollouts.end()) return nullptr;
  const auto target = rollout->second.targets.find(id.device);
  return target == rollout->second.targets.end() ? nullptr : &target->second;
}

void take_attempt(Turn& turn, Device& device, const ReportReceived& report, bool is_new_install) {
  // The target that is active here and that the device does not speak of.
  if (device.rollout) {
    Rollout& rollout = turn.state.rollouts.at(*device.rollout);
    Target& active = rollout.targets.at(device.id);
    if (is_new_install || !report.attempt || report.attempt->id != attempt_of(active))
      take_silence(turn, rollout, active, is_new_install);
  }
  // Whatever a new install holds it was given before the hub knew that the old one's attempts are void: asked anew.
  if (is_new_install) return;
  if (!report.attempt) return;
  Target* const target = target_of(turn.state, report.attempt->id);
  if (target == nullptr || report.attempt->id.n != target->attempt) return;
  Rollout& rollout = turn.state.rollouts.at(target->rollout);
  if (report.attempt->hash != attempt_hash_of(rollout, *target)) {
    KELPIE_REACHED("report.other-hash");
    return;
  }
  const bool is_open = target->state == TargetState::Preparing || target->state == TargetState::Unknown;
  if (target->reported == *report.attempt && !is_open) return;
  take_report(turn, rollout, *target, *report.attempt);
}

// A release on its way in takes away what the one before wanted; its own end says what is there.
bool is_being_replaced(const Turn& turn, const Device& device) {
  return device.is_updating && device.rollout && turn.state.rollouts.at(*device.rollout).scope == kDeviceScope;
}

/// "by" of what moves while a command runs, or ends with this report: it did it, or somebody who is no easier to find.
std::string command_words(const Rollout& rollout) {
  return fmt::format("command {}: {}, {}", rollout.id.text(), rollout.verb, rollout.started_by);
}

void tell_moves(Turn& turn, const Device& device, const Drift& before) {
  std::vector<std::string> began;
  std::vector<std::string> ended;
  for (const auto& [field, moved] : device.drift.moved) {
    const auto known = before.moved.find(field);
    if (known == before.moved.end() || known->second.found != moved.found) began.push_back(line_of(field, moved));
  }
  for (const auto& [field, moved] : before.moved) {
    if (!device.drift.moved.contains(field)) ended.push_back(fmt::format("no longer: {}", line_of(field, moved)));
  }
  const auto tell = [&](const char* type, const std::vector<std::string>& lines) {
    if (lines.empty()) return;
    feed(turn, {.type = type,
                .object = "device/" + device.name,
                .reason = release_name(turn.state, device.proved_release),
                .message = fmt::format("{}", fmt::join(lines.begin(), lines.begin() + shown(lines), "; ")),
                .rollout = {},
                .device = device.name});
  };
  tell("device.drifted", began);
  tell("device.settled", ended);
}

void take_sight(Turn& turn, Device& device, const Sight& sight, std::string command) {
  const auto release = turn.state.releases.find(device.proved_release);
  if (release == turn.state.releases.end() || is_being_replaced(turn, device)) return;
  Drift before = device.drift;
  device.drift = drift_after(before, release->second.wants, sight,
                             {.release = device.proved_release, .now = turn.now, .command = std::move(command)});
  if (before != device.drift) {
    recount(turn.state, device.id);
    tell_moves(turn, device, before);
  }
  consider_repair(turn, device);
}

void tell_warnings(Turn& turn, const Device& device, const Warnings& before) {
  const auto tell = [&](const char* type, const std::string& kind, const std::string& message) {
    feed(turn, {.type = type,
                .object = "device/" + device.name,
                .reason = kind,
                .message = message,
                .rollout = {},
                .device = device.name});
  };
  for (const auto& [kind, text] : device.warnings) {
    if (!before.contains(kind)) tell("device.warned", kind, text);
  }
  for (const auto& [kind, text] : before) {
    if (!device.warnings.contains(kind)) tell("device.recovered", kind, "no longer: " + text);
  }
}

void take_facts(Turn& turn, Device& device, const ReportReceived& report) {
  if (device.facts && !device.facts->address.empty() && !report.facts->address.empty() &&
      device.facts->address != report.facts->address) {
    feed(turn, {.type = "device.address",
                .object = "device/" + device.name,
                .reason = report.facts->address,
                .message = fmt::format("its address was {}; MicroK8s makes new certificates and all containers anew "
                                       "when it changes",
                                       device.facts->address),
                .rollout = {},
                .device = device.name});
  }
  device.facts = report.facts;
  turn.effects.facts.emplace_back(device.id, report.facts_bytes);
  const Warnings before = std::exchange(device.warnings, warnings_of(report.readings, turn.now));
  tell_warnings(turn, device, before);
}

/// The command whose GO the device has: what it takes away with it is its doing.
std::string command_under_way(const Turn& turn, const Device& device) {
  if (!device.rollout || !device.is_updating) return {};
  const Rollout& rollout = turn.state.rollouts.at(*device.rollout);
  return rollout.scope == kAdhocScope && !rollout.verb.empty() ? command_words(rollout) : std::string();
}

// What is owed to a device is sent as soon as it is heard again, or says hello because either side is back, and not at
// the next timer.
void serve(Turn& turn, Device& device) {
  if (!device.rollout) return;
  Rollout& rollout = turn.state.rollouts.at(*device.rollout);
  move_on(turn, rollout, rollout.targets.at(device.id));
}

void take_newer(Turn& turn, Device& device, const ReportReceived& report, bool is_new_install, bool was_away) {
  set_online(turn, device);
  device.sequence = report.sequence;
  device.health_note = report.health_note;
  take_refusals(turn, device, report.refusals);
  if (report.hello) {
    device.agent_version = report.hello->agent_version;
    device.schema_max = report.hello->schema_max;
  }
  if (report.facts) take_facts(turn, device, report);
  if (is_new_install) {
    device.proved_release = {};
    device.drift = {};
  }
  touch(turn, DeviceKey{device.id});
  recount(turn.state, device.id);
  std::string command = command_under_way(turn, device);
  take_attempt(turn, device, report, is_new_install);
  // After the attempt: facts of the report that tells of a success were taken after it.
  if (report.sight) take_sight(turn, device, *report.sight, std::move(command));
  if (was_away || report.hello) serve(turn, device);
}

// Targets that wait for the device to come online, in rollouts whose wave is open.
void wake_waiting(Turn& turn, const Device& device) {
  for (auto& [id, rollout] : turn.state.rollouts) {  // the oldest first: generations rise
    if (rollout.phase != RolloutPhase::Running) continue;
    const auto target = rollout.targets.find(device.id);
    if (target == rollout.targets.end()) continue;
    const bool is_waiting =
        target->second.state == TargetState::Deferred ||
        (target->second.state == TargetState::Waiting && target->second.reason == WaitReason::Offline);
    if (!is_waiting) continue;
    move_on(turn, rollout, target->second);
    evaluate(turn, rollout);
  }
}

}  // namespace

void take_device_report(Turn& turn, const ReportReceived& report) {
  const auto at = turn.state.devices.find(report.device);
  if (at == turn.state.devices.end()) return;
  Device& device = at->second;
  const bool was_away = device.connection != Connection::Online;
  if (report.hello && !device.key) {
    device.key = report.hello->key;
    touch_synced(turn, DeviceKey{device.id});
    audit(turn, {.action = "device.key",
                 .object = "device/" + device.name,
                 .reason = "first hello",
                 .plan_hash = {},
                 .frame_hash = report.frame_hash.hex()});
  }
  // Only a newer report says that the device lives: whoever carries reports may say an old one again.
  const bool is_same = device.incarnation && *device.incarnation == report.incarnation;
  if (is_same && report.sequence <= device.sequence) {
    KELPIE_REACHED("report.repeated");
    refuse(turn, device, "E_SEQUENCE", fmt::format("report {} of this boot is known", report.sequence));
    acknowledge(turn, device, report);  // the last acknowledgement was lost
  } else if (is_same) {
    if (!report.hub_nonce.is_zero() && report.hub_nonce == device.hub_nonce) device.hub_nonce = {};
    take_newer(turn, device, report, false, was_away);
    acknowledge(turn, device, report);
  } else if (!device.hub_nonce.is_zero() && report.hub_nonce == device.hub_nonce) {
    const bool is_new_install = device.incarnation && device.incarnation->install != report.incarnation.install;
    device.hub_nonce = {};
    device.incarnation = report.incarnation;
    device.refusals.clear();  // counted anew
    if (device.rollout) {
      Rollout& rollout = turn.state.rollouts.at(*device.rollout);
      take_restart(turn, rollout, rollout.targets.at(device.id));
    }
    take_newer(turn, device, report, is_new_install, true);
    acknowledge(turn, device, report);
  } else {
    // Another boot or install: believed only when it quotes a nonce of this run. One that introduces itself has none
    // yet.
    if (!report.hello || !report.hub_nonce.is_zero()) {
      refuse(turn, device, "E_NONCE", "a report of another boot does not quote what this hub asked with");
    }
    ask(turn, device);
  }
  if (was_away && device.connection == Connection::Online) wake_waiting(turn, device);
}

void wake_device(Turn& turn, Device& device) {
  if (device.connection != Connection::Online) return;
  if (turn.now < offline_at(device)) {
    turn.state.due.insert({offline_at(device), DueKey::Kind::Device, device.id.hex()});
    return;
  }
  device.connection = Connection::Offline;
  touch(turn, DeviceKey{device.id});
  recount(turn.state, device.id);
  feed(turn, {.type = "device.offline",
              .object = "device/" + device.name,
              .reason = "silent",
              .message = fmt::format("nothing for {} s", device.heartbeat_s * kHeartbeatsUntilOffline),
              .rollout = {},
              .device = device.name});
  if (!device.rollout) return;
  Rollout& rollout = turn.state.rollouts.at(*device.rollout);
  Target& target = rollout.targets.at(device.id);
  if (target.state == TargetState::Preparing || target.state == TargetState::Prepared) move_on(turn, rollout, target);
}

void ask_leased(Turn& turn) {
  for (auto& [id, device] : turn.state.devices) {
    if (device.lease) ask(turn, device);
  }
}

}  // namespace kelpie::hub
