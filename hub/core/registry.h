// Operators' writes that are no rollout: devices, releases, fleets.
#pragma once

#include <string>

#include "hub/core/turn.h"

namespace kelpie::hub {

// Each answers the object it made or changed ("device/pi-07"). Errors: what is wrong; nothing was changed then.
[[nodiscard]] Result<std::string> add_device(Turn& turn, const AddDevice& add, bool is_dry_run);
[[nodiscard]] Result<std::string> label_device(Turn& turn, const LabelDevice& label, bool is_dry_run);
[[nodiscard]] Result<std::string> rename_device(Turn& turn, const RenameDevice& rename, bool is_dry_run);
[[nodiscard]] Result<std::string> decommission(Turn& turn, const DecommissionDevice& gone, bool is_dry_run);
[[nodiscard]] Result<std::string> store_release(Turn& turn, const StoreRelease& store, bool is_dry_run);
[[nodiscard]] Result<std::string> apply_fleet(Turn& turn, const ApplyFleet& apply, bool is_dry_run);
[[nodiscard]] Result<std::string> delete_fleet(Turn& turn, const DeleteFleet& gone, bool is_dry_run);

[[nodiscard]] Result<Device*> device_named(HubState& state, const std::string& name);

}  // namespace kelpie::hub
