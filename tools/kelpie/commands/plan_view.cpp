#include "tools/kelpie/commands/plan_view.h"

#include <algorithm>
#include <map>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "tools/kelpie/sign.h"
#include "tools/kelpie/words.h"

namespace kelpie::cli {
namespace {

constexpr std::size_t kGroupsMax = 3;      // classes of devices whose changes are shown
constexpr std::size_t kNamesMax = 20;      // devices of a wave named in a table; -o json has all
constexpr std::size_t kLookedUpMax = 200;  // devices asked for one by one when no selector names them

/// The release a device proves, and what it lacks of it by now, when that is the one that is planned.
using Present = std::pair<std::string, std::vector<std::string>>;

Present present(const api::v1::Device& device, const api::v1::Plan& plan) {
  const api::v1::DeviceStatus& status = device.status();
  if (status.reported_release() != plan.spec().release()) return {status.reported_release(), {}};
  return {status.reported_release(), {status.drift().begin(), status.drift().end()}};
}

Result<std::map<Present, std::size_t>> count_present(Session& session, const api::v1::Plan& plan) {
  std::map<Present, std::size_t> out;
  if (!plan.spec().selector().empty()) {
    api::v1::ListRequest request;
    if (plan.spec().selector() != "*") request.set_selector(plan.spec().selector());
    KELPIE_TRY(const api::v1::DeviceList devices, session.list<api::v1::DeviceList>("ListDevices", request));
    for (const api::v1::Device& device : devices.items()) ++out[present(device, plan)];
    return out;
  }
  std::size_t asked = 0;
  for (const api::v1::PlannedWave& wave : plan.spec().waves()) {
    for (const std::string& name : wave.devices()) {
      if (++asked > kLookedUpMax) return out;
      api::v1::Named request;
      request.set_name(name);
      KELPIE_TRY(const api::v1::Device device, session.call<api::v1::Device>("GetDevice", request));
      ++out[present(device, plan)];
    }
  }
  return out;
}

std::string names_of(const api::v1::PlannedWave& wave) {
  const auto shown = std::min(static_cast<std::size_t>(wave.devices_size()), kNamesMax);
  const std::vector<std::string> first(wave.devices().begin(),
                                       wave.devices().begin() + static_cast<std::ptrdiff_t>(shown));
  const std::size_t more = static_cast<std::size_t>(wave.devices_size()) - shown;
  return fmt::format("{}{}", fmt::join(first, " "), more == 0 ? "" : fmt::format(" and {} more", more));
}

Table wave_table(const api::v1::Plan& plan) {
  Table table{.columns = plan_columns(), .rows = {}, .empty = "no waves"};
  for (const api::v1::PlannedWave& wave : plan.spec().waves()) {
    const auto number = [](std::uint32_t value) { return Cell{std::to_string(value), Tone::Plain, value}; };
    table.rows.push_back({{wave.name()},
                          number(static_cast<std::uint32_t>(wave.devices_size())),
                          {kelpie::to_string(to_duration(wave.soak()))},
                          number(wave.failures_max()),
                          number(wave.deferred_max()),
                          number(wave.successes_min()),
                          {names_of(wave)}});
  }
  return table;
}

void add_changes(const PlanSight& sight, std::vector<Block>& out) {
  const bool is_adhoc = sight.plan.spec().scope() == "adhoc";
  for (const PlanGroup& group : sight.groups) {
    if (!is_adhoc) {
      const std::string from = group.from.empty() ? "nothing of Kelpie's" : group.from;
      out.emplace_back(Line{{fmt::format("  from {} on {}{}", from, counted(group.devices, "device"),
                                         group.changes.empty() ? ": nothing changes" : "")}});
    }
    for (const DiffLine& line : group.changes) out.emplace_back(diff_line(line, is_adhoc ? "  " : "    "));
  }
}

}  // namespace

std::vector<Column> plan_columns() {
  return {{.title = "WAVE"},
          {.title = "DEVICES", .is_number = true},
          {.title = "SOAK", .drop_order = 5},
          {.title = "MAX-FAILED", .drop_order = 2, .is_number = true},
          {.title = "MAX-DEFERRED", .drop_order = 4, .is_number = true},
          {.title = "MIN-OK", .drop_order = 3, .is_number = true},
          {.title = "NAMES", .drop_order = 1}};
}

Line diff_line(const DiffLine& line, std::string_view indent) {
  const Tone tone = line.sign == '+' ? Tone::Good : line.sign == '-' ? Tone::Bad : Tone::Warn;
  return {{fmt::format("{}{} ", indent, line.sign), tone}, {fmt::format("{:<10}", line.what)}, {" " + line.text}};
}

Result<PlanSight> look_at_plan(Invocation& in, api::v1::Plan plan, const wire::Trust& trust) {
  PlanSight out;
  KELPIE_TRY(out.release, fetch_release(in.session(), plan.spec().release(), trust));
  if (plan.spec().scope() == "adhoc") {
    out.groups.push_back(
        {.from = {}, .devices = plan.status().devices(), .changes = release_diff(v1::Release(), out.release.release)});
    out.plan = std::move(plan);
    return out;
  }
  KELPIE_TRY(const auto here, count_present(in.session(), plan));
  for (const auto& [now, devices] : here) {
    const auto& [ref, drift] = now;
    if (ref == plan.spec().release() && drift.empty()) continue;
    PlanGroup& group = out.groups.emplace_back(PlanGroup{.from = ref, .devices = devices, .changes = {}});
    for (const std::string& line : drift) group.changes.push_back({.sign = '~', .what = "drift", .text = line});
  }
  std::stable_sort(out.groups.begin(), out.groups.end(),
                   [](const PlanGroup& a, const PlanGroup& b) { return a.devices > b.devices; });
  if (out.groups.size() > kGroupsMax) out.groups.resize(kGroupsMax);
  for (PlanGroup& group : out.groups) {
    if (group.from == plan.spec().release()) continue;  // what has drifted comes back
    v1::Release before;
    if (!group.from.empty()) {
      KELPIE_TRY(ProvedRelease known, fetch_release(in.session(), group.from, trust));
      before = std::move(known.release);
    }
    group.changes = release_diff(before, out.release.release);
  }
  out.plan = std::move(plan);
  return out;
}

std::vector<Block> plan_blocks(const PlanSight& sight) {
  const api::v1::Plan& plan = sight.plan;
  std::vector<Block> out;
  out.emplace_back(Line{{"RELEASE  ", Tone::Faint},
                        {plan.spec().release(), Tone::Strong},
                        {fmt::format("   signed by {} ", fmt::join(sight.release.persons, ", "))},
                        {"✔", Tone::Good}});
  add_changes(sight, out);
  const api::v1::PlanStatus& status = plan.status();
  out.emplace_back(Line{{"DEVICES  ", Tone::Faint},
                        {fmt::format("{} match   {} change   {} already there   {} offline", status.devices(),
                                     status.devices() - std::min(status.devices(), status.already_there()),
                                     status.already_there(), status.offline())}});
  out.emplace_back(wave_table(plan));
  for (const std::string& warning : status.warnings()) {
    out.emplace_back(Line{{"! ", Tone::Warn}, {warning}});
  }
  return out;
}

}  // namespace kelpie::cli
