// The audit log and the event stream as records, and the keys of what is numbered.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "hub/core/state.h"

namespace kelpie::hub::records {

/// prefix and 16 hex digits, so that keys sort by number.
[[nodiscard]] std::string number_key(std::string_view prefix, std::uint64_t number);

[[nodiscard]] std::string write_feed(const FeedEvent& event);
[[nodiscard]] Result<FeedEvent> read_feed(std::string_view bytes);
[[nodiscard]] std::string write_audit(const AuditEntry& entry);
[[nodiscard]] Result<AuditEntry> read_audit(std::string_view bytes);

}  // namespace kelpie::hub::records
