// All commands, from the files that have them. A new noun is a line here.
#pragma once

#include <vector>

#include "tools/kelpie/command.h"

namespace kelpie::cli {

[[nodiscard]] std::vector<Command> all_commands();

// One function a file, in the order help lists them.
[[nodiscard]] std::vector<Command> status_commands();
[[nodiscard]] std::vector<Command> manifest_commands();  // apply, diff, validate, schema
[[nodiscard]] std::vector<Command> export_commands();
[[nodiscard]] std::vector<Command> device_list_commands();
[[nodiscard]] std::vector<Command> device_show_commands();
[[nodiscard]] std::vector<Command> device_change_commands();
[[nodiscard]] std::vector<Command> device_diagnose_commands();
[[nodiscard]] std::vector<Command> fleet_commands();
[[nodiscard]] std::vector<Command> release_commands();
[[nodiscard]] std::vector<Command> release_make_commands();  // create, diff, verify
[[nodiscard]] std::vector<Command> release_images_commands();
[[nodiscard]] std::vector<Command> rollout_commands();
[[nodiscard]] std::vector<Command> planning_commands();  // rollout plan and start
[[nodiscard]] std::vector<Command> send_commands();      // command send
[[nodiscard]] std::vector<Command> run_commands();       // kelpie command …
[[nodiscard]] std::vector<Command> event_commands();     // and audit
[[nodiscard]] std::vector<Command> hub_commands();
[[nodiscard]] std::vector<Command> key_commands();      // hub init, key, trust
[[nodiscard]] std::vector<Command> context_commands();  // and config
[[nodiscard]] std::vector<Command> completion_commands();
[[nodiscard]] std::vector<Command> own_commands();  // version, help

}  // namespace kelpie::cli
