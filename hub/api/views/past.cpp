// Pages of the event stream and of the audit log. One page reads a bounded stretch, however rare its matches are.
#include <deque>

#include <fmt/core.h>

#include "hub/api/history.h"
#include "hub/api/views/views.h"

namespace kelpie::hub {
namespace {

constexpr std::uint64_t kReadMax = 10'000;  // chosen: records read for one page, while the loop waits

/// From where a page reads, and whether it shows the first matches of its stretch or the last.
struct Stretch {
  std::uint64_t after = 0;  // the number before the first record read, counted from 1
  bool is_newest = false;
};

Result<Stretch> stretch_of(const api::v1::ListEventsRequest& in, std::uint64_t newest) {
  if (!in.page_token().empty()) {
    KELPIE_TRY(const std::uint64_t after, parse_sequence("pageToken", in.page_token()));
    return Stretch{.after = after};
  }
  if (!in.after().empty()) {
    KELPIE_TRY(const std::uint64_t after, parse_sequence("after", in.after()));
    return Stretch{.after = after};
  }
  return Stretch{.after = newest > kReadMax ? newest - kReadMax : 0, .is_newest = true};
}

template <typename Record>
struct Page {
  std::size_t size = 0;
  Stretch stretch;
  std::deque<Record> records;
  std::uint64_t read = 0;
  std::uint64_t next = 0;  // 0: nothing is left

  /// False: stop reading. number is counted from 1.
  bool take(const Record& record, std::uint64_t number, bool is_wanted) {
    if (!stretch.is_newest && (records.size() == size || read == kReadMax)) {
      next = number - 1;
      return false;
    }
    ++read;
    if (!is_wanted) return true;
    records.push_back(record);
    if (records.size() > size) records.pop_front();  // only the newest page ever has more
    return true;
  }
};

void show_audit(const AuditEntry& entry, api::v1::AuditEntry& out) {
  head(out, "AuditEntry");
  out.set_number(std::to_string(entry.number));
  set_time(*out.mutable_time(), entry.time);
  out.set_actor(entry.actor);
  out.set_action(entry.action);
  out.set_object(entry.object);
  out.set_reason(entry.reason);
  out.set_plan_hash(entry.plan_hash);
  out.set_frame_hash(entry.frame_hash);
}

/// Entries about a target are named by its attempt: rollout/device/n.
bool is_about(const AuditEntry& entry, const api::v1::ListEventsRequest& in, const HubState& state) {
  if (!in.rollout().empty() && entry.object != "rollout/" + in.rollout() &&
      !entry.object.starts_with(in.rollout() + "/")) {
    return false;
  }
  if (in.device().empty() || entry.object == "device/" + in.device()) return true;
  const auto id = state.device_names.find(in.device());
  return id != state.device_names.end() && entry.object.find("/" + id->second.hex() + "/") != std::string::npos;
}

/// A name nobody bears and nothing is written about: a typo must not read as "nothing happened". What is written about
/// a device outlives it.
Result<void> check_known(const api::v1::ListEventsRequest& in, const HubState& state) {
  if (!in.device().empty() && !state.device_names.contains(in.device())) return fail(unknown("device", in.device()));
  const Result<RolloutId> id = RolloutId::parse(in.rollout());
  if (!in.rollout().empty() && (!id || !state.rollouts.contains(*id))) return fail(unknown("rollout", in.rollout()));
  return {};
}

}  // namespace

Answer answer_events(const api::v1::ListEventsRequest& in, const ApiView& view, WallTime now) {
  Page<FeedEvent> page;
  KELPIE_TRY(page.size, page_size(in.page_size()));
  KELPIE_TRY(page.stretch, stretch_of(in, view.state.feed_sequence));
  KELPIE_TRY(visit_events(view.store, page.stretch.after, [&](const FeedEvent& event) {
    const bool is_wanted =
        (in.rollout().empty() || in.rollout() == event.rollout) && (in.device().empty() || in.device() == event.device);
    return page.take(event, event.sequence, is_wanted);
  }));
  if (page.records.empty()) KELPIE_TRY(check_known(in, view.state));
  auto out = std::make_shared<api::v1::EventList>();
  head(*out, "EventList");
  for (const FeedEvent& event : page.records) show_event(event, *out->add_items());
  if (page.next != 0) out->set_next_page_token(std::to_string(page.next));
  set_time(*out->mutable_as_of(), now);
  return out;
}

Answer answer_audit(const api::v1::ListEventsRequest& in, const ApiView& view, WallTime now) {
  Page<AuditEntry> page;
  KELPIE_TRY(page.size, page_size(in.page_size()));
  KELPIE_TRY(page.stretch, stretch_of(in, view.state.audit.size()));
  // Entries count from 0: entry n is the (n+1)th, and what comes after the nth begins with entry n.
  KELPIE_TRY(visit_audit(view.store, page.stretch.after, [&](const AuditEntry& entry) {
    return page.take(entry, entry.number + 1, is_about(entry, in, view.state));
  }));
  if (page.records.empty()) KELPIE_TRY(check_known(in, view.state));
  auto out = std::make_shared<api::v1::AuditList>();
  head(*out, "AuditList");
  for (const AuditEntry& entry : page.records) show_audit(entry, *out->add_items());
  if (page.next != 0) out->set_next_page_token(std::to_string(page.next));
  set_time(*out->mutable_as_of(), now);
  return out;
}

}  // namespace kelpie::hub
