// The hub's state as the operator API's messages. One .cpp per noun; nothing here changes anything.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <google/protobuf/timestamp.pb.h>
#include <kelpie/api/v1/api.pb.h>

#include "hub/api/call.h"

namespace kelpie::v1 {
class Facts;
}

namespace kelpie::hub {

// ---- answers of the read rpcs; each takes the call's input ----------------------------------------------------------

[[nodiscard]] Answer answer_summary(const ApiView& view, WallTime now);
[[nodiscard]] Answer answer_hub(const ApiView& view);
[[nodiscard]] Answer answer_trust(const ApiView& view);
[[nodiscard]] Answer answer_metrics(const ApiView& view);  // text in a google.protobuf.StringValue
[[nodiscard]] Answer answer_devices(const api::v1::ListRequest& in, const ApiView& view, WallTime now);
[[nodiscard]] Answer answer_device(const std::string& name, const ApiView& view);
[[nodiscard]] Answer answer_archives(const std::string& device, const ApiView& view, WallTime now);
[[nodiscard]] Answer answer_archive(const api::v1::ArchiveArrival& in, const ApiView& view);
/// Empty when it may come; no rpc.
[[nodiscard]] Answer answer_open_archive(const api::v1::ArchiveArrival& in, const ApiView& view);
[[nodiscard]] Answer answer_fleets(const api::v1::ListRequest& in, const ApiView& view, WallTime now);
[[nodiscard]] Answer answer_fleet(const std::string& name, const ApiView& view);
[[nodiscard]] Answer answer_releases(const api::v1::ListRequest& in, const ApiView& view, WallTime now);
[[nodiscard]] Answer answer_release(const std::string& name, const ApiView& view);
[[nodiscard]] Answer answer_plan(const std::string& id, const ApiView& view);
[[nodiscard]] Answer answer_rollouts(const api::v1::ListRequest& in, const ApiView& view, WallTime now);
[[nodiscard]] Answer answer_rollout(const std::string& id, const ApiView& view);
[[nodiscard]] Answer answer_targets(const api::v1::ListTargetsRequest& in, const ApiView& view, WallTime now);
[[nodiscard]] Answer answer_events(const api::v1::ListEventsRequest& in, const ApiView& view, WallTime now);
[[nodiscard]] Answer answer_audit(const api::v1::ListEventsRequest& in, const ApiView& view, WallTime now);

// ---- objects --------------------------------------------------------------------------------------------------------

void show_device(const ApiView& view, const Device& device, api::v1::Device& out);
void show_fleet(const ApiView& view, const Fleet& fleet, api::v1::Fleet& out);
void show_release(const Release& release, api::v1::Release& out);  // without the frame and who proved it
void show_plan(const ApiView& view, const Plan& plan, api::v1::Plan& out);
void show_rollout(const ApiView& view, const Rollout& rollout, api::v1::Rollout& out);
void show_target(const ApiView& view, const Rollout& rollout, const Target& target, api::v1::Target& out);
void show_attempt(const ReportedAttempt& attempt, api::v1::Attempt& out);
void show_facts(const v1::Facts& in, api::v1::Facts& out);
void show_hub(const ApiView& view, api::v1::HubStatus& out);

/// "paused, wave rest (3/3): failure limit"
[[nodiscard]] std::string rollout_line(const Rollout& rollout);
/// The device's name; its id in hex once it is decommissioned.
[[nodiscard]] std::string device_name(const HubState& state, const DeviceId& id);

// ---- what several of them need --------------------------------------------------------------------------------------

inline constexpr std::uint32_t kPageSizeDefault = 100;
inline constexpr std::uint32_t kPageSizeMax = 1'000;

/// Errors: InvalidArgument above kPageSizeMax.
[[nodiscard]] Result<std::size_t> page_size(std::uint32_t asked);
/// For lists that know no filter but paging. Errors: InvalidArgument that names the filter.
[[nodiscard]] Result<void> check_no_filter(const api::v1::ListRequest& in, std::string_view noun);
void set_time(google::protobuf::Timestamp& out, WallTime time);
void set_duration(google::protobuf::Duration& out, Duration duration);
void show_refusals(const Refusals& refusals, google::protobuf::Map<std::string, std::uint32_t>& out);
[[nodiscard]] Error unknown(std::string_view noun, std::string_view name);

template <typename Object>
void head(Object& out, std::string_view kind) {
  out.set_api_version("v1");
  out.set_kind(std::string(kind));
}

/// One page of a map by its key: shows what comes after the token and returns the next token.
template <typename Map, typename List, typename Show>
[[nodiscard]] std::string show_page(const Map& map, const std::string& after, std::size_t size, List& out, Show show) {
  std::string last;
  for (auto at = map.upper_bound(after); at != map.end(); ++at) {
    if (static_cast<std::size_t>(out.items_size()) == size) return last;
    show(*at, *out.add_items());
    last = at->first;
  }
  return {};
}

}  // namespace kelpie::hub
