// What a write answers: the object it made or changed, or, for a dry run, the object it would have made.
#include <fmt/core.h>

#include "hub/api/input.h"
#include "hub/api/views/views.h"
#include "hub/api/writes.h"
#include "hub/core/rollout/plan.h"

namespace kelpie::hub {
namespace {

/// "device/pi-07" → "pi-07"
std::string name_of(const std::string& object) {
  const std::size_t slash = object.find('/');
  return slash == std::string::npos ? std::string() : object.substr(slash + 1);
}

bool has_prefix(const std::string& object, std::string_view kind) {
  return object.size() > kind.size() && object.starts_with(kind) && object[kind.size()] == '/';
}

struct Shown {
  const ApiView& view;
  WallTime now;

  Answer operator()(const AddDevice& add) const {
    auto out = std::make_shared<api::v1::Device>();
    Device device;
    device.id = add.id;
    device.name = add.name;
    device.labels = add.labels;
    show_device(view, device, *out);
    return out;
  }
  Answer operator()(const LabelDevice& label) const { return answer_device(label.name, view); }
  Answer operator()(const RenameDevice& rename) const { return answer_device(rename.name, view); }
  Answer operator()(const DecommissionDevice&) const { return std::make_shared<api::v1::Empty>(); }
  Answer operator()(const StoreRelease& store) const {
    auto out = std::make_shared<api::v1::Release>();
    show_release(store.release, *out);
    return out;
  }
  Answer operator()(const ApplyFleet& apply) const {
    auto out = std::make_shared<api::v1::Fleet>();
    show_fleet(view, apply.fleet, *out);
    return out;
  }
  Answer operator()(const DeleteFleet&) const { return std::make_shared<api::v1::Empty>(); }
  Answer operator()(const MakePlan& make) const {
    auto out = std::make_shared<api::v1::Plan>();
    KELPIE_TRY(const Plan plan, make_plan(view.state, make, now));
    show_plan(view, plan, *out);
    return out;
  }
  Answer operator()(const StartRollout& start) const {
    auto out = std::make_shared<api::v1::Rollout>();
    head(*out, "Rollout");
    out->mutable_spec()->set_plan(start.plan.text());
    out->mutable_spec()->set_plan_hash(start.signed_plan.hash.hex());
    out->mutable_spec()->set_reason(start.reason);
    return out;
  }
  Answer operator()(const StoreArchive&) const { return std::make_shared<api::v1::Empty>(); }
  Answer operator()(const ChangeRollout& change) const { return answer_rollout(change.rollout.text(), view); }
};

}  // namespace

Answer answer_write(const ApiCall& call, const std::string& object, const ApiView& view, WallTime now) {
  if (call.is_dry_run) {
    KELPIE_TRY(const ApiWrite write, to_write(call, view.trust, now));
    return std::visit(Shown{view, now}, write.what);
  }
  if (call.method == "DecommissionDevice" || call.method == "DeleteFleet" || call.method == "StoreArchive")
    return std::make_shared<api::v1::Empty>();
  if (has_prefix(object, "device")) return answer_device(name_of(object), view);
  if (has_prefix(object, "fleet")) return answer_fleet(name_of(object), view);
  if (has_prefix(object, "release")) return answer_release(name_of(object), view);
  if (has_prefix(object, "plan")) return answer_plan(name_of(object), view);
  if (has_prefix(object, "rollout")) return answer_rollout(name_of(object), view);
  return fail(Code::Internal, fmt::format("{} answered no object to show: \"{}\"", call.method, object));
}

}  // namespace kelpie::hub
