// Which view answers which rpc.
#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "hub/api/input.h"
#include "hub/api/views/views.h"

namespace kelpie::hub {
namespace {

using api::v1::ArchiveArrival;
using api::v1::ListEventsRequest;
using api::v1::ListRequest;
using api::v1::ListTargetsRequest;
using api::v1::Named;

struct ReadRow {
  std::string_view method;
  Answer (*answer)(const ApiCall& call, const ApiView& view, WallTime now);
};

constexpr std::array kReads{
    ReadRow{"GetSummary", [](const ApiCall&, const ApiView& v, WallTime now) { return answer_summary(v, now); }},
    ReadRow{"GetHub", [](const ApiCall&, const ApiView& v, WallTime) { return answer_hub(v); }},
    ReadRow{"GetTrust", [](const ApiCall&, const ApiView& v, WallTime) { return answer_trust(v); }},
    ReadRow{"Metrics", [](const ApiCall&, const ApiView& v, WallTime) { return answer_metrics(v); }},
    ReadRow{"ListDevices", [](const ApiCall& c, const ApiView& v,
                              WallTime now) { return answer_devices(input_of<ListRequest>(c), v, now); }},
    ReadRow{"GetDevice",
            [](const ApiCall& c, const ApiView& v, WallTime) { return answer_device(input_of<Named>(c).name(), v); }},
    ReadRow{"ListArchives", [](const ApiCall& c, const ApiView& v,
                               WallTime now) { return answer_archives(input_of<Named>(c).name(), v, now); }},
    // The next two are no rpcs: asked by whoever brings or fetches an archive's bytes.
    ReadRow{"GetArchive", [](const ApiCall& c, const ApiView& v,
                             WallTime) { return answer_archive(input_of<ArchiveArrival>(c), v); }},
    ReadRow{"OpenArchive", [](const ApiCall& c, const ApiView& v,
                              WallTime) { return answer_open_archive(input_of<ArchiveArrival>(c), v); }},
    ReadRow{"ListFleets", [](const ApiCall& c, const ApiView& v,
                             WallTime now) { return answer_fleets(input_of<ListRequest>(c), v, now); }},
    ReadRow{"GetFleet",
            [](const ApiCall& c, const ApiView& v, WallTime) { return answer_fleet(input_of<Named>(c).name(), v); }},
    ReadRow{"ListReleases", [](const ApiCall& c, const ApiView& v,
                               WallTime now) { return answer_releases(input_of<ListRequest>(c), v, now); }},
    ReadRow{"GetRelease",
            [](const ApiCall& c, const ApiView& v, WallTime) { return answer_release(input_of<Named>(c).name(), v); }},
    ReadRow{"GetPlan",
            [](const ApiCall& c, const ApiView& v, WallTime) { return answer_plan(input_of<Named>(c).name(), v); }},
    ReadRow{"ListRollouts", [](const ApiCall& c, const ApiView& v,
                               WallTime now) { return answer_rollouts(input_of<ListRequest>(c), v, now); }},
    ReadRow{"GetRollout",
            [](const ApiCall& c, const ApiView& v, WallTime) { return answer_rollout(input_of<Named>(c).name(), v); }},
    ReadRow{"ListTargets", [](const ApiCall& c, const ApiView& v,
                              WallTime now) { return answer_targets(input_of<ListTargetsRequest>(c), v, now); }},
    ReadRow{"ListEvents", [](const ApiCall& c, const ApiView& v,
                             WallTime now) { return answer_events(input_of<ListEventsRequest>(c), v, now); }},
    ReadRow{"ListAudit", [](const ApiCall& c, const ApiView& v,
                            WallTime now) { return answer_audit(input_of<ListEventsRequest>(c), v, now); }},
};

}  // namespace

Answer answer_read(const ApiCall& call, const ApiView& view, WallTime now) {
  const auto at =
      std::find_if(kReads.begin(), kReads.end(), [&](const ReadRow& row) { return row.method == call.method; });
  if (at != kReads.end()) return at->answer(call, view, now);
  return fail(Code::Internal, fmt::format("no view answers {}", call.method));
}

}  // namespace kelpie::hub
