// The hub's state as records in the store, and back. One function pair per noun; the shell uses the last two only.
#pragma once

#include <string>
#include <string_view>

#include "hub/core/effects.h"
#include "hub/core/state.h"
#include "hub/store/kv.h"

namespace kelpie::hub::records {

[[nodiscard]] std::string write_device(const Device& device);
[[nodiscard]] Result<Device> read_device(std::string_view bytes);
[[nodiscard]] std::string write_fleet(const Fleet& fleet);
[[nodiscard]] Result<Fleet> read_fleet(std::string_view bytes);
[[nodiscard]] std::string write_release(const Release& release);
[[nodiscard]] Result<Release> read_release(std::string_view bytes);
[[nodiscard]] std::string write_plan(const Plan& plan);  // without its audience
[[nodiscard]] Result<Plan> read_plan(std::string_view bytes);
[[nodiscard]] std::string write_rollout(const Rollout& rollout);  // without audience and targets
[[nodiscard]] Result<Rollout> read_rollout(std::string_view bytes);
[[nodiscard]] std::string write_target(const Target& target);
[[nodiscard]] Result<Target> read_target(std::string_view bytes);
[[nodiscard]] std::string write_remembered(const Remembered& remembered);
[[nodiscard]] Result<Remembered> read_remembered(std::string_view bytes);

/// Leaves and members of the waves, in order: most of a plan's bytes, written once.
[[nodiscard]] std::string write_audience(const Plan& plan);
[[nodiscard]] Result<void> read_audience(std::string_view bytes, Plan& plan);

/// What the effects changed, as one atomic batch.
[[nodiscard]] Batch to_batch(const HubState& state, const Effects& effects);

/// Everything but what decide's rebuild derives. Errors: the store's; DataLoss that names the record;
/// FailedPrecondition when the store belongs to another installation or a newer Kelpie.
[[nodiscard]] Result<HubState> load(const KeyValueStore& store, const InstallationId& installation);
/// Marks a new store as this installation's; nothing when it is marked.
[[nodiscard]] Result<void> mark(KeyValueStore& store, const InstallationId& installation, WallTime now);

}  // namespace kelpie::hub::records
