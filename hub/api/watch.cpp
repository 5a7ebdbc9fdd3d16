#include "hub/api/watch.h"

#include <fmt/core.h>
#include <kelpie/api/v1/api.pb.h>

#include "hub/api/history.h"
#include "hub/api/problem.h"

namespace kelpie::hub {
namespace {

std::string event_text(const FeedEvent& event, StreamFormat format) {
  api::v1::Event object;
  show_event(event, object);
  const std::string json = to_json(object);
  if (format == StreamFormat::ServerSentEvents) return fmt::format("id: {}\ndata: {}\n\n", event.sequence, json);
  return fmt::format("{{\"type\":\"CHANGED\",\"seq\":\"{}\",\"object\":{}}}\n", event.sequence, json);
}

bool is_wanted(const FeedEvent& event, const WatchRequest& wanted) {
  return (wanted.rollout.empty() || wanted.rollout == event.rollout) &&
         (wanted.device.empty() || wanted.device == event.device);
}

}  // namespace

std::optional<StreamFormat> stream_format(const HttpRequest& request) {
  if (request.method != "GET" || request.path != "/api/v1/events") return std::nullopt;
  const std::string_view accept = request.header("accept");
  if (accept.find("text/event-stream") != std::string_view::npos) return StreamFormat::ServerSentEvents;
  if (accept.find("application/jsonl") != std::string_view::npos) return StreamFormat::JsonLines;
  return std::nullopt;
}

Result<WatchRequest> parse_watch(const HttpRequest& request, StreamFormat format) {
  WatchRequest out{.format = format};
  KELPIE_TRY(const Pairs query, parse_query(request.query));
  for (const auto& [name, value] : query) {
    if (name == "after") {
      KELPIE_TRY(out.after, parse_sequence("after", value));
    } else if (name == "rollout") {
      out.rollout = value;
    } else if (name == "device") {
      out.device = value;
    } else {
      return fail(
          problem(Code::InvalidArgument, kReasonBadRequest, fmt::format("{}: there is no such parameter here", name)));
    }
  }
  // A browser that reconnects sends the address it began with and, newer than that, the last id it saw.
  if (const std::string_view last = request.header("last-event-id"); !last.empty()) {
    KELPIE_TRY(out.after, parse_sequence("Last-Event-ID", last));
  }
  return out;
}

Result<Viewer> Viewer::open(const KeyValueStore& store, WatchRequest wanted) {
  Viewer out(store, std::move(wanted));
  KELPIE_TRY(const std::uint64_t newest, newest_event(store));
  out.seen_ = out.wanted_.after.value_or(newest);
  return out;
}

std::string Viewer::resync() {
  if (wanted_.format == StreamFormat::ServerSentEvents)
    return fmt::format("id: {}\nevent: resync\ndata: {{}}\n\n", seen_);
  return fmt::format("{{\"type\":\"RESYNC\",\"seq\":\"{}\"}}\n", seen_);
}

Result<std::string> Viewer::read() {
  KELPIE_TRY(const std::uint64_t newest, newest_event(*store_));
  if (seen_ > newest || newest - seen_ > kViewerBehindMax) {  // a restored hub counts from an older number again
    seen_ = newest;
    return resync();
  }
  std::string out;
  std::size_t visited = 0;
  bool has_gap = false;
  KELPIE_TRY(visit_events(*store_, seen_, [&](const FeedEvent& event) {
    has_gap = event.sequence != seen_ + 1;  // history was compacted under the viewer
    if (has_gap) return false;
    seen_ = event.sequence;
    if (is_wanted(event, wanted_)) out.append(event_text(event, wanted_.format));
    return ++visited < kViewerEventsPerRead || out.empty();
  }));
  if (!has_gap) return out;
  seen_ = newest;
  return out.append(resync());
}

std::string Viewer::heartbeat() const {
  if (wanted_.format == StreamFormat::ServerSentEvents) return ": heartbeat\n\n";
  return fmt::format("{{\"type\":\"HEARTBEAT\",\"seq\":\"{}\"}}\n", seen_);
}

std::string Viewer::content_type() const {
  return wanted_.format == StreamFormat::ServerSentEvents ? "text/event-stream" : "application/jsonl";
}

}  // namespace kelpie::hub
