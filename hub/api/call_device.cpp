#include <fmt/core.h>
#include <kelpie/api/v1/api.pb.h>

#include "hub/api/writes.h"

namespace kelpie::hub {

Result<AddDevice> to_add_device(const api::v1::AddDeviceRequest& in) {
  KELPIE_TRY(check_name_field("name", in.name()));
  const Result<DeviceId> id = parse_fingerprint(in.fingerprint());
  if (!id) return fail(wrong_field("fingerprint", id.error().message));
  if (id->is_zero()) return fail(wrong_field("fingerprint", "all zero is no key's fingerprint"));
  return AddDevice{.name = in.name(), .id = *id, .labels = {in.labels().begin(), in.labels().end()}};
}

Result<LabelDevice> to_label_device(const api::v1::LabelDeviceRequest& in) {
  KELPIE_TRY(check_name_field("name", in.name()));
  if (in.set().empty() && in.remove().empty()) return fail(wrong_field("set", "no label to set and none to remove"));
  for (const std::string& key : in.remove()) {
    if (in.set().contains(key)) return fail(wrong_field("remove", fmt::format("label \"{}\" is also set", key)));
  }
  return LabelDevice{
      .name = in.name(), .set = {in.set().begin(), in.set().end()}, .remove = {in.remove().begin(), in.remove().end()}};
}

Result<RenameDevice> to_rename_device(const api::v1::RenameDeviceRequest& in) {
  KELPIE_TRY(check_name_field("name", in.name()));
  KELPIE_TRY(check_name_field("newName", in.new_name()));
  if (in.name() == in.new_name()) return fail(wrong_field("newName", "the device has this name already"));
  return RenameDevice{.name = in.name(), .new_name = in.new_name()};
}

Result<DecommissionDevice> to_decommission(const api::v1::DecommissionRequest& in) {
  KELPIE_TRY(check_name_field("name", in.name()));
  KELPIE_TRY(check_line("reason", in.reason(), kReasonBytesMax));
  return DecommissionDevice{.name = in.name(), .reason = in.reason()};
}

Result<StoreArchive> to_store_archive(const api::v1::ArchiveArrival& in) {
  StoreArchive out{.attempt = {}, .sha256 = in.sha256(), .bytes = in.bytes()};
  KELPIE_TRY(out.attempt, parse_attempt_id(in.attempt()));
  const Result<Digest> sha256 = Digest::from_hex(in.sha256());
  if (!sha256) return fail(wrong_field("sha256", sha256.error().message));
  return out;
}

}  // namespace kelpie::hub
