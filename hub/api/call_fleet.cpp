#include <fmt/core.h>
#include <kelpie/api/v1/api.pb.h>

#include "hub/api/policy.h"
#include "hub/api/writes.h"
#include "hub/core/selector.h"

namespace kelpie::hub {

Result<ApplyFleet> to_apply_fleet(const api::v1::ApplyFleetRequest& in, std::optional<std::uint32_t> if_revision) {
  KELPIE_TRY(check_name_field("name", in.name()));
  const api::v1::FleetSpec& spec = in.spec();
  if (spec.selector().empty()) return fail(wrong_field("spec.selector", "is missing: say which devices, or * for all"));
  if (const Result<Selector> selector = Selector::parse(spec.selector()); !selector) {
    return fail(wrong_field("spec.selector", selector.error().message));
  }
  if (!spec.release().empty()) KELPIE_TRY(check_release_ref("spec.release", spec.release()));
  ApplyFleet out{.fleet = {}, .if_revision = if_revision};
  out.fleet.name = in.name();
  out.fleet.selector = spec.selector();
  out.fleet.release = spec.release();
  KELPIE_TRY(out.fleet.policy, to_policy(spec.policy(), "spec.policy"));
  return out;
}

Result<DeleteFleet> to_delete_fleet(const api::v1::Named& in, std::optional<std::uint32_t> if_revision) {
  KELPIE_TRY(check_name_field("name", in.name()));
  return DeleteFleet{.name = in.name(), .if_revision = if_revision};
}

}  // namespace kelpie::hub
