// Paging, times and errors that all views share.
#include <algorithm>
#include <array>
#include <limits>

#include <fmt/core.h>
#include <google/protobuf/util/time_util.h>

#include "hub/api/views/views.h"
#include "hub/api/writes.h"

namespace kelpie::hub {

Result<std::size_t> page_size(std::uint32_t asked) {
  if (asked <= kPageSizeMax) return asked == 0 ? kPageSizeDefault : asked;
  return fail(wrong_field("pageSize", fmt::format("{} is above {}", asked, kPageSizeMax)));
}

Result<void> check_no_filter(const api::v1::ListRequest& in, std::string_view noun) {
  for (const auto& [name, text] :
       {std::pair("selector", &in.selector()), std::pair("where", &in.where()), std::pair("fleet", &in.fleet())}) {
    if (!text->empty()) return fail(wrong_field(name, fmt::format("{} are not filtered by it", noun)));
  }
  return {};
}

void set_time(google::protobuf::Timestamp& out, WallTime time) {
  out = google::protobuf::util::TimeUtil::MillisecondsToTimestamp(time.unix_ms);
}

void set_duration(google::protobuf::Duration& out, Duration duration) {
  out = google::protobuf::util::TimeUtil::MillisecondsToDuration(duration.count());
}

void show_refusals(const Refusals& refusals, google::protobuf::Map<std::string, std::uint32_t>& out) {
  for (const auto& [code, count] : refusals) {
    out[code] = static_cast<std::uint32_t>(std::min<std::uint64_t>(count, std::numeric_limits<std::uint32_t>::max()));
  }
}

Error unknown(std::string_view noun, std::string_view name) {
  struct Row {
    std::string_view noun;
    std::string_view reason;
    std::string_view hint;
  };
  static constexpr std::array<Row, 5> kRows = {{{"device", "DEVICE_UNKNOWN", "kelpie device list"},
                                                {"fleet", "FLEET_UNKNOWN", "kelpie fleet list"},
                                                {"release", "RELEASE_UNKNOWN", "kelpie release list"},
                                                {"plan", "PLAN_UNKNOWN", "kelpie rollout plan RELEASE --fleet FLEET"},
                                                {"rollout", "ROLLOUT_UNKNOWN", "kelpie rollout list"}}};
  Error out{.code = Code::NotFound, .message = fmt::format("there is no {} \"{}\"", noun, name)};
  for (const Row& row : kRows) {
    if (row.noun != noun) continue;
    out.reason = row.reason;
    out.hint = row.hint;
  }
  return out;
}

}  // namespace kelpie::hub
