#include "hub/api/history.h"

#include <charconv>

#include <fmt/core.h>
#include <google/protobuf/util/time_util.h>
#include <kelpie/api/v1/api.pb.h>

#include "hub/api/problem.h"
#include "hub/records/history.h"

namespace kelpie::hub {
namespace {

/// Keys greater than this one are those of number `first` and above.
std::string key_before(std::string_view prefix, std::uint64_t first) {
  return first == 0 ? std::string() : records::number_key(prefix, first - 1);
}

template <typename Record, typename Read, typename Visit>
Result<void> visit_records(const KeyValueStore& store, std::string_view prefix, const std::string& after, Read read,
                           const Visit& visit) {
  Result<void> outcome;
  KELPIE_TRY(store.scan(prefix, after, [&](std::string_view, std::string_view value) {
    const Result<Record> record = read(value);
    if (!record) {
      outcome = fail(record.error());
      return false;
    }
    return visit(*record);
  }));
  return outcome;
}

Result<bool> has_event(const KeyValueStore& store, std::uint64_t sequence) {
  KELPIE_TRY(const std::optional<std::string> found, store.get(records::number_key(kFeedPrefix, sequence)));
  return found.has_value();
}

Result<std::uint64_t> oldest_event(const KeyValueStore& store) {
  std::uint64_t oldest = 0;
  KELPIE_TRY(visit_events(store, 0, [&](const FeedEvent& event) {
    oldest = event.sequence;
    return false;
  }));
  return oldest;
}

}  // namespace

Result<void> visit_events(const KeyValueStore& store, std::uint64_t after,
                          const std::function<bool(const FeedEvent&)>& visit) {
  return visit_records<FeedEvent>(store, kFeedPrefix, records::number_key(kFeedPrefix, after), records::read_feed,
                                  visit);
}

Result<void> visit_audit(const KeyValueStore& store, std::uint64_t first,
                         const std::function<bool(const AuditEntry&)>& visit) {
  return visit_records<AuditEntry>(store, kAuditPrefix, key_before(kAuditPrefix, first), records::read_audit, visit);
}

Result<std::uint64_t> newest_event(const KeyValueStore& store) {
  KELPIE_TRY(std::uint64_t known, oldest_event(store));  // old events may have been dropped: do not begin at 1
  if (known == 0) return 0;
  std::uint64_t step = 1;
  while (true) {
    KELPIE_TRY(const bool is_there, has_event(store, known + step));
    if (!is_there) break;
    known += step;
    step *= 2;
  }
  // The newest is in [known, known + step).
  while (step > 1) {
    step /= 2;
    KELPIE_TRY(const bool is_there, has_event(store, known + step));
    if (is_there) known += step;
  }
  return known;
}

void show_event(const FeedEvent& event, api::v1::Event& out) {
  out.set_api_version("v1");
  out.set_kind("Event");
  out.set_seq(std::to_string(event.sequence));
  *out.mutable_time() = google::protobuf::util::TimeUtil::MillisecondsToTimestamp(event.time.unix_ms);
  out.set_type(event.type);
  out.set_object(event.object);
  out.set_reason(event.reason);
  out.set_message(event.message);
  out.set_rollout(event.rollout);
  out.set_device(event.device);
}

Result<std::uint64_t> parse_sequence(std::string_view field, std::string_view text) {
  std::uint64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
    return fail(problem(Code::InvalidArgument, kReasonBadRequest,
                        fmt::format("{}: \"{}\" is not a sequence number", field, text)));
  }
  return out;
}

}  // namespace kelpie::hub
