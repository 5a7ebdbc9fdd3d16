#include <charconv>

#include <fmt/core.h>

#include "hub/api/views/views.h"
#include "hub/api/writes.h"
#include "hub/core/query.h"

namespace kelpie::hub {
namespace {

/// Where a page of targets goes on: a place in the plan's order, which never changes.
struct Place {
  std::size_t wave = 0;
  std::size_t member = 0;
};

Result<Place> parse_token(const std::string& token) {
  Place out;
  if (token.empty()) return out;
  const char* const end = token.data() + token.size();
  const auto [dot, wave_error] = std::from_chars(token.data(), end, out.wave);
  if (wave_error == std::errc() && dot != end && *dot == '.') {
    const auto [rest, member_error] = std::from_chars(dot + 1, end, out.member);
    if (member_error == std::errc() && rest == end) return out;
  }
  return fail(wrong_field("pageToken", fmt::format("\"{}\" is none of this list", token)));
}

Result<void> check_state(const std::string& word) {
  if (word.empty()) return {};
  std::string known;
  for (int i = 0; i <= static_cast<int>(TargetState::Deferred); ++i) {
    const std::string_view state = to_string(static_cast<TargetState>(i));
    if (word == state) return {};
    known.append(i == 0 ? "" : ", ").append(state);
  }
  return fail(wrong_field("state", fmt::format("\"{}\" is none of {}", word, known)));
}

}  // namespace

void show_target(const ApiView& view, const Rollout& rollout, const Target& target, api::v1::Target& out) {
  head(out, "Target");
  out.mutable_metadata()->set_name(device_name(view.state, target.device));
  out.mutable_metadata()->set_id(
      to_string(AttemptId{.rollout = rollout.id, .device = target.device, .n = target.attempt}));
  api::v1::TargetStatus& status = *out.mutable_status();
  status.set_rollout(rollout.id.text());
  status.set_wave(rollout.waves[target.wave].plan.name);
  status.set_state(std::string(to_string(target.state)));
  if (target.state == TargetState::Waiting) status.set_reason(std::string(to_string(target.reason)));
  status.set_why(why(view.state, rollout, target));
  set_time(*status.mutable_since(), target.since);
  if (!is_terminal(target.state)) {
    set_time(*status.mutable_wake_at(), target.wake_at);
    set_time(*status.mutable_deadline(), target.deadline);
  }
  if (target.reported.id.n != 0) show_attempt(target.reported, *status.mutable_attempt());
}

Answer answer_targets(const api::v1::ListTargetsRequest& in, const ApiView& view, WallTime now) {
  const Result<RolloutId> id = RolloutId::parse(in.rollout());
  const auto at = id ? view.state.rollouts.find(*id) : view.state.rollouts.end();
  if (at == view.state.rollouts.end()) return fail(unknown("rollout", in.rollout()));
  const Rollout& rollout = at->second;
  KELPIE_TRY(const std::size_t size, page_size(in.page_size()));
  KELPIE_TRY(check_state(in.state()));
  KELPIE_TRY(Place place, parse_token(in.page_token()));
  auto out = std::make_shared<api::v1::TargetList>();
  head(*out, "TargetList");
  set_time(*out->mutable_as_of(), now);
  for (; place.wave < rollout.waves.size(); ++place.wave, place.member = 0) {
    const std::vector<DeviceId>& members = rollout.waves[place.wave].plan.devices;
    for (; place.member < members.size(); ++place.member) {
      const auto target = rollout.targets.find(members[place.member]);
      if (target == rollout.targets.end()) continue;
      if (!in.state().empty() && to_string(target->second.state) != in.state()) continue;
      if (static_cast<std::size_t>(out->items_size()) == size) {
        out->set_next_page_token(fmt::format("{}.{}", place.wave, place.member));
        return out;
      }
      show_target(view, rollout, target->second, *out->add_items());
    }
  }
  return out;
}

}  // namespace kelpie::hub
