#include <algorithm>
#include <map>

#include <fmt/core.h>

#include "hub/api/policy.h"
#include "hub/api/views/views.h"
#include "hub/api/writes.h"
#include "hub/core/query.h"

namespace kelpie::hub {
namespace {

constexpr std::size_t kFailureNamesMax = 20;  // api.proto: FailureGroup

void show_wave(const Wave& wave, const WaveMoves& moves, api::v1::WaveStatus& out) {
  out.set_name(wave.plan.name);
  out.set_phase(std::string(to_string(wave.phase)));
  out.set_members(wave.counters.members);
  out.set_succeeded(wave.counters.succeeded);
  out.set_failed(wave.counters.failed);
  out.set_unknown(wave.counters.unknown);
  out.set_deferred(wave.counters.deferred);
  out.set_excluded(wave.counters.excluded);
  out.set_in_flight(moves.in_flight);
  out.set_waiting(moves.waiting);
  out.set_failures_max(wave.plan.failures_max);
  out.set_successes_min(wave.plan.successes_min);
  set_duration(*out.mutable_soak(), wave.plan.soak);
  if (wave.opened_at != WallTime{}) set_time(*out.mutable_opened_at(), wave.opened_at);
  if (wave.closed_at != WallTime{}) set_time(*out.mutable_closed_at(), wave.closed_at);
}

void show_waves(const Rollout& rollout, api::v1::RolloutStatus& out) {
  for (const Wave& wave : rollout.waves) {
    const WaveCounters& counters = wave.counters;
    const WaveMoves moves = is_terminal(rollout.phase) ? WaveMoves{} : wave.moves;  // nothing moves any more
    out.set_devices(out.devices() + counters.members);
    out.set_succeeded(out.succeeded() + counters.succeeded);
    out.set_failed(out.failed() + counters.failed);
    out.set_unknown(out.unknown() + counters.unknown);
    out.set_deferred(out.deferred() + counters.deferred);
    out.set_excluded(out.excluded() + counters.excluded);
    out.set_in_flight(out.in_flight() + moves.in_flight);
    out.set_waiting(out.waiting() + moves.waiting);
    show_wave(wave, moves, *out.add_waves());
  }
}

/// Failed targets by their reason, the most frequent first.
void show_failures(const HubState& state, const Rollout& rollout, api::v1::RolloutStatus& out) {
  for (const auto& [reason, devices] : rollout.failed) {
    api::v1::FailureGroup& group = *out.add_failures();
    group.set_reason(reason);
    group.set_count(static_cast<std::uint32_t>(devices.size()));
    for (const DeviceId& id : devices) {
      if (static_cast<std::size_t>(group.devices_size()) == kFailureNamesMax) break;
      group.add_devices(device_name(state, id));
    }
  }
  std::stable_sort(out.mutable_failures()->begin(), out.mutable_failures()->end(),
                   [](const auto& a, const auto& b) { return a.count() > b.count(); });
}

struct RolloutFilter {
  std::string fleet;
  struct Condition {
    std::string key;
    bool is_equal = true;
    std::string value;
  };
  std::vector<Condition> where;
};

Result<void> check_condition(std::string_view key, std::string_view value) {
  if (key == "scope" && is_name(value)) return {};
  if (key == "scope") return fail(wrong_field("where", fmt::format("scope \"{}\" is no name", value)));
  std::string known;
  for (int i = 0; i <= static_cast<int>(RolloutPhase::Succeeded); ++i) {
    const std::string_view phase = to_string(static_cast<RolloutPhase>(i));
    if (value == phase) return {};
    known.append(i == 0 ? "" : ", ").append(phase);
  }
  return fail(wrong_field("where", fmt::format("phase \"{}\" is none of {}", value, known)));
}

Result<RolloutFilter::Condition> parse_condition(std::string_view text) {
  const std::size_t equals = text.find('=');
  const bool is_equal = equals == 0 || equals == std::string_view::npos || text[equals - 1] != '!';
  const std::string_view key = text.substr(0, is_equal ? std::min(equals, text.size()) : equals - 1);
  if (equals != std::string_view::npos && (key == "phase" || key == "scope")) {
    KELPIE_TRY(check_condition(key, text.substr(equals + 1)));
    return RolloutFilter::Condition{std::string(key), is_equal, std::string(text.substr(equals + 1))};
  }
  return fail(wrong_field(
      "where", fmt::format("\"{}\" is not a condition on rollouts: write phase=paused or scope!=adhoc", text)));
}

Result<RolloutFilter> parse_filter(const api::v1::ListRequest& in) {
  RolloutFilter out{.fleet = in.fleet(), .where = {}};
  if (!in.selector().empty()) return fail(wrong_field("selector", "rollouts are not filtered by it"));
  for (std::string_view rest = in.where(); !rest.empty();) {
    const std::size_t end = std::min(rest.find(','), rest.size());
    KELPIE_TRY(RolloutFilter::Condition condition, parse_condition(rest.substr(0, end)));
    out.where.push_back(std::move(condition));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return out;
}

bool is_wanted(const Rollout& rollout, const RolloutFilter& filter) {
  if (!filter.fleet.empty() && filter.fleet != rollout.fleet) return false;
  return std::all_of(filter.where.begin(), filter.where.end(), [&](const RolloutFilter::Condition& condition) {
    const std::string_view word = condition.key == "phase" ? to_string(rollout.phase) : rollout.scope;
    return (word == condition.value) == condition.is_equal;
  });
}

}  // namespace

void show_rollout(const ApiView& view, const Rollout& rollout, api::v1::Rollout& out) {
  head(out, "Rollout");
  out.mutable_metadata()->set_name(rollout.id.text());
  out.mutable_metadata()->set_id(rollout.id.text());
  out.mutable_metadata()->set_revision(rollout.revision);
  set_time(*out.mutable_metadata()->mutable_created_at(), rollout.started_at);
  api::v1::RolloutSpec& spec = *out.mutable_spec();
  spec.set_fleet(rollout.fleet);
  spec.set_release(release_name(view.state, rollout.release));
  spec.set_scope(rollout.scope);
  spec.set_plan(rollout.plan.text());
  spec.set_plan_hash(rollout.plan_hash.hex());
  spec.set_reason(rollout.reason);
  spec.set_started_by(rollout.started_by);
  spec.set_signed_by(rollout.signed_by);
  spec.set_verb(rollout.verb);
  show_policy(rollout.policy, *spec.mutable_policy());
  api::v1::RolloutStatus& status = *out.mutable_status();
  status.set_phase(std::string(to_string(rollout.phase)));
  status.set_reason(rollout.phase_reason);
  status.set_why(why(view.state, rollout));
  show_waves(rollout, status);
  set_time(*status.mutable_started_at(), rollout.started_at);
  if (rollout.ended_at != WallTime{}) set_time(*status.mutable_ended_at(), rollout.ended_at);
  for (const std::string& command : next_commands(view.state, rollout)) status.add_next(command);
  if (!is_terminal(rollout.phase) && rollout.open_wave < rollout.waves.size()) {
    status.set_wave(rollout.waves[rollout.open_wave].plan.name);
  }
}

Answer answer_rollouts(const api::v1::ListRequest& in, const ApiView& view, WallTime now) {
  KELPIE_TRY(const std::size_t size, page_size(in.page_size()));
  KELPIE_TRY(const RolloutFilter filter, parse_filter(in));
  auto at = view.state.rollouts.end();  // newest first: ids sort by time
  if (!in.page_token().empty()) {
    const Result<RolloutId> after = RolloutId::parse(in.page_token());
    if (!after) return fail(wrong_field("pageToken", after.error().message));
    at = view.state.rollouts.lower_bound(*after);
  }
  auto out = std::make_shared<api::v1::RolloutList>();
  head(*out, "RolloutList");
  set_time(*out->mutable_as_of(), now);
  while (at != view.state.rollouts.begin()) {
    --at;
    if (!is_wanted(at->second, filter)) continue;
    if (static_cast<std::size_t>(out->items_size()) == size) {
      out->set_next_page_token(out->items(out->items_size() - 1).metadata().id());
      return out;
    }
    show_rollout(view, at->second, *out->add_items());
  }
  return out;
}

Answer answer_rollout(const std::string& id, const ApiView& view) {
  const Result<RolloutId> parsed = RolloutId::parse(id);
  const auto at = parsed ? view.state.rollouts.find(*parsed) : view.state.rollouts.end();
  if (at == view.state.rollouts.end()) return fail(unknown("rollout", id));
  auto out = std::make_shared<api::v1::Rollout>();
  show_rollout(view, at->second, *out);
  show_failures(view.state, at->second, *out->mutable_status());
  return out;
}

}  // namespace kelpie::hub
