#include "hub/core/query.h"

#include <algorithm>

#include <fmt/format.h>

#include "hub/core/rollout/target.h"
#include "hub/core/rollout/target_parts.h"
#include "hub/core/rollout/wave.h"

namespace kelpie::hub {
namespace {

struct WhereKey {
  std::string_view key;
  std::vector<std::string_view> words;  // empty: a duration
};

/// "any" is a warning of any kind.
std::vector<std::string_view> warning_words() {
  std::vector<std::string_view> words = warning_kinds();
  words.emplace_back("any");
  return words;
}

const std::vector<WhereKey>& where_keys() {
  static const std::vector<WhereKey> keys = {
      {"connection", {to_string(Connection::NeverSeen), to_string(Connection::Online), to_string(Connection::Offline)}},
      {"health",
       {to_string(Health::Healthy), to_string(Health::Degraded), to_string(Health::Failed),
        to_string(Health::Unknown)}},
      {"update",
       {to_string(Update::UpToDate), to_string(Update::Updating), to_string(Update::OutOfDate),
        to_string(Update::Failed)}},
      {"drift", {"yes", "no"}},
      {"warning", warning_words()},
      {"last-seen", {}}};
  return keys;
}

std::string_view update_word(const HubState& state, const Device& device) {
  const auto counted = state.counted.find(device.id);
  return counted != state.counted.end() && counted->second.update ? to_string(*counted->second.update)
                                                                  : std::string_view{};
}

std::string_view word_of(const HubState& state, const Device& device, std::string_view key) {
  if (key == "connection") return to_string(device.connection);
  if (key == "health") return to_string(health_of(device));
  if (key == "drift") return device.drift.is_empty() ? "no" : "yes";
  return update_word(state, device);
}

bool holds(const HubState& state, const Device& device, const Condition& condition, WallTime now) {
  if (condition.key == "last-seen") {
    const Duration silent = device.connection == Connection::NeverSeen ? Duration::max() : now - device.last_seen;
    const Duration limit = *parse_duration(condition.value);
    return condition.op == ">" ? silent > limit : silent < limit;
  }
  const bool is_wanted = condition.op == "=";
  if (condition.key == "warning") {
    const bool is_warned =
        condition.value == "any" ? !device.warnings.empty() : device.warnings.contains(condition.value);
    return is_warned == is_wanted;
  }
  return (word_of(state, device, condition.key) == condition.value) == is_wanted;
}

bool matches(const HubState& state, const DeviceQuery& query, const Device& device, WallTime now) {
  if (query.has_selector && !query.selector.matches(device.labels)) return false;
  return std::all_of(query.where.begin(), query.where.end(),
                     [&](const Condition& condition) { return holds(state, device, condition, now); });
}

Result<Condition> parse_condition(std::string_view text) {
  const auto wrong = [&] {
    return fail({.code = Code::InvalidArgument,
                 .message = fmt::format("\"{}\" is not a condition", text),
                 .reason = "WHERE",
                 .hint = "write update=failed, connection!=online, drift=yes, warning=disk or last-seen>24h; "
                         "kelpie help selectors"});
  };
  const std::size_t at = text.find_first_of("=!<>");
  if (at == std::string_view::npos) return wrong();
  Condition condition{.key = std::string(text.substr(0, at)),
                      .op = text.substr(at).starts_with("!=") ? "!=" : std::string(1, text[at]),
                      .value = {}};
  condition.value = text.substr(at + condition.op.size());
  const auto key = std::ranges::find(where_keys(), condition.key, &WhereKey::key);
  if (key == where_keys().end() || condition.value.empty()) return wrong();
  const bool is_time = key->words.empty();
  const bool is_order = condition.op == "<" || condition.op == ">";
  if (is_time != is_order) return wrong();
  if (is_time && !parse_duration(condition.value)) return wrong();
  if (!is_time && std::ranges::find(key->words, condition.value) == key->words.end()) {
    return fail(
        {.code = Code::InvalidArgument,
         .message = fmt::format("{} \"{}\" is none of {}", key->key, condition.value, fmt::join(key->words, ", ")),
         .reason = "WHERE",
         .hint = "kelpie help selectors"});
  }
  return condition;
}

std::string in_flight_line(const Rollout& rollout) {
  const std::uint32_t in_flight = moves_of(rollout).in_flight;
  return in_flight > 0 ? fmt::format("; no new device starts, the {} in flight finish", in_flight)
                       : "; no new device starts";
}

/// Some failed device is not a later rollout's by now.
bool can_retry(const HubState& state, const Rollout& rollout) {
  return std::ranges::any_of(rollout.failed, [&](const auto& group) {
    return std::ranges::any_of(group.second, [&](const DeviceId& id) {
      return state.devices.contains(id) && !is_superseded(state, rollout, rollout.targets.at(id));
    });
  });
}

/// What people ask first of a device that failed: whether it still does its work.
std::string_view way_back(FailedOutcome outcome) {
  switch (outcome) {
    case FailedOutcome::Restored: return " (restored: it is as it was before)";
    case FailedOutcome::Broken: return " (BROKEN: it could not go back)";
    case FailedOutcome::Preflight: return " (nothing was changed)";
    case FailedOutcome::None: return "";
  }
  return "";
}

/// A paused rollout gives a device back only when somebody ends the pause.
std::string conflict_line(const HubState& state, const std::string& other) {
  const Result<RolloutId> id = RolloutId::parse(other);
  const auto at = id ? state.rollouts.find(*id) : state.rollouts.end();
  if (at == state.rollouts.end() || at->second.phase != RolloutPhase::Paused) {
    return fmt::format("rollout {} has the device", other);
  }
  return fmt::format("rollout {0} has the device and is paused: kelpie rollout resume {0}, or abort {0}", other);
}

}  // namespace

Result<std::vector<Condition>> parse_where(std::string_view text) {
  std::vector<Condition> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    KELPIE_TRY(Condition condition, parse_condition(text.substr(0, end)));
    out.push_back(std::move(condition));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

DevicePage list_devices(const HubState& state, const DeviceQuery& query, WallTime now) {
  DevicePage page;
  const auto fleet = state.fleet_pages.find(query.fleet);
  if (!query.fleet.empty() && fleet == state.fleet_pages.end()) return page;
  const HubState::ByName& names = query.fleet.empty() ? state.device_names : fleet->second;
  for (auto at = names.upper_bound(query.after); at != names.end(); ++at) {
    const Device& device = state.devices.at(at->second);
    if (!matches(state, query, device, now)) continue;
    if (page.devices.size() == query.page_size) {
      page.next = page.devices.back()->name;
      break;
    }
    page.devices.push_back(&device);
  }
  return page;
}

std::vector<Attention> attention(const HubState& state) {
  std::vector<Attention> out;
  for (auto at = state.rollouts.rbegin(); at != state.rollouts.rend(); ++at) {
    const Rollout& rollout = at->second;
    if (rollout.phase != RolloutPhase::Paused) continue;
    const std::string where = rollout.fleet.empty() ? "" : " on " + rollout.fleet;
    out.push_back({true, fmt::format("rollout {}{} paused: {}", rollout.id.text(), where, why(state, rollout)),
                   "kelpie rollout status " + rollout.id.text()});
  }
  const auto count = [](const auto& totals, auto key) {
    const auto found = totals.find(key);
    return found == totals.end() ? 0U : found->second;
  };
  if (const std::uint32_t failed = count(state.totals.update, Update::Failed); failed > 0) {
    out.push_back({true, fmt::format("{} {} failed to update", failed, failed == 1 ? "device" : "devices"),
                   "kelpie device list --where update=failed"});
  }
  if (const std::uint32_t failed = count(state.totals.health, Health::Failed); failed > 0) {
    out.push_back({true, fmt::format("{} {} not healthy", failed, failed == 1 ? "device is" : "devices are"),
                   "kelpie device list --where health=failed"});
  }
  if (!state.repairs_held.empty()) {
    const Device& first = state.devices.at(*state.repairs_held.begin());
    const std::size_t held = state.repairs_held.size();
    out.push_back({false,
                   fmt::format("drift of {} {} is not repaired; {}: {}", held, held == 1 ? "device" : "devices",
                               first.name, first.repairs.held),
                   "kelpie device show " + first.name});
  }
  if (const std::uint32_t degraded = count(state.totals.health, Health::Degraded); degraded > 0) {
    out.push_back({false, fmt::format("{} {} of something", degraded, degraded == 1 ? "device warns" : "devices warn"),
                   "kelpie device list --where health=degraded"});
  }
  if (const std::uint32_t offline = count(state.totals.connection, Connection::Offline); offline > 0) {
    out.push_back({false, fmt::format("{} {} offline", offline, offline == 1 ? "device is" : "devices are"),
                   "kelpie device list --where connection=offline"});
  }
  if (const std::uint32_t never = count(state.totals.connection, Connection::NeverSeen); never > 0) {
    out.push_back({false, fmt::format("{} {} never reported", never, never == 1 ? "device has" : "devices have"),
                   "kelpie device list --where connection=never-seen"});
  }
  return out;
}

std::string why(const HubState&, const Rollout& rollout) {
  if (rollout.phase_reason == "failure_limit" && rollout.open_wave < rollout.waves.size()) {
    const Wave& wave = rollout.waves[rollout.open_wave];
    const std::uint32_t bad = wave.counters.failed + wave.counters.unknown;
    const std::string line = fmt::format("{} of {} devices failed in wave {}, at most {} may", bad,
                                         wave.counters.members, wave.plan.name, wave.plan.failures_max);
    return rollout.phase == RolloutPhase::Paused ? line + in_flight_line(rollout) : line;
  }
  if (rollout.phase == RolloutPhase::Aborting) {
    return fmt::format("{}; waits for the {} in flight", rollout.phase_detail, moves_of(rollout).in_flight);
  }
  return rollout.phase_detail;
}

std::vector<std::string> next_commands(const HubState& state, const Rollout& rollout) {
  const std::string& id = rollout.id.text();
  switch (rollout.phase) {
    case RolloutPhase::Running: return {"kelpie rollout status " + id + " --watch", "kelpie rollout pause " + id};
    case RolloutPhase::Paused:
      if (rollout.phase_reason == "failure_limit" || rollout.phase_reason == "no_evidence") {
        if (!can_retry(state, rollout)) return {"kelpie rollout abort " + id};
        return {"kelpie rollout retry " + id, "kelpie rollout abort " + id};
      }
      return {"kelpie rollout resume " + id, "kelpie rollout abort " + id};
    case RolloutPhase::Aborting: return {"kelpie rollout status " + id + " --watch"};
    case RolloutPhase::Aborted:
    case RolloutPhase::Succeeded: return {};
  }
  return {};
}

std::string why(const HubState& state, const Rollout& rollout, const Target& target) {
  const std::string& name = rollout.waves[target.wave].plan.name;
  const auto device = state.devices.find(target.device);
  if (is_in_flight(target.state) && device != state.devices.end() && device->second.connection == Connection::Offline) {
    return fmt::format("the device is offline since {}, its last word was {}; unknown after {}",
                       to_rfc3339(device->second.last_seen), to_string(target.state), to_rfc3339(target.deadline));
  }
  switch (target.state) {
    case TargetState::Waiting:
      switch (target.reason) {
        case WaitReason::None: return "it is looked at next";
        case WaitReason::Wave: return fmt::format("wave {} is not open yet", name);
        case WaitReason::Pause: return "the rollout is paused: " + why(state, rollout);
        case WaitReason::Offline: return "the device is offline; it is served when it comes back";
        case WaitReason::Backoff:
          return fmt::format("tried again at {}: {}", to_rfc3339(target.wake_at), target.reported.detail);
        case WaitReason::Conflict: return conflict_line(state, target.conflict);
        case WaitReason::PrepareCapacity: return "too many devices prepare at once";
      }
      return {};
    case TargetState::Preparing:
      return target.reported.progress.empty() ? "the device prepares; it reports when it is ready"
                                              : "the device prepares: " + target.reported.progress;
    case TargetState::Prepared:
      return rollout.phase == RolloutPhase::Running ? "GO is given next" : "ready; the rollout is not running";
    case TargetState::Granted: return "GO was given; the device confirms next";
    case TargetState::Executing: return "the device carries out its steps";
    case TargetState::Verifying: return "the device checks the result";
    case TargetState::Soaking: return "the device must stay healthy for the soak time";
    case TargetState::Unknown: return "GO was given and no final word came; its late report decides";
    case TargetState::Deferred: return "left for when the device comes back";
    case TargetState::Failed:
      return fmt::format("{}: {}{}", target.reported.reason, target.reported.detail, way_back(target.reported.outcome));
    case TargetState::Excluded: return "the device was decommissioned";
    case TargetState::Superseded: return "a later rollout has begun on this device";
    case TargetState::Canceled: return "the rollout was aborted before this device had its GO";
    case TargetState::Succeeded: return {};
  }
  return {};
}

std::string release_name(const HubState& state, const Digest& digest) {
  const auto at = state.releases.find(digest);
  return at == state.releases.end() ? std::string{} : fmt::format("{}@{}", at->second.name, at->second.version);
}

}  // namespace kelpie::hub
