// Which rpcs write, and the way from their requests to the core's ApiWrite.
#include <algorithm>
#include <array>

#include <fmt/core.h>
#include <kelpie/api/v1/api.pb.h>

#include "hub/api/call.h"
#include "hub/api/input.h"
#include "hub/api/problem.h"
#include "hub/api/writes.h"

namespace kelpie::hub {
namespace {

using What = decltype(ApiWrite::what);

struct Asked {
  const ApiCall& call;
  const wire::Trust& trust;
  WallTime now;
};

template <typename Part>
Result<What> widen(Result<Part> part) {
  if (!part) return fail(std::move(part.error()));
  return What(std::move(*part));
}

template <RolloutVerb verb>
Result<What> change(const Asked& asked) {
  return widen(to_change_rollout(input_of<api::v1::ChangeRolloutRequest>(asked.call), verb));
}

struct WriteRow {
  std::string_view method;
  Result<What> (*to_what)(const Asked& asked);
};

constexpr std::array kWrites{
    WriteRow{"AddDevice",
             [](const Asked& a) { return widen(to_add_device(input_of<api::v1::AddDeviceRequest>(a.call))); }},
    WriteRow{"LabelDevice",
             [](const Asked& a) { return widen(to_label_device(input_of<api::v1::LabelDeviceRequest>(a.call))); }},
    WriteRow{"RenameDevice",
             [](const Asked& a) { return widen(to_rename_device(input_of<api::v1::RenameDeviceRequest>(a.call))); }},
    WriteRow{"DecommissionDevice",
             [](const Asked& a) { return widen(to_decommission(input_of<api::v1::DecommissionRequest>(a.call))); }},
    WriteRow{"CreateRelease",
             [](const Asked& a) {
               return widen(to_store_release(input_of<api::v1::CreateReleaseRequest>(a.call), a.trust));
             }},
    WriteRow{"ApplyFleet",
             [](const Asked& a) {
               return widen(to_apply_fleet(input_of<api::v1::ApplyFleetRequest>(a.call), a.call.if_revision));
             }},
    WriteRow{
        "DeleteFleet",
        [](const Asked& a) { return widen(to_delete_fleet(input_of<api::v1::Named>(a.call), a.call.if_revision)); }},
    WriteRow{"MakePlan",
             [](const Asked& a) { return widen(to_make_plan(input_of<api::v1::MakePlanRequest>(a.call))); }},
    WriteRow{"StartRollout",
             [](const Asked& a) {
               return widen(to_start_rollout(input_of<api::v1::StartRolloutRequest>(a.call), a.trust, a.now));
             }},
    WriteRow{"PauseRollout", change<RolloutVerb::Pause>},
    WriteRow{"ResumeRollout", change<RolloutVerb::Resume>},
    WriteRow{"AbortRollout", change<RolloutVerb::Abort>},
    WriteRow{"RetryRollout", change<RolloutVerb::Retry>},
    // No rpc: asked by the door for devices alone.
    WriteRow{"StoreArchive",
             [](const Asked& a) { return widen(to_store_archive(input_of<api::v1::ArchiveArrival>(a.call))); }},
};

const WriteRow* find_write(std::string_view method) {
  const auto at =
      std::find_if(kWrites.begin(), kWrites.end(), [&](const WriteRow& row) { return row.method == method; });
  return at == kWrites.end() ? nullptr : &*at;
}

}  // namespace

bool is_write(const ApiCall& call) {
  return find_write(call.method) != nullptr;
}

Result<ApiWrite> to_write(const ApiCall& call, const wire::Trust& trust, WallTime now) {
  const WriteRow* row = find_write(call.method);
  KELPIE_ASSERT(row != nullptr);
  if (call.if_revision && call.method != "ApplyFleet" && call.method != "DeleteFleet") {
    return fail(Code::NotSupported,
                fmt::format("If-Match is not supported by {}; only fleets have revisions", call.method));
  }
  KELPIE_TRY(What what, row->to_what({call, trust, now}));
  return ApiWrite{.request = call.request,
                  .actor = call.actor,
                  .idempotency_key = call.idempotency_key,
                  .fingerprint = call.fingerprint,
                  .is_dry_run = call.is_dry_run,
                  .what = std::move(what)};
}

}  // namespace kelpie::hub
