// Reading the stored event stream and audit log, a page at a time, by their numbers.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "hub/core/state.h"
#include "hub/store/kv.h"

namespace google::protobuf {
class Timestamp;
}
namespace kelpie::api::v1 {
class Event;
class AuditEntry;
}  // namespace kelpie::api::v1

namespace kelpie::hub {

/// Events with a greater sequence than after, in order, until visit returns false. Errors: the store's; DataLoss.
[[nodiscard]] Result<void> visit_events(const KeyValueStore& store, std::uint64_t after,
                                        const std::function<bool(const FeedEvent&)>& visit);
/// Audit entries from this number on.
[[nodiscard]] Result<void> visit_audit(const KeyValueStore& store, std::uint64_t first,
                                       const std::function<bool(const AuditEntry&)>& visit);
/// The last event's sequence, 0 when there is none; found by halving, since sequences have no gaps.
[[nodiscard]] Result<std::uint64_t> newest_event(const KeyValueStore& store);

void show_event(const FeedEvent& event, api::v1::Event& out);
/// Decimal. Errors: InvalidArgument that names the field.
[[nodiscard]] Result<std::uint64_t> parse_sequence(std::string_view field, std::string_view text);

}  // namespace kelpie::hub
