// A plan on the screen: what changes for whom, wave by wave, and what to type next.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tools/kelpie/command.h"
#include "tools/kelpie/signing/plan_check.h"
#include "tools/kelpie/signing/release_diff.h"

namespace kelpie::cli {

/// What one class of devices reports now, and what the plan's release changes for it.
struct PlanGroup {
  std::string from;  // name@version; empty: no release of ours is proved there
  std::size_t devices = 0;
  std::vector<DiffLine> changes;
};

struct PlanSight {
  api::v1::Plan plan;
  ProvedRelease release;
  std::vector<PlanGroup> groups;  // most devices first
};

/// Asks the hub for everything a person should see before signing.
[[nodiscard]] Result<PlanSight> look_at_plan(Invocation& invocation, api::v1::Plan plan, const wire::Trust& trust);
[[nodiscard]] std::vector<Block> plan_blocks(const PlanSight& sight);
[[nodiscard]] std::vector<Column> plan_columns();
[[nodiscard]] Line diff_line(const DiffLine& line, std::string_view indent);

}  // namespace kelpie::cli
