// Each write rpc's request as what decide takes. Whatever can be judged without the hub's state is judged here, and
// every error names the field. One .cpp per noun.
#pragma once

#include <string>
#include <string_view>

#include "hub/api/call.h"

namespace kelpie::api::v1 {
class AddDeviceRequest;
class ApplyFleetRequest;
class ArchiveArrival;
class ChangeRolloutRequest;
class CreateReleaseRequest;
class DecommissionRequest;
class LabelDeviceRequest;
class MakePlanRequest;
class Named;
class RenameDeviceRequest;
class StartRolloutRequest;
}  // namespace kelpie::api::v1

namespace kelpie::hub {

inline constexpr std::size_t kReasonBytesMax = 512;            // chosen: a sentence or two, kept in the audit log
inline constexpr std::size_t kReleaseInlineBytesMax = 16'384;  // ARCHITECTURE decision 8: releases travel inline
inline constexpr std::size_t kNamedDevicesMax = 10'000;        // chosen: the largest fleet a hub is built for

[[nodiscard]] Result<AddDevice> to_add_device(const api::v1::AddDeviceRequest& in);
[[nodiscard]] Result<LabelDevice> to_label_device(const api::v1::LabelDeviceRequest& in);
[[nodiscard]] Result<RenameDevice> to_rename_device(const api::v1::RenameDeviceRequest& in);
[[nodiscard]] Result<DecommissionDevice> to_decommission(const api::v1::DecommissionRequest& in);

[[nodiscard]] Result<StoreArchive> to_store_archive(const api::v1::ArchiveArrival& in);

/// Errors: E_TYPE, E_SIG, E_SCHEMA, TOO_LARGE; RELEASE with the field.
[[nodiscard]] Result<StoreRelease> to_store_release(const api::v1::CreateReleaseRequest& in, const wire::Trust& trust);

[[nodiscard]] Result<ApplyFleet> to_apply_fleet(const api::v1::ApplyFleetRequest& in,
                                                std::optional<std::uint32_t> if_revision);
[[nodiscard]] Result<DeleteFleet> to_delete_fleet(const api::v1::Named& in, std::optional<std::uint32_t> if_revision);

[[nodiscard]] Result<MakePlan> to_make_plan(const api::v1::MakePlanRequest& in);
/// Errors: E_TYPE, E_SIG, E_SCHEMA, E_EXPIRED, E_THRESHOLD; NotSupported for enforceWaves.
[[nodiscard]] Result<StartRollout> to_start_rollout(const api::v1::StartRolloutRequest& in, const wire::Trust& trust,
                                                    WallTime now);
[[nodiscard]] Result<ChangeRollout> to_change_rollout(const api::v1::ChangeRolloutRequest& in, RolloutVerb verb);

// ---- what several of them need -------------------------------------------------------------------------------------

[[nodiscard]] Error wrong_field(std::string_view path, std::string_view what);
[[nodiscard]] Result<void> check_name_field(std::string_view path, std::string_view text);
/// One line of printable UTF-8 for people.
[[nodiscard]] Result<void> check_line(std::string_view path, std::string_view text, std::size_t bytes_max);
/// name@version
[[nodiscard]] Result<void> check_release_ref(std::string_view path, std::string_view text);
[[nodiscard]] bool is_version(std::string_view text);

/// A frame of this type whose signatures by operators hold and whose payload obeys its schema.
struct OperatorFrame {
  std::string payload;
  std::vector<std::string> persons;  // who signed, each once, in alphabetical order
};
struct FrameWanted {
  wire::FrameType type = wire::FrameType::Release;
  std::size_t payload_bytes_max = 0;
  std::string_view name;  // for people: "release"
};
[[nodiscard]] Result<OperatorFrame> open_operator_frame(std::string_view bytes, const wire::Trust& trust,
                                                        const FrameWanted& wanted);

}  // namespace kelpie::hub
