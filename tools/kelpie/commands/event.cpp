// kelpie event list, watch and export; kelpie audit list.
#include <algorithm>

#include <fmt/core.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/time_util.h>

#include "tools/kelpie/commands.h"
#include "tools/kelpie/follow.h"
#include "tools/kelpie/interrupt.h"
#include "tools/kelpie/words.h"

namespace kelpie::cli {
namespace {

using api::v1::Event;
using api::v1::EventList;
using api::v1::ListEventsRequest;

constexpr std::size_t kListedUsual = 100;
constexpr std::uint32_t kPageMax = 1'000;  // the hub's

constexpr Flag kSinceFlag{.name = "since", .value = "TIME", .what = "2h, or 2026-11-22T09:00:00Z"};
constexpr Flag kRolloutFlag{
    .name = "rollout", .value = "ROLLOUT", .what = "only of this rollout", .completes = Completes::Rollouts};
constexpr Flag kDeviceFlag{
    .name = "device", .value = "DEVICE", .what = "only of this device", .completes = Completes::Devices};
constexpr Flag kAfterFlag{.name = "after", .value = "SEQ", .what = "only newer ones than this"};

std::string time_words(const google::protobuf::Timestamp& time) {
  constexpr std::size_t kToSeconds = 19;
  return to_rfc3339(to_wall(time)).substr(0, kToSeconds) + "Z";
}

std::vector<Column> event_columns() {
  return {{.title = "TIME", .drop_order = 2},
          {.title = "TYPE"},
          {.title = "OBJECT"},
          {.title = "REASON", .drop_order = 3},
          {.title = "MESSAGE", .drop_order = 1},
          {.title = "SEQ", .drop_order = 5, .is_wide = true, .is_number = true},
          {.title = "ROLLOUT", .drop_order = 4, .is_wide = true}};
}

Tone tone_of_event(const Event& event) {
  return tone_of(event.type().substr(event.type().find('.') + 1));  // rollout.paused → paused
}

View show_events(EventList events) {
  Table table{.columns = event_columns(), .rows = {}, .empty = "no events"};
  for (const Event& event : events.items()) {
    table.rows.push_back({{time_words(event.time())},
                          {event.type(), tone_of_event(event)},
                          {event.object()},
                          {or_dash(event.reason())},
                          {or_dash(event.message())},
                          {.text = event.seq(), .number = std::atof(event.seq().c_str())},
                          {or_dash(event.rollout())}});
  }
  return view_of(std::move(events), {std::move(table)});
}

Result<WallTime> parse_since(const std::string& text) {
  google::protobuf::Timestamp time;
  if (google::protobuf::util::TimeUtil::FromString(text, &time)) return to_wall(time);
  Result<Duration> ago = parse_duration(text);
  if (ago) return SystemClock().wall() - *ago;
  return fail({.code = Code::InvalidArgument,
               .message = fmt::format("--since: \"{}\" is no time", text),
               .reason = {},
               .hint = "write 2h, 7d or 2026-11-22T09:00:00Z"});
}

/// The last sequence before a time, found by halving: sequences have no gaps and times hardly step back.
Result<std::uint64_t> sequence_before(Session& session, WallTime time) {
  KELPIE_TRY(const std::string newest, newest_sequence(session));
  std::uint64_t low = 0;
  std::uint64_t high = std::strtoull(newest.c_str(), nullptr, 10);
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    ListEventsRequest request;
    request.set_after(std::to_string(middle));
    request.set_page_size(1);
    KELPIE_TRY(const EventList page, session.call<EventList>("ListEvents", request));
    const bool is_before = !page.items().empty() && to_wall(page.items(0).time()) < time;
    if (is_before) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

Result<ListEventsRequest> wanted_events(Invocation& in) {
  ListEventsRequest out;
  out.set_rollout(in.value("rollout"));
  out.set_device(in.value("device"));
  if (in.has("after")) out.set_after(in.value("after"));
  if (in.has("since")) {
    KELPIE_TRY(const WallTime since, parse_since(in.value("since")));
    KELPIE_TRY(const std::uint64_t after, sequence_before(in.session(), since));
    out.set_after(std::to_string(after));
  }
  return out;
}

/// Of a listing of the newest: one page of the hub's. Errors: InvalidArgument.
Result<std::uint32_t> newest_limit(Invocation& in) {
  KELPIE_TRY(const std::size_t limit, in.number("limit", kListedUsual));
  if (limit <= kPageMax) return static_cast<std::uint32_t>(limit);
  return fail({.code = Code::InvalidArgument,
               .message = fmt::format("--limit {}: the newest are at most {} at a time", limit, kPageMax),
               .reason = {},
               .hint = "--after 0 lists all from the beginning"});
}

Result<View> run_list(Invocation& in) {
  KELPIE_TRY(ListEventsRequest request, wanted_events(in));
  if (!request.after().empty()) {
    KELPIE_TRY(const std::size_t limit, in.number("limit", Session::kNoLimit));
    KELPIE_TRY(EventList events, in.session().list<EventList>("ListEvents", request, limit));
    return show_events(std::move(events));
  }
  KELPIE_TRY(const std::uint32_t limit, newest_limit(in));
  request.set_page_size(limit);
  KELPIE_TRY(EventList events, in.session().call<EventList>("ListEvents", request));
  return show_events(std::move(events));
}

/// A line of its own for each event, with columns that do not depend on what is still to come.
View event_line(const Event& event) {
  return view_of(event, {Line{{time_words(event.time()), Tone::Faint},
                              {fmt::format("  {:<22} ", event.type()), tone_of_event(event)},
                              {fmt::format("{:<28}  {} {}", event.object(), event.reason(), event.message())}}});
}

Result<View> run_watch(Invocation& in) {
  const InterruptNotice notice;
  KELPIE_TRY(const ListEventsRequest wanted, wanted_events(in));
  KELPIE_TRY(const Duration timeout, wait_timeout(in.settings(), Duration(0)));
  KELPIE_TRY(const std::size_t limit, in.number("limit", Session::kNoLimit));
  std::size_t shown = 0;
  const auto take = [&](std::string_view line) {
    google::protobuf::Struct change;
    const bool is_json = google::protobuf::util::JsonStringToMessage(std::string(line), &change).ok() &&
                         change.fields().contains("type");
    if (!is_json) return true;  // half a line before the hub went away
    Event event;
    const bool is_event = change.fields().at("type").string_value() == "CHANGED";
    if (is_event) {
      std::string object;
      const auto at = change.fields().find("object");
      if (at == change.fields().end()) return true;
      if (!google::protobuf::util::MessageToJsonString(at->second, &object).ok()) return true;
      if (!google::protobuf::util::JsonStringToMessage(object, &event).ok()) return true;
    }
    in.screen().item(is_event ? event_line(event) : View{}, line);
    shown += is_event ? 1 : 0;
    return shown < limit;
  };
  KELPIE_TRY(stream_events(
      in.session(),
      {.after = wanted.after(), .rollout = wanted.rollout(), .device = wanted.device(), .timeout = timeout}, take,
      [] { return true; }));
  View view;
  view.exit = shown >= limit ? ExitCode::Done : ExitCode::TimedOut;
  if (shown < limit) view.notes.push_back(fmt::format("watched events for {}", to_string(timeout)));
  return view;
}

/// Page by page, so that a year of events needs no memory.
Result<View> run_export(Invocation& in) {
  KELPIE_TRY(ListEventsRequest request, wanted_events(in));
  if (request.after().empty()) request.set_after("0");
  request.set_page_size(kPageMax);
  std::size_t count = 0;
  do {
    KELPIE_TRY(const EventList page, in.session().call<EventList>("ListEvents", request));
    for (const Event& event : page.items()) in.screen().line(event);
    count += static_cast<std::size_t>(page.items_size());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  View view;
  view.notes.push_back(fmt::format("{} exported", counted(count, "event")));
  return view;
}

std::vector<Column> audit_columns() {
  return {{.title = "NUMBER", .drop_order = 4, .is_number = true},
          {.title = "TIME", .drop_order = 2},
          {.title = "ACTOR"},
          {.title = "ACTION"},
          {.title = "OBJECT"},
          {.title = "REASON", .drop_order = 1},
          {.title = "PLAN", .drop_order = 5, .is_wide = true},
          {.title = "FRAME", .drop_order = 6, .is_wide = true}};
}

Result<View> run_audit(Invocation& in) {
  ListEventsRequest request;
  request.set_rollout(in.value("rollout"));
  request.set_device(in.value("device"));
  api::v1::AuditList entries;
  if (in.has("after")) {
    KELPIE_TRY(const std::size_t limit, in.number("limit", Session::kNoLimit));
    request.set_after(in.value("after"));
    KELPIE_TRY(entries, in.session().list<api::v1::AuditList>("ListAudit", request, limit));
  } else {
    KELPIE_TRY(const std::uint32_t limit, newest_limit(in));
    request.set_page_size(limit);
    KELPIE_TRY(entries, in.session().call<api::v1::AuditList>("ListAudit", request));
  }
  Table table{.columns = audit_columns(), .rows = {}, .empty = "no entries"};
  for (const api::v1::AuditEntry& entry : entries.items()) {
    table.rows.push_back({{.text = entry.number(), .number = std::atof(entry.number().c_str())},
                          {time_words(entry.time())},
                          {or_dash(entry.actor())},
                          {entry.action()},
                          {or_dash(entry.object())},
                          {or_dash(entry.reason())},
                          {or_dash(entry.plan_hash())},
                          {or_dash(entry.frame_hash())}});
  }
  return view_of(std::move(entries), {std::move(table)});
}

}  // namespace

std::vector<Command> event_commands() {
  return {
      {.path = "event list",
       .summary = "List what happened, oldest first; the newest 100 unless told otherwise",
       .flags = {kSinceFlag, kAfterFlag, kRolloutFlag, kDeviceFlag, kLimitFlag},
       .examples = {"kelpie event list --since 2h",
                    "kelpie event list --rollout 01J9Q2XW5T8Y3Z4A6B7C8D9E0F --limit 20"},
       .columns = event_columns(),
       .run = run_list},
      {.path = "event watch",
       .summary = "Show events as they happen, until Ctrl-C or --timeout",
       .flags = {kSinceFlag,
                 kAfterFlag,
                 kRolloutFlag,
                 kDeviceFlag,
                 {.name = "limit", .value = "N", .what = "end after N events"}},
       .examples = {"kelpie event watch", "kelpie event watch --device pi-turin-07 -o jsonl --timeout 10m"},
       .exits = {ExitCode::Done, ExitCode::TimedOut, ExitCode::Interrupted},
       .run = run_watch},
      {.path = "event export",
       .summary = "Print all events as JSON lines, for a database",
       .flags = {kSinceFlag, kAfterFlag, kRolloutFlag, kDeviceFlag},
       .examples = {"kelpie event export --since 24h", "kelpie event export --after 4711"},
       .run = run_export},
      {.path = "audit list",
       .summary = "List who changed what, and why; the newest 100 unless told otherwise",
       .flags = {kAfterFlag, kRolloutFlag, kDeviceFlag, kLimitFlag},
       .examples = {"kelpie audit list", "kelpie audit list --device pi-turin-07 -o wide"},
       .columns = audit_columns(),
       .run = run_audit},
  };
}

}  // namespace kelpie::cli
